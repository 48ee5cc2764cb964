"""What goes into a backup of a station: its configuration and its store, and no secret."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agent.keeping.archive import Entry, LeftOut, is_storable
from agent.keeping.belongings import STORE, is_private_key, managed, name_of, named
from agent.loading import Loaded
from buffer.copying import copy_store
from buffer.errors import OutboxError, OutboxFull

PICTURES = "pictures that wait for the platform, which may be much"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is put in, and what is not and why; `unread` of it for want of rights or of a whole file."""

    entries: tuple[Entry, ...]
    left_out: tuple[LeftOut, ...]
    unread: tuple[LeftOut, ...]


def configuration(loaded: Loaded, main: Path, secrets: Iterable[tuple[str, str]]) -> Contents:
    """The configuration and the files it names; `secrets` are places by key, and are only named."""
    entries: list[Entry] = []
    left_out = [LeftOut(what=place, why=f"a secret ({key}): bring it separately") for key, place in secrets]
    unread: list[LeftOut] = []
    wanted = dict.fromkeys(managed(main), "")
    wanted |= {file: f"{key}, " for key, file in named(loaded.config) if file not in wanted}
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


def store(loaded: Loaded, folder: Path) -> Contents:
    """A copy of the outbox, made in `folder`, which must last until it is written."""
    path, copied = loaded.config.outbox.path, folder / "outbox.db"
    pictures = LeftOut(what=str(loaded.config.pictures.path), why=PICTURES)
    left_out = (pictures,) if loaded.config.cameras else ()
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
