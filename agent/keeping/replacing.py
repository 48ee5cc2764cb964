"""How a restore takes the place of what was there: all at one moment, whatever interrupts it.

The new configuration is made in a folder beside the old one, the new store in a file beside the old one; both
are named by the restore. Exchanging the two folders is the moment: before it all is as it was. Behind it the
mark in the new configuration says which store belongs to it, and whoever comes first, this restore or the
daemon's next start, puts that in its place.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from agent.keeping import folders
from buffer.contents import sync
from buffer.copying import put_in_place
from buffer.errors import OutboxError
from buffer.lock import writer_lock

MARK = ".restored"
"""Holds the name of the restore that made this folder."""


def settle(main: Path, store: Path) -> None:
    """Finish a restore that was interrupted behind its moment; nothing where none was.

    Call it before the store is opened.

    Raises:
        OutboxError: another process uses the store, or the disk refuses.
    """
    name = mark_of(main.parent)
    if name and staged_store(store, name).exists():
        with writer_lock(store):
            put_in_place(store, staged_store(store, name), kept_as(store, name))


def tidy(main: Path, store: Path) -> None:
    """Clear away what an interrupted restore has left; the caller holds the writer's lock."""
    folder = main.parent
    done = mark_of(folder)
    if done:
        put_in_place(store, staged_store(store, done), kept_as(store, done))
    for left in folder.parent.glob(f".{folder.name}.restore-*"):
        if done and left == _beside(folder, done):
            left.rename(kept_as(folder, done))
        else:
            shutil.rmtree(left)
    for left in store.parent.glob(f"{store.name}.restore-*"):
        left.unlink()


def mark_of(folder: Path) -> str:
    """The restore that made this folder, "" if none did."""
    try:
        name = (folder / MARK).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return name if name and "/" not in name else ""


@contextmanager
def locked(stores: set[Path]) -> Iterator[None]:
    """Keep every daemon from these stores.

    Raises:
        OutboxInUse: one is running.
    """
    with ExitStack() as locks:
        for store in sorted(stores):
            if store.parent.is_dir():
                locks.enter_context(writer_lock(store))
                with suppress(OSError):
                    folders.owned_as(store.parent, store.with_name(f"{store.name}.lock"))
        yield


def stage_folder(main: Path, name: str, files: Mapping[Path, Path], gone: set[Path]) -> Path:
    """Make the new folder beside the old one: the old one's other files, and `files` by their places.

    Returns the configuration file in it.

    Raises:
        folders.Unfit: the folder cannot be replaced.
        OSError: something cannot be read or written.
    """
    folder = main.parent
    beside = _beside(folder, name)
    folders.copy(folder, beside, {*files, *gone, folder / MARK})
    owner = folder if folder.is_dir() else folder.parent
    for place, content in files.items():
        file = beside / place.relative_to(folder)
        folders.write(file, content, place if place.exists() else None, owner=owner)
    (beside / MARK).write_text(f"{name}\n", encoding="utf-8")
    return beside / main.name


def mark(main: Path, name: str) -> None:
    """Where the configuration stays as it is, the mark alone is the moment."""
    beside = main.parent / f"{MARK}.new"
    beside.write_text(f"{name}\n", encoding="utf-8")
    sync(beside)
    beside.rename(main.parent / MARK)
    sync(main.parent)


def commit(main: Path, store: Path, name: str) -> tuple[Path, ...]:
    """Exchange the folders if one is staged, then put the store in its place; returns what is kept of before.

    The caller holds the writer's lock.
    """
    folder = main.parent
    beside = _beside(folder, name)
    if beside.exists():
        folders.exchange(beside, folder)
    else:
        mark(main, name)
    put_in_place(store, staged_store(store, name), kept_as(store, name))
    if beside.exists():
        beside.rename(kept_as(folder, name))
        sync(folder.parent)
    return tuple(kept for kept in (kept_as(folder, name), kept_as(store, name)) if kept.exists())


def free_name(main: Path, store: Path, wanted: str) -> str:
    """A name for a restore that no restore before has left something under, should the clock say so again."""
    name, number = wanted, 1
    while kept_as(main.parent, name).exists() or kept_as(store, name).exists():
        name, number = f"{wanted}-{number}", number + 1
    return name


def give_up(main: Path, store: Path, name: str) -> None:
    """Clear away what was staged; all is as it was."""
    with suppress(OSError, OutboxError):
        shutil.rmtree(_beside(main.parent, name), ignore_errors=True)
        for left in store.parent.glob(f"{staged_store(store, name).name}*"):
            left.unlink()


def _beside(folder: Path, name: str) -> Path:
    return folder.with_name(f".{folder.name}.restore-{name}")


def staged_store(store: Path, name: str) -> Path:
    """Where the new store is made."""
    return store.with_name(f"{store.name}.restore-{name}")


def kept_as(path: Path, name: str) -> Path:
    """What the folder, or the store, of before is called afterwards."""
    return path.with_name(f"{path.name}.before-{name}")
