"""What the command line ends with, and how it gives up."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.amounts import many
from agent.cli import client, texts
from agent.cli.harmless import harmless

if TYPE_CHECKING:
    from agent.loaded import Loaded


class Exit(IntEnum):
    """Exit codes; 78 is EX_CONFIG of sysexits.h."""

    OK = 0
    PROBLEM = 1
    USAGE = 2
    NOT_RUNNING = 3
    CONFIG = 78


class Failed(click.ClickException):
    """Ends the verb: the message goes to stderr and says what to do next."""

    def __init__(self, message: str, code: Exit) -> None:
        super().__init__(harmless(message))
        self.exit_code = code  # type: ignore[misc]  # click declares it for the class


@contextmanager
def talking(socket: Path) -> Iterator[None]:
    """What can go wrong between us and the daemon, as Failed: PROBLEM without rights, else NOT_RUNNING."""
    try:
        yield
    except client.Refused as error:
        raise Failed(str(error), Exit.PROBLEM) from None
    except client.NotRunning as error:
        raise Failed(str(error), Exit.NOT_RUNNING) from None
    except (OSError, ValueError):  # it died in the middle of a line
        raise Failed(texts.HUNG_UP.format(path=socket), Exit.NOT_RUNNING) from None


def ask(socket: Path, verb: str, **arguments: object) -> dict[str, Any]:
    """The daemon's answer.

    Raises:
        Failed: NOT_RUNNING, nobody answers.
    """
    with talking(socket):
        return client.ask(socket, verb, **arguments)


def load_config(path: Path) -> Loaded:
    """The configuration.

    Raises:
        Failed: CONFIG, with every problem on a line.
    """
    from agent.errors import ConfigError
    from agent.loading import load

    try:
        return load(path)
    except ConfigError as error:
        count = many(len(error.problems), "problem")
        raise Failed(f"{texts.CONFIG_BAD.format(count=count)}\n{error}", Exit.CONFIG) from None


def unread(error: OSError) -> Exit:
    """How to end where a file that was named cannot be read: USAGE, it is not there, else PROBLEM."""
    return Exit.USAGE if isinstance(error, FileNotFoundError) else Exit.PROBLEM


def unwritten(file: Path, error: OSError, otherwise: str = "") -> Failed:
    """That a file cannot be written and why; `otherwise` is what to do about it."""
    said = texts.CANNOT_WRITE.format(path=file, why=error.strerror or error)
    return Failed(f"{said}{otherwise}", Exit.PROBLEM)


def agreed(question: str, *, err: bool = False) -> bool:
    """Whether the person says yes; err: the question goes to stderr, where stdout is for a program.

    Raises:
        Failed: USAGE, there is nobody to ask.
    """
    try:
        return click.confirm(question, err=err)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo(err=True)
        raise Failed(texts.NOBODY_TO_ASK, Exit.USAGE) from None


def no_such(kind: str, name: str, known: Sequence[str]) -> click.UsageError:
    """The error for a name nobody has, with the nearest ones, or all."""
    near = get_close_matches(name, known, n=3)
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    else:
        hint = f"there is {', '.join(known)}" if known else f"there is no {kind} at all"
    return click.UsageError(f'no {kind} "{name}"; {hint}')
