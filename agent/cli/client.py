"""The command line's side of the control socket; standard library only, to start fast."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.cli import texts


class NotRunning(Exception):
    """No daemon answers; the message says what to try."""


class NotAllowed(NotRunning):
    """The socket is there, and not for this user."""


class Refused(NotRunning):
    """The daemon answers this user's questions, but does not let them do this."""


def login() -> str:
    """Who sits there, for the log: behind sudo the person, not root."""
    if who := os.environ.get("SUDO_USER"):
        return who
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return str(os.geteuid())


def ask(path: Path, verb: str, **arguments: object) -> dict[str, Any]:
    """One request, one answer.

    Raises:
        NotRunning: nobody listens, no permission, or the daemon refused the verb.
    """
    for answer in stream(path, verb, timeout_s=30.0, **arguments):
        if not answer.pop("ok", False):
            raise NotRunning(str(answer.get("error", "")))
        return answer
    raise NotRunning(texts.HUNG_UP.format(path=path))


def stream(
    path: Path, verb: str, *, timeout_s: float | None = None, **arguments: object
) -> Iterator[dict[str, Any]]:
    """The answers as they come, until either side hangs up.

    Raises:
        NotRunning: nobody listens or no permission.
        Refused: this user may ask, and not do that.
    """
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(timeout_s)
        try:
            link.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            raise NotRunning(texts.NOT_RUNNING.format(path=path)) from None
        except PermissionError:
            raise NotAllowed(texts.NO_PERMISSION.format(path=path)) from None
        link.sendall(json.dumps({"verb": verb, **arguments}).encode() + b"\n")
        with link.makefile("rb") as lines:
            try:
                for line in lines:
                    answer = json.loads(line)
                    if answer.get("forbidden"):
                        raise Refused(answer["error"])
                    yield answer
            except TimeoutError:
                raise NotRunning(texts.NO_ANSWER.format(path=path, seconds=timeout_s)) from None
