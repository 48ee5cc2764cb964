"""One FFmpeg for both: the wheels of OpenCV and of PyAV each bring their own, built of the same version.

The loader looks for a shared object by its name, in the folder of what asks for it (DT_RPATH $ORIGIN). So a
link of that name leads to the other wheel's object of the same version, and no file is changed. What is then
asked for no more is left out: the encoders under the GPL, and a second library for TLS.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from scripts.packaging import elf

OPENCV, PYAV = "opencv_python_headless.libs", "av.libs"
ASKING = ("cv2", "av")

# Both name libavutil alike, but on amd64 PyAV's libavfilter asks for two functions that only PyAV's own has.
TAKEN_OF = {
    "libavcodec": OPENCV,
    "libavformat": OPENCV,
    "libavutil": PYAV,
    "libswresample": OPENCV,
    "libswscale": OPENCV,
}
_NAME = re.compile(r"(lib\w+)-[0-9a-f]{8}(\.so[0-9.]*)")  # auditwheel puts a hash between


def unite(site: Path) -> list[str]:
    """Let both use one; returns what is left out, as FOLDER/NAME. Nothing where the versions differ."""
    folders = [site / OPENCV, site / PYAV]
    if not all(folder.is_dir() for folder in folders) or not (pairs := _pairs(*folders)):
        return []
    names = {file.name for folder in folders for file in folder.iterdir()}
    for kept, other in pairs:
        other.unlink()
        other.symlink_to(f"../{kept.parent.name}/{kept.name}")
    for folder, beside in (folders, folders[::-1]):
        for file in beside.iterdir():
            if not os.path.lexists(folder / file.name):
                (folder / file.name).symlink_to(f"../{beside.name}/{file.name}")
    return _leave_out(site, folders, names)


def _pairs(opencv: Path, pyav: Path) -> list[tuple[Path, Path]]:
    """Of each library the one that is kept and the one that becomes a link; none where versions differ."""
    found = {folder.name: _by_version(folder) for folder in (opencv, pyav)}
    both = {key for key in found[OPENCV].keys() & found[PYAV].keys() if key[0] in TAKEN_OF}
    if {name for name, _ in both} != TAKEN_OF.keys():
        return []
    pairs = []
    for key in sorted(both):
        kept = TAKEN_OF[key[0]]
        pairs.append((found[kept][key], found[PYAV if kept == OPENCV else OPENCV][key]))
    return pairs


def _by_version(folder: Path) -> dict[tuple[str, str], Path]:
    """Each library by name and version."""
    matches = ((_NAME.fullmatch(file.name), file) for file in folder.iterdir())
    return {(match[1], match[2]): file for match, file in matches if match}


def _leave_out(site: Path, folders: list[Path], names: set[str]) -> list[str]:
    """Remove what neither the modules nor what they load asks for, by its name or by that of a link to it."""
    waiting = [module for package in ASKING for module in (site / package).rglob("*.so")]
    asked: set[str] = set()
    while waiting:
        for name in elf.needed(waiting.pop().read_bytes()):
            if name in names and name not in asked:
                asked.add(name)
                waiting.append((folders[0] / name).resolve())
    asked |= {(folders[0] / name).resolve().name for name in asked}
    left_out = []
    for folder in folders:
        for file in sorted(folder.iterdir()):
            if file.name not in asked:
                left_out += [] if file.is_symlink() else [f"{folder.name}/{file.name}"]
                file.unlink()
    return left_out
