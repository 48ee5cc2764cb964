"""A release: a gateway's virtual environment, made of wheels; it remembers nothing of where it was made."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from scripts.packaging import elf, wheels
from scripts.packaging.wheels import PYTHON, Wheel

HOME = "/opt/polegate"
SITE = f"lib/python{PYTHON}/site-packages"

CONFIG = f"""\
home = /usr/bin
include-system-site-packages = false
version = {PYTHON}
"""

COMMAND = """\
#!{release}/bin/python
import sys

from agent.cli.main import main

sys.exit(main())
"""

# Not compiled in advance: highlighters and an old interface that nothing here imports.
NOT_COMPILED = r"/(pygments|pydantic/v1)/"


def build(own: Path, locked: Mapping[str, Wheel], root: Path, camera_part: str) -> str:
    """Make {root}/opt/polegate/releases/VERSION-DIGEST and the link to it; returns that last name.

    `own` is polegate's wheel, whose version leads the name; the digest is that of all files. `camera_part` is
    the folder from which this release, and no other, takes its camera libraries where they are installed.
    """
    version = own.name.split("-")[1]
    site = root / "site"
    own_wheel = Wheel(own, hashlib.sha256(own.read_bytes()).hexdigest())
    lay_out({**locked, "polegate": own_wheel}, site)
    (site / "polegate-camera.pth").write_text(f"{camera_part}\n")
    name = f"{version}-{_digest(site)}"
    release = root / HOME[1:] / "releases" / name
    (release / SITE).parent.mkdir(parents=True)
    site.rename(release / SITE)
    (release / "bin").mkdir()
    (release / "pyvenv.cfg").write_text(CONFIG)
    (release / "bin/polegate").write_text(COMMAND.format(release=f"{HOME}/releases/{name}"))
    (release / "bin/python").symlink_to(f"/usr/bin/python{PYTHON}")
    (release / "bin/python3").symlink_to("python")
    (root / HOME[1:] / "venv").symlink_to(f"releases/{name}")
    compile_all(root, release / SITE)
    return name


def lay_out(libraries: Mapping[str, Wheel], site: Path) -> None:
    """Unpack the wheels; what only debuggers read is left out."""
    wheels.unpack(libraries, site)
    for library in site.rglob("*.so*"):
        library.write_bytes(elf.strip(library.read_bytes()))


def _digest(site: Path) -> str:
    """Of every file's name and content."""
    total = hashlib.sha256()
    for file in sorted(site.rglob("*")):
        if file.is_file():
            total.update(
                f"{file.relative_to(site)}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode()
            )
    return total.hexdigest()[:12]


def compile_all(root: Path, site: Path) -> None:
    """Bytecode that is never checked against its source: nothing is compiled, or written, on a gateway."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" != PYTHON:
        raise RuntimeError(
            f"bytecode for Python {PYTHON} needs Python {PYTHON}, not {sys.version.split()[0]}"
        )
    command = [
        sys.executable, "-m", "compileall", "-q", "-j1", "--invalidation-mode=unchecked-hash",
        "-x", NOT_COMPILED, "-s", str(root), "-p", "/", str(site),
    ]  # fmt: skip
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "0"})


def version_of(own: Path) -> str:
    """Debian's way to write the wheel's version: a pre-release comes before its release."""
    return re.sub(r"(a|b|rc|\.dev)(\d+)", r"~\1\2", own.name.split("-")[1])
