"""The Debian packages: the system's files around a release, what dpkg is told, the bundle."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]

# Where each file of the checkout goes.
SYSTEM_FILES = {
    "systemd/polegate.service": "usr/lib/systemd/system/polegate.service",
    "systemd/polegate-clock.service": "usr/lib/systemd/system/polegate-clock.service",
    "systemd/polegate-renew.service": "usr/lib/systemd/system/polegate-renew.service",
    "systemd/polegate-renew.timer": "usr/lib/systemd/system/polegate-renew.timer",
    "systemd/polegate.sysusers": "usr/lib/sysusers.d/polegate.conf",
    "systemd/polegate.tmpfiles": "usr/lib/tmpfiles.d/polegate.conf",
    "systemd/polegate.modules-load": "usr/lib/modules-load.d/polegate.conf",
    "systemd/60-polegate-serial.rules": "usr/lib/udev/rules.d/60-polegate-serial.rules",
    "scripts/packaging/debian/polegate.toml": "usr/share/doc/polegate/examples/polegate.toml",
}
DOCUMENTS = "usr/share/doc/polegate"
CAMERA_DOCUMENTS = "usr/share/doc/polegate-camera"

# No file of it lies in /etc, so there are no conffiles, and an upgrade never asks about one.
CONTROL = """\
Package: polegate
Version: {version}
Architecture: {arch}
Maintainer: polegate maintainers <maintainers@polegate.invalid>
Installed-Size: {kib}
Depends: python3 (>= 3.11), python3 (<< 3.12), libc6 (>= 2.28), systemd, init-system-helpers, openssl
Recommends: ca-certificates, udev
Suggests: polegate-camera
Section: net
Priority: optional
Description: edge agent for smart light poles and river stations
 One daemon on a small gateway reads Modbus and serial gauges, keeps every
 reading on disk until the platform has acknowledged it over MQTT, and says
 plainly what is wrong when something is.
 .
 Its Python libraries are inside, as locked by hash; they touch no others.
"""

CAMERA_NEEDS = ("libstdc++6", "zlib1g")
CAMERA_CONTROL = f"""\
Package: polegate-camera
Version: {{version}}
Architecture: {{arch}}
Maintainer: polegate maintainers <maintainers@polegate.invalid>
Installed-Size: {{kib}}
Depends: polegate (= {{version}}), libc6 (>= 2.28), {", ".join(CAMERA_NEEDS)}
Section: net
Priority: optional
Description: edge agent for smart light poles and river stations, camera part
 The libraries with which polegate looks through cameras: decoders, image
 processing, HTTP and XML. Without it polegate serves gauges alone.
"""

COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: polegate

Files: *
Copyright: the authors of polegate
License: Apache-2.0
 On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.
Comment:
 The libraries below /opt/polegate belong to their authors:
 THIRD-PARTY-LICENSES.txt beside this file, and as CycloneDX in sbom.cdx.json.
"""

CAMERA_COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: polegate

Files: *
Copyright: the authors of the libraries below /opt/polegate
License: various
 Each has its own: THIRD-PARTY-LICENSES.txt beside this file, and as CycloneDX
 in sbom.cdx.json. Shared objects under the GNU GPL and LGPL are among them.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A package: what dpkg is told of it, its maintainer scripts, its folder of documents."""

    name: str
    control: str
    scripts: Path
    documents: str
    copyright: str
    needs: tuple[str, ...] = ()
    """Debian packages that the bundle looks for, besides systemd and its helpers."""


POLEGATE = Kind(
    name="polegate",
    control=CONTROL,
    scripts=HERE / "debian",
    documents=DOCUMENTS,
    copyright=COPYRIGHT,
    needs=("openssl",),
)
CAMERAS = Kind(
    name="polegate-camera",
    control=CAMERA_CONTROL,
    scripts=HERE / "debian/camera",
    documents=CAMERA_DOCUMENTS,
    copyright=CAMERA_COPYRIGHT,
    needs=CAMERA_NEEDS,
)


@dataclass(frozen=True, slots=True)
class Package:
    """One that was made; `kib` is what it takes on a disk."""

    kind: Kind
    file: Path
    kib: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The files of the base that the build itself writes."""

    manual: str
    bash: str
    zsh: str
    fish: str


@dataclass(frozen=True, slots=True)
class Papers:
    """What each package says of the libraries in it."""

    bill: str
    licences: str


def lay_out(root: Path, texts: Texts) -> None:
    """Put the system's files of the base into `root`."""
    for source, target in SYSTEM_FILES.items():
        _write(root / target, (CHECKOUT / source).read_bytes())
    written = {
        "usr/share/man/man1/polegate.1.gz": _gzip(texts.manual),
        "usr/share/bash-completion/completions/polegate": texts.bash.encode(),
        "usr/share/zsh/vendor-completions/_polegate": texts.zsh.encode(),
        "usr/share/fish/vendor_completions.d/polegate.fish": texts.fish.encode(),
    }
    for target, content in written.items():
        _write(root / target, content)
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/polegate").symlink_to("/opt/polegate/venv/bin/polegate")


def describe(root: Path, kind: Kind, papers: Papers, words: Mapping[str, str]) -> int:
    """Write the documents and what dpkg wants to know, DEBIAN/; returns the unpacked size in KiB.

    `words` are the version, the arch, and the name of the release or the camera part.
    """
    written = {
        "sbom.cdx.json": papers.bill.encode(),
        "THIRD-PARTY-LICENSES.txt": papers.licences.encode(),
        "copyright": kind.copyright.encode(),
        "changelog.gz": _gzip((CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")),
    }
    for name, content in written.items():
        _write(root / kind.documents / name, content)
    files = sorted(file for file in root.rglob("*") if file.is_file() and not file.is_symlink())
    kib = sum(-(-file.stat().st_size // 1024) for file in files)
    sums = [f"{hashlib.md5(file.read_bytes()).hexdigest()}  {file.relative_to(root)}\n" for file in files]
    _write(root / "DEBIAN/control", kind.control.format(kib=kib, **words).encode())
    _write(root / "DEBIAN/md5sums", "".join(sums).encode())
    for name in ("preinst", "postinst", "prerm", "postrm"):
        text = (kind.scripts / name).read_text(encoding="utf-8")
        _write(root / "DEBIAN" / name, text.replace("@NAME@", words["name"]).encode())
        (root / "DEBIAN" / name).chmod(0o755)
    return kib


def bundle(packages: Sequence[Package], out: Path, version: str, arch: str) -> Path:
    """One file that is a shell script and, behind it, the packages, to be unpacked in this order."""
    payloads = {package.file.name: package.file.read_bytes() for package in packages}
    cameras = any(package.kind == CAMERAS for package in packages)
    target = out / f"polegate-{'cameras-' if cameras else ''}{version}-{arch}.sh"
    lines = [
        f"{name} {len(payload)} {hashlib.sha256(payload).hexdigest()}" for name, payload in payloads.items()
    ]
    # The base is unpacked twice, to see whether its release takes the configuration; and a little to spare.
    room = sum(package.kib * (1 if package.kind == CAMERAS else 2) for package in packages)
    known = {
        "VERSION": version, "ARCH": arch, "NAME": target.name, "WITH": " with cameras" if cameras else "",
        "PACKAGES": "\n".join(lines), "ROOM_KIB": str(room),
        "NEEDS": " ".join(need for package in packages for need in package.kind.needs),
    }  # fmt: skip
    script = (HERE / "debian/bundle.sh").read_text(encoding="utf-8")
    for word, value in known.items():
        script = script.replace(f"@{word}@", value)
    target.write_bytes(script.encode() + b"".join(payloads.values()))
    target.chmod(0o755)
    return target


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def _gzip(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)
