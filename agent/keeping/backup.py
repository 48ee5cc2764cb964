"""What goes into a backup of a station: its configuration and its store, and no secret."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.config import Outbox
from agent.keeping.archive import Entry, LeftOut, is_storable
from agent.keeping.belongings import STORE, is_private_key, managed, name_of, named
from agent.loaded import Loaded
from buffer.copying import copy_store
from buffer.errors import OutboxError, OutboxFull

PICTURES = "pictures that wait for the platform, which may be much"
UNSOUND = "not looked for, as it does not hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is put in, and what is not and why; `unread` of it for want of rights or of a whole file."""

    entries: tuple[Entry, ...]
    left_out: tuple[LeftOut, ...]
    unread: tuple[LeftOut, ...]


def configuration(loaded: Loaded | None, main: Path, secrets: Iterable[tuple[str, str]]) -> Contents:
    """The configuration and the files it names; `secrets` are places by key, and are only named.

    Of one that does not hold, None, only its own files: what it names is not known.
    """
    entries: list[Entry] = []
    left_out = [LeftOut(what=place, why=f"a secret ({key}): bring it separately") for key, place in secrets]
    unread: list[LeftOut] = []
    wanted = dict.fromkeys(managed(main), "")
    if loaded:
        wanted |= {file: f"{key}, " for key, file in named(loaded.config) if file not in wanted}
    else:
        unread.append(LeftOut(what="files that the configuration names", why=UNSOUND))
    for file, key in wanted.items():
        name = name_of(file, main)
        try:
            content = file.read_bytes()
        except OSError as error:
            unread.append(LeftOut(what=str(file), why=f"{key}{error.strerror}"))
            continue
        if is_private_key(content):
            left_out.append(LeftOut(what=str(file), why=f"{key}it holds a private key: bring it separately"))
        elif name is None:
            left_out.append(LeftOut(what=str(file), why=f"{key}outside {main.parent}: bring it separately"))
        elif not is_storable(name):
            unread.append(LeftOut(what=str(file), why=f"{key}its name is too long or odd"))
        else:
            entries.append(Entry(name, content))
    return Contents(entries=tuple(entries), left_out=tuple(left_out), unread=tuple(unread))


def outbox_of(loaded: Loaded | None, main: Path) -> Path:
    """Where the outbox lies; of a configuration that does not hold, by what can be read of it."""
    if loaded:
        return loaded.config.outbox.path
    for file in managed(main):
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            return Path(tomllib.loads(file.read_text(encoding="utf-8-sig"))["outbox"]["path"])
    return Outbox().path


def store(loaded: Loaded | None, path: Path, folder: Path) -> Contents:
    """A copy of the outbox at `path`, made in `folder`, which must last until it is written."""
    copied = folder / "outbox.db"
    left_out: tuple[LeftOut, ...] = ()
    if loaded and loaded.config.cameras:
        left_out = (LeftOut(what=str(loaded.config.pictures.path), why=PICTURES),)
    try:
        copy_store(path, copied)
    except OutboxFull:
        missed = LeftOut(
            what=str(path), why=f"no room for a copy in {folder.parent}: TMPDIR=/PATH polegate ..."
        )
        return Contents(entries=(), left_out=left_out, unread=(missed,))
    except OutboxError as error:
        missed = LeftOut(what=str(path), why=str(error).removeprefix(f"{path} "))
        return Contents(entries=(), left_out=left_out, unread=(missed,))
    return Contents(entries=(Entry(STORE, copied),), left_out=left_out, unread=())
