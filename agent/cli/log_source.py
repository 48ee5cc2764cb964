"""Where the lines of the log come from: journalctl, a file, or standard input."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import click

from agent.cli import keeping_texts as say
from agent.cli.exits import Exit, Failed, unread
from agent.keeping.journal import Entry, of_journal, of_line
from agent.quantities import duration_s

UNIT = "polegate"
DAY_MS = 86_400_000
_NO_RIGHTS = ("insufficient permissions", "not seeing messages from other users")


def from_file(path: Path) -> Iterator[Entry]:
    """Each line of a file; `-` is standard input.

    Raises:
        Failed: USAGE, it is not there; PROBLEM, it cannot be read.
    """
    if str(path) == "-":
        yield from map(of_line, sys.stdin)
        return
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from map(of_line, file)
    except OSError as error:
        raise Failed(say.LOG_UNREADABLE.format(path=path, why=error.strerror), unread(error)) from None


@contextmanager
def from_journal(*, since_ms: int | None, lines: int | None, follow: bool) -> Iterator[Iterator[Entry]]:
    """What the journal has of the unit, the oldest first; with `follow` on and on.

    Raises:
        Failed: there is no journal, or this user may not read it.
    """
    words = ["journalctl", f"--unit={UNIT}", "--output=json", "--all", "--no-pager"]
    # Without --all what is longer than 4096 bytes comes as null: every traceback (journalctl(1)).
    words += [f"--since=@{since_ms / 1000:.3f}"] if since_ms is not None else []
    words += [f"--lines={lines if lines is not None else 'all'}"] + ["--follow"] * follow
    try:
        process = subprocess.Popen(  # noqa: S603  words of ours
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            errors="replace",
        )  # fmt: skip
    except OSError:
        raise Failed(say.NO_JOURNALCTL, Exit.PROBLEM) from None
    said: list[str] = []
    listener = threading.Thread(target=lambda: said.extend(process.stderr or ()))
    listener.start()
    try:
        yield _entries(process.stdout or iter(()))
    finally:
        ended = process.poll()
        if ended is None and follow:
            process.terminate()
        process.wait()
        listener.join()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()
    _judge(process.returncode, "".join(said), asked_to_end=follow and ended is None)


def _entries(lines: IO[str] | Iterator[str]) -> Iterator[Entry]:
    for line in lines:
        if line.startswith("{"):
            yield of_journal(json.loads(line))


def _judge(code: int, said: str, *, asked_to_end: bool) -> None:
    if any(hint in said for hint in _NO_RIGHTS):
        raise Failed(say.NO_JOURNAL_RIGHTS, Exit.PROBLEM)
    if "No journal files were found" in said:
        raise Failed(say.NO_JOURNAL, Exit.PROBLEM)
    if code and not asked_to_end:
        raise Failed(say.JOURNAL_FAILED.format(why=said.strip() or f"it ended with {code}"), Exit.PROBLEM)


def since_ms(written: str, now_ms: int) -> int:
    """`2h`, `today`, `2026-11-24`, `2026-11-24 10:00` (UTC) as ms UTC.

    Raises:
        click.BadParameter: none of these.
    """
    days_ms = {"today": 0, "yesterday": DAY_MS}
    if written in days_ms:
        return now_ms - now_ms % DAY_MS - days_ms[written]
    try:
        return now_ms - round(duration_s(written.removesuffix(" ago")) * 1000)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        raise click.BadParameter(say.SINCE.format(got=written), param_hint="--since") from None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
