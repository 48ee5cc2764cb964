"""The locked wheels of one architecture: fetched by pip, checked against the lock, unpacked."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
GLIBC = (17, 24, 27, 28, 31, 34, 35, 36)  # Debian 12 has 2.36; pip wants every level named
PYTHON = "3.11"

# What no daemon reads: sources of compiled modules, hints for type checkers, the wheel's own list of files
# (no longer true here), and what goes into THIRD-PARTY-LICENSES.txt and the SBOM instead; makers' own tests,
# builders of Fortran modules, trained detectors of faces, other ways to read XML and HTML than lxml.etree.
LEFT_OUT_SUFFIXES = (".pyx", ".pxd", ".pxi", ".pyi", ".c", ".h", ".a")
LEFT_OUT_FOLDERS = re.compile(
    r"numpy/(f2py|distutils)/|numpy/(.+/)?tests/|cv2/data/.+\.xml$|lxml/(html|isoschematron)/|lxml/objectify\."
)
LICENCE_FILES = ("LICEN", "COPYING", "NOTICE")
LEFT_OUT_OF_DIST_INFO = (
    "RECORD",
    "WHEEL",
    "INSTALLER",
    "top_level.txt",
    "licenses",
    "sboms",
    "license_files",
)


@dataclass(frozen=True, slots=True)
class Pin:
    """One line of the lock; `hashes` are SHA-256 in hex, one for each file the version has."""

    name: str
    version: str
    hashes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel that stands in the lock, with its own SHA-256; `left_out` are entries that are not packed."""

    file: Path
    sha256: str
    left_out: frozenset[str] = frozenset()

    def open(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(self.file)

    def metadata(self) -> Message:
        with self.open() as archive:
            return HeaderParser().parsestr(archive.read(self._dist_info("METADATA")).decode())

    def texts(self, folder: str) -> Iterator[tuple[str, str]]:
        """Name and text of each file of a folder of dist-info, or of those that start like it: LICENSE."""
        with self.open() as archive:
            for name in sorted(archive.namelist()):
                inner = PurePosixPath(name).parts[1:]
                if ".dist-info/" in name and inner and inner[0].startswith(folder) and not name.endswith("/"):
                    yield inner[-1], archive.read(name).decode("utf-8", "replace")

    def _dist_info(self, name: str) -> str:
        with self.open() as archive:
            return next(
                entry for entry in archive.namelist() if entry.split("/", 1)[0].endswith(".dist-info")
                and entry.split("/", 1)[1] == name
            )  # fmt: skip


def target_of(machine: str) -> dict[str, str]:
    """What markers of requirements (PEP 508) are told of a gateway with this machine's name."""
    return {
        "sys_platform": "linux", "platform_machine": machine,
        "python_version": PYTHON, "python_full_version": f"{PYTHON}.0", "extra": "",
    }  # fmt: skip


def read_lock(lock: Path, machine: str) -> list[Pin]:
    """The pins that hold on Linux with this machine's name."""
    pins = []
    for entry in lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        if not entry.strip() or entry.startswith("#"):
            continue
        named, *hashes = entry.split("--hash=sha256:")
        asked = Requirement(named.strip())
        if asked.marker is None or asked.marker.evaluate(environment=target_of(machine)):
            version = str(asked.specifier).removeprefix("==")
            pins.append(Pin(canonicalize_name(asked.name), version, frozenset(h.strip() for h in hashes)))
    return pins


def fetch(lock: Path, arch: str, kept: Path) -> dict[str, Wheel]:
    """Each pin's wheel by name, from `kept`, where pip puts what is missing.

    Raises:
        RuntimeError: a pin has no wheel, or one with a hash that is not in the lock.
    """
    pins = read_lock(lock, MACHINES[arch])
    wheels = _match(pins, kept)
    if len(wheels) < len(pins):
        kept.mkdir(parents=True, exist_ok=True)
        platforms = [f"--platform=manylinux_2_{minor}_{MACHINES[arch]}" for minor in GLIBC]
        command = [
            sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download",
            "--require-hashes", "--no-deps", "--only-binary=:all:", "--implementation=cp",
            f"--python-version={PYTHON}", *platforms, f"--platform=manylinux2014_{MACHINES[arch]}",
            f"--dest={kept}", f"--requirement={lock}",
        ]  # fmt: skip
        subprocess.run(command, check=True)
        wheels = _match(pins, kept)
    if missing := [pin.name for pin in pins if pin.name not in wheels]:
        raise RuntimeError(f"no wheel in {kept} with a hash of {lock.name}: {', '.join(missing)}")
    return wheels


def _match(pins: list[Pin], kept: Path) -> dict[str, Wheel]:
    """By name, the wheels there are; a file that the lock does not know is as good as none."""
    by_hash = {digest: pin.name for pin in pins for digest in pin.hashes}
    wheels = {}
    for file in sorted(kept.glob("*.whl")):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        if digest in by_hash:
            wheels[by_hash[digest]] = Wheel(file, digest)
    return wheels


def unpack(wheels: Mapping[str, Wheel], site: Path) -> None:
    """Lay the wheels' modules and their metadata into `site`."""
    for _, wheel in sorted(wheels.items()):
        with wheel.open() as archive:
            for entry in sorted(archive.namelist()):
                place = None if entry.endswith("/") else _place(PurePosixPath(entry))
                if place is None:
                    continue
                target = site / place
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(entry))


def _place(entry: PurePosixPath) -> PurePosixPath | None:
    """Where an entry of a wheel belongs below site-packages; None for what is left out.

    Raises:
        RuntimeError: it would lie outside.
    """
    if entry.is_absolute() or ".." in entry.parts:
        raise RuntimeError(f"a wheel holds {entry}")
    top, *rest = entry.parts
    if top.endswith(".data"):
        return PurePosixPath(*rest[1:]) if rest[0] in ("purelib", "platlib") else None
    if top.endswith(".dist-info") and (
        rest[0] in LEFT_OUT_OF_DIST_INFO or rest[0].startswith(("LICENSE", "COPYING", "AUTHORS"))
    ):
        return None
    if entry.name.upper().startswith(LICENCE_FILES):
        return entry
    left_out = entry.suffix in LEFT_OUT_SUFFIXES or LEFT_OUT_FOLDERS.match(str(entry))
    return None if left_out else entry
