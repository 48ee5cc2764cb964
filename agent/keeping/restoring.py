"""A backup looked into, held against what is here, and put in its place."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agent.errors import ConfigError
from agent.keeping import archive, belongings, folders, replacing
from agent.keeping.archive import Archive, Manifest, Refused
from agent.loaded import Loaded
from agent.loading import load
from buffer.copying import Carried, carry_over
from buffer.retention import Depth
from buffer.view import inspect

MARGIN_BYTES = 16 * 2**20
"""Left free wherever something is unpacked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """A backup on disk, whole, with a configuration that holds together.

    `files` are those of the configuration by the place they belong to; `ignored` are no part of it, and stay
    in the archive.
    """

    manifest: Manifest
    loaded: Loaded
    files: Mapping[Path, Path]
    ignored: tuple[str, ...]
    store: Path | None

    @property
    def station(self) -> tuple[str, str]:
        """Site and gateway that it was taken of."""
        return self.manifest.site, self.manifest.gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a restore would do to the files of the configuration, by their places."""

    new: tuple[Path, ...]
    changed: tuple[Path, ...]
    same: tuple[Path, ...]
    gone: tuple[Path, ...]

    @property
    def any(self) -> bool:
        """Whether there is one at all."""
        return bool(self.new or self.changed or self.gone)


def unpack(path: Path, main: Path, into: Path) -> Unpacked:
    """Unpack the backup at `path` into the empty folder `into`, for the configuration file `main`.

    Raises:
        Refused: it is no backup, damaged, hostile, or too large for what is free there.
        ConfigError: its configuration does not hold together.
        OSError: it cannot be read, or `into` not be written.
    """
    tree = into / "config" / "polegate.toml"
    with archive.opened(path) as opened:
        manifest = opened.manifest
        if manifest.kind != "backup":
            raise Refused(f"{path} is no backup, but a bundle for the supplier (polegate support)")
        _check_room(manifest, path, into)
        _extract(opened, into)
    try:
        loaded = load(tree)
    except ConfigError as error:
        raise _of_archive(error, tree.parent, path) from None
    found = {held.name: into / held.name for held in manifest.files}
    wanted = {belongings.name_of(file, tree) for file in belongings.managed(tree)}
    wanted |= {belongings.name_of(file, main) for _, file in belongings.named(loaded.config)}
    files = {
        place: file
        for name, file in found.items()
        if name in wanted and (place := belongings.place_of(name, main)) is not None
    }
    known = {*files.values(), found.get(belongings.STORE)}
    return Unpacked(
        manifest=manifest,
        loaded=loaded,
        files=files,
        ignored=tuple(name for name, file in found.items() if file not in known),
        store=found.get(belongings.STORE),
    )


def _check_room(manifest: Manifest, path: Path, into: Path) -> None:
    """The store is there twice for a while: as it was packed, and as it goes on."""
    needed = sum(held.size * (1 + (held.name == belongings.STORE)) for held in manifest.files)
    free = shutil.disk_usage(into).free
    if needed > free - MARGIN_BYTES:
        raise Refused(
            f"{path} unpacks to {needed:,} bytes, and {free:,} are free in {into.parent}; "
            "name a roomier place: TMPDIR=/PATH polegate restore ..."
        )


def _extract(opened: Archive, into: Path) -> None:
    for held, chunks in opened:
        target = into / held.name
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with target.open("xb") as out:
                for chunk in chunks:
                    out.write(chunk)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise Refused(f"{held.name!r} is both a file and a folder in the archive") from None


def _of_archive(error: ConfigError, tree: Path, path: Path) -> ConfigError:
    """The problems with the file's name in the archive, not that of its copy."""
    return ConfigError(
        replace(problem, file=problem.file.replace(str(tree), f"{path}: config"))
        for problem in error.problems
    )


def station_here(main: Path) -> tuple[str, str] | None:
    """Site and gateway of the configuration that is here; None where there is none, or it does not say."""
    try:
        station = tomllib.loads(main.read_text(encoding="utf-8-sig"))["station"]
        return str(station["site"]), str(station["gateway"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def changes(unpacked: Unpacked, main: Path) -> Changes:
    """Compare with what is here."""
    here = {file for file in belongings.managed(main) if file.exists()}
    here |= {place for place in unpacked.files if place.exists()}
    same = {
        place
        for place in here & unpacked.files.keys()
        if place.read_bytes() == unpacked.files[place].read_bytes()
    }
    return Changes(
        new=tuple(sorted(unpacked.files.keys() - here)),
        changed=tuple(sorted((here & unpacked.files.keys()) - same)),
        same=tuple(sorted(same)),
        gone=tuple(sorted(here - unpacked.files.keys())),
    )


def waiting(store: Path) -> Depth:
    """What waits for the platform in a store; nothing where there is none.

    Raises:
        OutboxError: it cannot be looked into.
    """
    if not store.exists():
        return Depth()
    with inspect(store) as inspection:
        return inspection.stats().stored


def states_in(store: Path) -> int:
    """How many states of judgement a store holds.

    Raises:
        OutboxError: it cannot be looked into.
    """
    with inspect(store) as inspection:
        return inspection.states()


def carry_out(
    unpacked: Unpacked, main: Path, name: str, *, with_store: bool
) -> tuple[Carried | None, tuple[Path, ...]]:
    """Put everything in its place; what of the store went over, and the places that keep what was before.

    Killed at any point, all is as before or all is new once the daemon starts or a restore is run again. The
    caller holds the locks of the stores.

    Raises:
        folders.Unfit, OSError, OutboxError, ConfigError: nothing was changed, unless all was.
    """
    store = unpacked.loaded.config.outbox.path
    replacing.tidy(main, store)
    planned = changes(unpacked, main)
    carried = None
    try:
        if with_store and unpacked.store:
            carried = _stage_store(unpacked.store, replacing.staged_store(store, name))
        if planned.any:
            load(replacing.stage_folder(main, name, unpacked.files, {*planned.gone}))
    except BaseException:
        replacing.give_up(main, store, name)
        raise
    return carried, replacing.commit(main, store, name)


def _stage_store(source: Path, staged: Path) -> Carried:
    """Made where nobody else may write, then copied: the folder of the store is the service's, not root's."""
    fresh = source.with_name("fresh.db")
    carried = carry_over(source, fresh)
    folders.lay(fresh, staged, 0o640)
    fresh.unlink()
    return carried
