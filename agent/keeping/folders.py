"""A folder replaced as a whole: the new one is made beside it, and one system call exchanges the two."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import stat
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from buffer.contents import sync

MOST_OTHERS = 4096
MOST_OTHER_BYTES = 64 * 2**20
"""What else may lie in a folder that is to be replaced: more, and it is not a configuration's own."""

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # renameat2(2)


class Unfit(Exception):
    """This folder cannot be replaced as a whole; the message says why and what else to do."""


def copy(folder: Path, target: Path, without: Collection[Path]) -> None:
    """Make `target` what `folder` is, owners, rights and links included, but for the files `without`.

    Raises:
        Unfit: it holds too much, or what is no file.
        OSError: something cannot be read or written by this user.
    """
    target.mkdir(mode=0o700)
    if folder.is_dir():
        _check(folder)
        _copy_into(folder, target, frozenset(without))
        _like(folder, target)
    else:
        target.chmod(0o755)


def _copy_into(folder: Path, target: Path, without: frozenset[Path]) -> None:
    for entry in sorted(folder.iterdir()):
        copied = target / entry.name
        if entry in without:
            continue
        if entry.is_symlink():
            copied.symlink_to(entry.readlink())
        elif entry.is_dir():
            copied.mkdir(mode=0o700)
            _copy_into(entry, copied, without)
            _like(entry, copied)
        else:
            shutil.copyfile(entry, copied)
            _like(entry, copied)


def _check(folder: Path) -> None:
    count = total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            found = Path(parent, name).lstat()
            count, total = count + 1, total + found.st_size
            if not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
                raise Unfit(f"{Path(parent, name)} is no plain file; take it out of {folder}, then try again")
        if count > MOST_OTHERS or total > MOST_OTHER_BYTES:
            raise Unfit(
                f"{folder} holds much that is no configuration; give the configuration its own folder"
            )


def write(file: Path, source: Path, like: Path | None, *, owner: Path) -> None:
    """Copy `source` to `file`, with the rights of `like`, or else 0644 and the owner of `owner`."""
    file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    shutil.copyfile(source, file)
    if like is not None:
        _like(like, file)
    else:
        file.chmod(0o644)
        owned_as(owner, file)


def lay(source: Path, file: Path, mode: int) -> None:
    """Copy `source` to the new `file`, the owner's of its folder, and put it on the disk.

    Whoever owns the folder may put something else there meanwhile: a link is not followed, and what is there
    is not written to.

    Raises:
        OSError: there is something, or it cannot be written.
    """
    owner, flags = file.parent.stat(), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with source.open("rb") as content, os.fdopen(os.open(file, flags, 0o600), "wb") as new:
        shutil.copyfileobj(content, new)
        with suppress(PermissionError):
            os.fchown(new.fileno(), owner.st_uid, owner.st_gid)
        os.fchmod(new.fileno(), mode)
        new.flush()
        os.fsync(new.fileno())
    sync(file.parent)


def owned_as(example: Path, path: Path) -> None:
    """Give `path` the owner and group of `example`, as far as this user may; of a link the link itself."""
    found = example.stat()
    with suppress(PermissionError):
        os.chown(path, found.st_uid, found.st_gid, follow_symlinks=False)


def _like(example: Path, path: Path) -> None:
    shutil.copystat(example, path)
    owned_as(example, path)


def exchange(new: Path, folder: Path) -> None:
    """Let `new` be `folder` and `folder` be `new`, at one moment and for good; without `folder`, a rename.

    Raises:
        Unfit: a mount point, or a file system that cannot do it.
        OSError: this user may not.
    """
    _sync_all(new)
    if not folder.exists():
        new.rename(folder)
    else:
        _renameat2(new, folder)
    sync(folder.parent)


def _renameat2(new: Path, folder: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(folder), _RENAME_EXCHANGE) == 0:
        return
    number = ctypes.get_errno()
    if number in (errno.EBUSY, errno.EINVAL, errno.ENOSYS, errno.EXDEV):
        raise Unfit(
            f"{folder} cannot be replaced at one moment ({os.strerror(number)}): it is a mount point, or its "
            "file system cannot do that. Unpack the backup with tar -xzf, copy its config/ there by hand, "
            "then restore once more for the outbox"
        )
    raise OSError(number, os.strerror(number), str(folder))


def _sync_all(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for path in (Path(parent), *(Path(parent, name) for name in names)):
            if not path.is_symlink():
                sync(path)
