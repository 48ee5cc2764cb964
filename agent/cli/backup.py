"""polegate backup: the configuration and what the station knows, in one file."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO

import click

from agent.amounts import instant, many, size
from agent.cli import keeping_texts as say
from agent.cli import screen
from agent.cli.exits import Exit, load_config, unwritten
from firmware_profiles.declared import plain

if TYPE_CHECKING:
    from agent.keeping.archive import Held, LeftOut, Manifest
    from agent.keeping.backup import Contents
    from agent.loaded import Loaded


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--config-only", is_flag=True, help="Without the outbox and what judgement has learned.")
@click.option("--json", "as_json", is_flag=True, help="The manifest as a line of JSON.")
@click.pass_obj
def command(paths: dict[str, Path], file: Path, config_only: bool, as_json: bool) -> None:
    """Put the configuration, what waits for the platform and what was learned into FILE.

    The daemon may run; - is standard output. Secrets are left out, and named. Ends with 1 when something
    could not be read, or the configuration does not hold.
    """
    from agent.keeping import archive, backup

    main = paths["config"]
    loaded, problems = looked_at(main)
    contents = [backup.configuration(loaded, main, secrets(loaded) if loaded else ())]
    store = backup.outbox_of(loaded, main)
    with TemporaryDirectory(prefix="polegate-") as folder:
        if not config_only:
            contents.append(backup.store(loaded, store, Path(folder)))
        entries = [entry for each in contents for entry in each.entries]
        made = _manifest(loaded, main, contents, tuple(entry.held() for entry in entries))
        made = replace(made, problems=problems)
        try:
            with written(file) as out:
                archive.write(out, made, entries, seconds=now_s())
        except OSError as error:
            raise unwritten(file, error) from None
        waits = _waiting(Path(folder))
    unread = [missed for each in contents for missed in each.unread]
    _report(file, made, unread, waits, as_json=as_json)
    if store.is_relative_to(main.parent):
        click.echo(say.BACKUP_INSIDE.format(store=store, folder=main.parent), err=True)
    sys.exit(Exit.PROBLEM if unread else Exit.OK)


def secrets(loaded: Loaded) -> Iterator[tuple[str, str]]:
    """Where each secret is, by the key that names it."""
    from agent.cli.checks.secrets import secrets_of

    for key, secret in secrets_of(loaded):
        yield key, str(secret.file or f"the credential {secret.credential}")


def looked_at(main: Path) -> tuple[Loaded | None, tuple[str, ...]]:
    """The configuration, or why it does not hold: that is when one would like to keep it most.

    Raises:
        Failed: CONFIG, there is none, or it is not for this user to read.
    """
    from agent.errors import ConfigError
    from agent.loading import load

    try:
        return load(main), ()
    except ConfigError as error:
        if not os.access(main, os.R_OK):
            load_config(main)
        return None, tuple(map(str, error.problems))


def _manifest(
    loaded: Loaded | None, main: Path, contents: list[Contents], files: tuple[Held, ...]
) -> Manifest:
    from agent.clock import Clock
    from agent.keeping import archive
    from agent.keeping.restoring import station_here

    now_ms, trusted = Clock().now()
    if loaded:
        trusted |= loaded.config.clock.source == "system"
    site, gateway = station_here(main) or ("", "")
    if loaded:
        site, gateway = loaded.config.station.site, loaded.config.station.gateway
    dropped = [missed for each in contents for missed in (*each.left_out, *each.unread)]
    drop_ins = sorted(Path("/etc/systemd/system/polegate.service.d").glob("*.conf"))
    dropped += [archive.LeftOut(what=str(each), why=say.DROP_IN) for each in drop_ins]
    return archive.Manifest(
        format=archive.FORMAT, kind="backup", polegate=version("polegate"), made=instant(now_ms),
        clock_trusted=trusted, site=site, gateway=gateway, files=files, left_out=tuple(dropped),
    )  # fmt: skip


def now_s() -> int:
    """The time of day."""
    from agent.clock import Clock

    return Clock().now()[0] // 1000


@contextmanager
def written(file: Path) -> Iterator[BinaryIO]:
    """The file to write into: readable by its owner alone, whole or not there. `-` is standard output.

    Raises:
        OSError: it cannot be written; what was there before still is.
    """
    if str(file) == "-":
        if sys.stdout.isatty():
            raise click.UsageError(say.TO_TERMINAL)
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    from agent.writing import anew

    with anew(file, 0o600) as out:
        yield out


def _waiting(folder: Path) -> str:
    from agent.keeping.restoring import waiting

    copied = folder / "outbox.db"
    if not copied.exists():
        return ""
    held = waiting(copied)
    return say.BACKUP_STORE.format(items=many(held.items, "reading"), messages=many(held.batches, "message"))


def _report(file: Path, made: Manifest, unread: list[LeftOut], waits: str, *, as_json: bool) -> None:
    """On standard error where the backup itself goes to standard output."""
    to_stdout = str(file) == "-"
    if as_json:
        text = json.dumps(plain(made))
    else:
        amount = "" if to_stdout else size(file.stat().st_size)
        files = many(len(made.files), "file")
        lines = [say.BACKUP_DONE.format(file=file, size=amount, files=files, store=waits)]
        lines += _listed(say.LEFT_OUT, [each for each in made.left_out if each not in unread])
        lines += _listed(say.UNREAD, unread) + ([say.UNREAD_DO] if unread and os.geteuid() else [])
        if made.problems:
            lines.append(say.BACKUP_UNSOUND.format(problems="\n".join(f"  {each}" for each in made.problems)))
        text = "\n".join([*lines, say.BACKUP_KEEP])
    print(text, file=sys.stderr) if to_stdout else screen.line(text)


def _listed(head: str, missed: list[LeftOut]) -> list[str]:
    return [head, *(f"  {each.what}: {each.why}" for each in missed)] if missed else []
