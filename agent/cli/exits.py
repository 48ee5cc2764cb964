"""What the command line ends with, and how it gives up."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path
from typing import Any

import click

from agent.cli import client


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
        super().__init__(message)
        self.exit_code = code


def ask(socket: Path, verb: str, **arguments: object) -> dict[str, Any]:
    """The daemon's answer.

    Raises:
        Failed: NOT_RUNNING, nobody answers.
    """
    try:
        return client.ask(socket, verb, **arguments)
    except client.NotRunning as error:
        raise Failed(str(error), Exit.NOT_RUNNING) from None
