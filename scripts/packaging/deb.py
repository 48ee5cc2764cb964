"""The Debian package: the system's files around a release, what dpkg is told, and the archive."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]

# Where each file of the checkout goes.
SYSTEM_FILES = {
    "systemd/polegate.service": "usr/lib/systemd/system/polegate.service",
    "systemd/polegate.sysusers": "usr/lib/sysusers.d/polegate.conf",
    "systemd/polegate.tmpfiles": "usr/lib/tmpfiles.d/polegate.conf",
    "systemd/polegate.modules-load": "usr/lib/modules-load.d/polegate.conf",
    "systemd/60-polegate-serial.rules": "usr/lib/udev/rules.d/60-polegate-serial.rules",
    "scripts/packaging/debian/polegate.toml": "usr/share/doc/polegate/examples/polegate.toml",
}
DOCUMENTS = "usr/share/doc/polegate"

# No file of it lies in /etc, so there are no conffiles, and an upgrade never asks about one.
CONTROL = """\
Package: polegate
Version: {version}
Architecture: {arch}
Maintainer: polegate maintainers <maintainers@polegate.invalid>
Installed-Size: {kib}
Depends: python3 (>= 3.11), python3 (<< 3.12), libc6 (>= 2.28), systemd, init-system-helpers
Recommends: ca-certificates, udev
Section: net
Priority: optional
Description: edge agent for smart light poles and river stations
 One daemon on a small gateway reads Modbus and serial gauges, keeps every
 reading on disk until the platform has acknowledged it over MQTT, and says
 plainly what is wrong when something is.
 .
 Its Python libraries are inside, as locked by hash; they touch no others.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The files that the build itself writes."""

    manual: str
    bash: str
    zsh: str
    fish: str
    bill: str
    licences: str


def lay_out(root: Path, texts: Texts) -> None:
    """Put everything but the release into `root`."""
    for source, target in SYSTEM_FILES.items():
        _write(root / target, (CHECKOUT / source).read_bytes())
    written = {
        "usr/share/man/man1/polegate.1.gz": _gzip(texts.manual),
        "usr/share/bash-completion/completions/polegate": texts.bash.encode(),
        "usr/share/zsh/vendor-completions/_polegate": texts.zsh.encode(),
        "usr/share/fish/vendor_completions.d/polegate.fish": texts.fish.encode(),
        f"{DOCUMENTS}/sbom.cdx.json": texts.bill.encode(),
        f"{DOCUMENTS}/THIRD-PARTY-LICENSES.txt": texts.licences.encode(),
        f"{DOCUMENTS}/copyright": COPYRIGHT.encode(),
        f"{DOCUMENTS}/changelog.gz": _gzip((CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")),
    }
    for target, content in written.items():
        _write(root / target, content)
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/polegate").symlink_to("/opt/polegate/venv/bin/polegate")


def describe(root: Path, version: str, arch: str, release: str) -> int:
    """Write what dpkg wants to know, DEBIAN/; returns the unpacked size in KiB."""
    files = sorted(file for file in root.rglob("*") if file.is_file() and not file.is_symlink())
    kib = sum(-(-file.stat().st_size // 1024) for file in files)
    sums = [f"{hashlib.md5(file.read_bytes()).hexdigest()}  {file.relative_to(root)}\n" for file in files]
    _write(root / "DEBIAN/control", CONTROL.format(version=version, arch=arch, kib=kib).encode())
    _write(root / "DEBIAN/md5sums", "".join(sums).encode())
    for name in ("preinst", "postinst", "prerm", "postrm"):
        text = (HERE / "debian" / name).read_text(encoding="utf-8")
        _write(root / "DEBIAN" / name, text.replace("@RELEASE@", release).encode())
        (root / "DEBIAN" / name).chmod(0o755)
    return kib


def pack(root: Path, deb: Path, epoch: int) -> None:
    """The archive: owned by root, everything of one time and of plain rights."""
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            runs = path.is_dir() or (
                path.parent.name in ("bin", "DEBIAN") and path.read_bytes().startswith(b"#!")
            )
            path.chmod(0o755 if runs else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)
    if shutil.which("dpkg-deb") is None:
        raise RuntimeError("dpkg-deb is missing; build on Debian, or: apt-get install -y dpkg")
    # One thread and one block: how many there are changes the bytes.
    command = [
        "dpkg-deb",
        "--root-owner-group",
        "-Zxz",
        "-z9",
        "--threads-max=1",
        "--build",
        str(root),
        str(deb),
    ]
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    )


def bundle(deb: Path, out: Path, version: str, arch: str, kib: int) -> Path:
    """One file that is a shell script and, behind it, the package."""
    payload = deb.read_bytes()
    target = out / f"polegate-{version}-{arch}.sh"
    known = {
        "VERSION": version, "ARCH": arch, "NAME": target.name, "SIZE": str(len(payload)),
        "SHA256": hashlib.sha256(payload).hexdigest(), "UNPACKED_KIB": str(kib),
    }  # fmt: skip
    script = (HERE / "debian/bundle.sh").read_text(encoding="utf-8")
    for word, value in known.items():
        script = script.replace(f"@{word}@", value)
    target.write_bytes(script.encode() + payload)
    target.chmod(0o755)
    return target


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def _gzip(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)
