"""polegate support: everything a supplier asks for, in one file, without secrets."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.amounts import instant, many, size
from agent.cli import keeping_texts as say
from agent.cli import screen
from agent.cli.backup import written
from agent.cli.exits import unwritten
from firmware_profiles.declared import plain

if TYPE_CHECKING:
    from agent.cli.checks.case import Case
    from agent.keeping.archive import Entry, LeftOut, Manifest

MOST_BYTES = 2 * 2**20
"""Of one file; of the log and the kernel's words the end is kept, of all others the beginning."""

MOST_ALL_BYTES = 12 * 2**20
TAILS = ("log.txt", "kernel.txt")


@click.command("support")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), required=False)
@click.option("--json", "as_json", is_flag=True, help="The manifest as a line of JSON.")
@click.pass_obj
def command(paths: dict[str, Path], file: Path | None, as_json: bool) -> None:
    """Gather what a supplier needs to understand a fault into FILE, with secrets taken out.

    Findings of the doctor, status, configuration, log, unit, system, network, versions. - is standard output,
    for a full disk; without FILE it is named by the gateway and the time, in this folder. With sudo it sees
    more.
    """
    from agent.cli.checks.case import gather
    from agent.keeping import archive

    case = gather(paths["config"], paths["socket"])
    secrets, unread = known_secrets(case)
    entries, left_out = collect(case, secrets)
    left_out += [archive.LeftOut(what=str(path), why=say.SUPPORT_UNSEEN) for path in unread]
    made = _manifest(case, entries, left_out)
    file = file or Path(
        f"polegate-support-{made.gateway or 'gateway'}-{made.made[:16].replace(':', '')}.tar.gz"
    )
    try:
        with written(file) as out:
            archive.write(out, made, entries, seconds=case.now_ms // 1000)
    except OSError as error:
        raise unwritten(file, error, say.SUPPORT_ELSEWHERE) from None
    _report(file, made, as_json=as_json)


def known_secrets(case: Case) -> tuple[set[str], list[Path]]:
    """The words of every secret that this user may read, and the files that are not for this user."""
    from agent.cli.checks.secrets import secrets_of
    from agent.keeping.redaction import words_of

    named = [secret.file for _, secret in secrets_of(case.loaded) if secret.file] if case.loaded else []
    folders = [case.config.parent / name for name in ("secrets", "credentials")]
    words: set[str] = set()
    unread: list[Path] = []
    for place in [*named, *folders]:
        try:
            files = sorted(place.iterdir()) if place.is_dir() else [place]
        except OSError:
            unread.append(place)
            continue
        for file in files:
            try:
                words |= words_of(file.read_text(encoding="utf-8", errors="replace"))
            except FileNotFoundError:
                continue
            except OSError:
                unread.append(file)
    return words, unread


def collect(case: Case, secrets: set[str]) -> tuple[list[Entry], list[LeftOut]]:
    """Everything, with secrets taken out, within bounds; and what is not there, and why."""
    from agent.keeping.archive import Entry, LeftOut
    from agent.keeping.redaction import Redactor

    redact = Redactor(secrets)
    entries: list[Entry] = []
    left_out = [
        LeftOut(what="secrets", why=say.SUPPORT_SECRETS),
        LeftOut(what="readings", why=say.SUPPORT_READINGS),
    ]
    total = 0
    for name, text in _texts(case, left_out):
        if not text.strip():
            left_out.append(LeftOut(what=name, why=say.SUPPORT_NOTHING))
            continue
        content, cut = _fitting(redact(text), min(MOST_BYTES, MOST_ALL_BYTES - total), tail=name in TAILS)
        if cut:
            left_out.append(
                LeftOut(what=name, why=say.SUPPORT_CUT.format(kept=size(len(content)), cut=size(cut)))
            )
        entries.append(Entry(name, content))
        total += len(content)
    return entries, left_out


def _texts(case: Case, left_out: list[LeftOut]) -> Iterator[tuple[str, str]]:
    from agent.cli import support_parts
    from agent.keeping.archive import LeftOut, is_storable

    log = support_parts.log(case)
    yield "log.txt", log
    yield "crashes.txt", support_parts.crashes(log) if log else ""
    for name, part in support_parts.PARTS.items():
        try:
            yield name, part(case)
        except OSError as error:
            left_out.append(LeftOut(what=name, why=str(error)))
    for name, file in support_parts.configuration(case):
        if not is_storable(name):
            left_out.append(LeftOut(what=str(file), why=say.SUPPORT_NAME))
            continue
        try:
            yield name, file.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            left_out.append(LeftOut(what=str(file), why=error.strerror or str(error)))


def _fitting(text: str, most: int, *, tail: bool) -> tuple[bytes, int]:
    """As many bytes as fit, and how many do not."""
    content = text.encode(errors="replace")
    cut = max(len(content) - most, 0)
    if not cut:
        return content, 0
    return (content[cut:] if tail else content[:most]), cut


def _manifest(case: Case, entries: list[Entry], left_out: list[LeftOut]) -> Manifest:
    from agent.clock import Clock
    from agent.keeping import archive
    from agent.keeping.restoring import station_here

    site, gateway = station_here(case.config) or ("", "")
    trusted = Clock().trusted
    return archive.Manifest(
        format=archive.FORMAT,
        kind="support",
        polegate=version("polegate"),
        made=instant(case.now_ms),
        clock_trusted=trusted,
        site=site,
        gateway=gateway,
        files=tuple(entry.held() for entry in entries),
        left_out=tuple(left_out),
    )


def _report(file: Path, made: Manifest, *, as_json: bool) -> None:
    to_stdout = str(file) == "-"
    if as_json:
        text = json.dumps(plain(made))
    else:
        total = sum(held.size for held in made.files)
        amount = size(total if to_stdout else file.stat().st_size)
        lines = [
            say.SUPPORT_DONE.format(
                file=file, size=amount, files=many(len(made.files), "file"), all=size(total)
            )
        ]
        lines += [say.LEFT_OUT, *(f"  {each.what}: {each.why}" for each in made.left_out), say.SUPPORT_LOOK]
        text = "\n".join(lines)
    with suppress(BrokenPipeError):
        print(text, file=sys.stderr) if to_stdout else screen.line(text)
