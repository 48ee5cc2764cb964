"""polegate signoff: the commissioning sheet of the running station, as HTML and PDF."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli import screen
from agent.cli import signoff_texts as say
from agent.cli.exits import Exit, Failed, load_config, unwritten

if TYPE_CHECKING:
    from agent.cli.checks.case import Case
    from agent.cli.checks.findings import Finding
    from agent.cli.sheet.composing import Written
    from agent.cli.sheet.content import Sheet, Signature
    from agent.loaded import Loaded

MINUTES = 2.0
MODE = 0o644
ROOM = 2**20
"""Bytes that are free for a file before anybody waits; pictures make a sheet the larger."""


@click.command("signoff")
@click.option(
    "--minutes", type=click.FloatRange(0, 24 * 60), default=MINUTES, show_default=True,
    help="How long to look at the readings; Ctrl-C ends it sooner. 0: only what the daemon still knows.",
)  # fmt: skip
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), help="A folder, or a name without .html and .pdf."
)
@click.option(
    "--signed",
    multiple=True,
    metavar="ROLE=NAME[,DATE]",
    help="Who signs; may be repeated. Default: two lines.",
)
@click.option(
    "--serial",
    multiple=True,
    metavar="DEVICE=TEXT",
    help="Its serial number, from the plate; may be repeated.",
)
@click.option("--remark", "remarks", multiple=True, metavar="TEXT", help="May be repeated.")
@click.option("--replace", is_flag=True, help="Overwrite the files.")
@click.option("--json", "as_json", is_flag=True, help="The content as a line of JSON; files only with --out.")
@click.pass_obj
def command(
    paths: dict[str, Path],
    /,
    *,
    minutes: float,
    out: Path | None,
    signed: tuple[str, ...],
    serial: tuple[str, ...],
    remarks: tuple[str, ...],
    replace: bool,
    as_json: bool,
) -> None:
    """Make the commissioning sheet: what is installed, how it reads, what was checked, who signs.

    Looks at the running station for some minutes and changes nothing. Ends with 0 when no check failed, with
    1 when one did; the sheet is written all the same.
    """
    from agent.cli.sheet.composing import Written

    loaded = load_config(paths["config"])
    serials = dict(_pair("--serial", "DEVICE=TEXT", text) for text in serial)
    for name in serials.keys() - loaded.plan.measuring.keys():
        raise click.UsageError(say.NO_DEVICE.format(name=name))
    files = _files(out, loaded.config.station.gateway, replace=replace) if out or not as_json else ()
    written = Written(serials=serials, remarks=remarks, signatures=_signatures(signed))
    sheet = _made(paths, loaded, minutes * 60, written)
    _write(files, sheet)
    if as_json:
        screen.line(sheet.canonical())
    else:
        _say(sheet, files)
    sys.exit(Exit.OK if sheet.passed else Exit.PROBLEM)


def _pair(option: str, form: str, text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name.strip() or not value.strip():
        raise click.UsageError(say.BAD_PAIR.format(option=option, form=form, got=text))
    return name.strip(), value.strip()


def _signatures(signed: Sequence[str]) -> tuple[Signature, ...]:
    from agent.cli.sheet.content import Signature

    found = []
    for text in signed:
        role, who = _pair("--signed", "ROLE=NAME[,DATE]", text)
        name, _, date = who.partition(",")
        found.append(Signature(role, name.strip(), date.strip()))
    return tuple(found) or tuple(map(Signature, say.ROLES))


def _files(out: Path | None, gateway: str, *, replace: bool) -> tuple[Path, ...]:
    """Where HTML and PDF go, and can.

    Raises:
        Failed: PROBLEM, one is there already, or cannot be written.
    """
    from agent.writing import check

    place = out or Path()
    base = place / f"signoff-{re.sub(r'[^A-Za-z0-9._-]', '_', gateway)}" if place.is_dir() else place
    files = tuple(base.with_name(base.name + ending) for ending in (".html", ".pdf"))
    for file in files:
        if file.exists() and not replace:
            raise Failed(say.REPLACE.format(path=file), Exit.PROBLEM)
    for file in files:
        with _writing(file):
            check(file, ROOM)
    return files


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    """What keeps it from being written, as Failed."""
    try:
        yield
    except OSError as error:
        raise unwritten(file, error, say.ELSEWHERE) from None


def _made(paths: dict[str, Path], loaded: Loaded, for_s: float, written: Written) -> Sheet:
    from agent.cli.checks.case import gather
    from agent.cli.sheet.collecting import collect
    from agent.cli.sheet.composing import compose
    from agent.cli.sheet.picturing import cameras

    with _progress(for_s) as told:
        seen = asyncio.run(collect(paths["socket"], for_s, told))
    if seen.ended:
        click.echo(say.ENDED, err=True)
    case = gather(paths["config"], paths["socket"])
    pictures = list(cameras(loaded, seen.status, written.serials))
    return compose(case, loaded, seen, cameras=pictures, doctor=_doctor(case), written=written)


def _doctor(case: Case) -> list[Finding]:
    from agent.cli import doctor

    return [found for name, check in doctor.CHECKS.items() for found in doctor.findings(name, check, case)]


def _write(files: Sequence[Path], sheet: Sheet) -> None:
    from agent.writing import put

    if not files:
        return
    from agent.cli.sheet.html import html
    from agent.cli.sheet.pdf import pdf

    for file, data in zip(files, (html(sheet).encode(), pdf(sheet)), strict=True):
        with _writing(file):
            put(file, data, MODE)


def _say(sheet: Sheet, files: Sequence[Path]) -> None:
    """What is not well, the result, and where it lies."""
    from rich.text import Text

    from agent.cli.checks.findings import Verdict
    from agent.cli.doctor import STYLES
    from agent.cli.sheet.blocks import result

    for check in sheet.checks:
        if check.verdict is not Verdict.OK:
            mark = say.VERDICTS[check.verdict]
            screen.show(Text.assemble((f"{mark:8}", STYLES[check.verdict]), check.found))
    screen.line(result(sheet).text)
    for file in files:
        screen.line(str(file))


@contextmanager
def _progress(for_s: float) -> Iterator[Callable[[float], None]]:
    """A bar on standard error, on a terminal only; call it with the seconds that have passed."""
    if not sys.stderr.isatty() or not for_s:
        yield lambda _passed_s: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(say.COLLECTING, total=for_s)
        yield lambda passed_s: bars.update(task, completed=passed_s)
