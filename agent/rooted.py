"""Where the paths of another system lie: in its tree below a root, such as a mounted image."""

from __future__ import annotations

import errno
import os
from pathlib import Path

MOST_LINKS = 40
"""As many as the kernel follows, path_resolution(7)."""

HERE = Path("/")


def below(root: Path, path: Path) -> Path:
    """Where an absolute path of the system at `root` leads, its links followed within it, as chroot(2) does.

    A relative path, and one of this system itself, stays as it is: the kernel follows its links.

    Raises:
        OSError: ELOOP, its links lead nowhere.
    """
    if root == HERE or not path.is_absolute():
        return path
    found, links = root, 0
    ahead = _steps(path)
    while ahead:
        step = ahead.pop()
        if step == "..":
            found = found if found == root else found.parent
        elif not (place := found / step).is_symlink():
            found = place
        elif (links := links + 1) > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(root / path.relative_to("/")))
        else:
            target = place.readlink()
            found = root if target.is_absolute() else found
            ahead += _steps(target)
    return found


def check_within(root: Path, place: Path) -> None:
    """That no link at or below `place` leads out of the tree, to a file of this system.

    Raises:
        OSError: EXDEV, one does.
    """
    for each in (place, *place.rglob("*")):
        if each.is_symlink() and not Path(os.path.realpath(each)).is_relative_to(root):
            why = f"this link leads to {each.readlink()}, out of {root}; make it a relative one"
            raise OSError(errno.EXDEV, why, str(each))


def _steps(path: Path) -> list[str]:
    """The names on the way, the last one first."""
    return [part for part in reversed(path.parts) if part != path.anchor]
