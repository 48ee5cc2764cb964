"""Errors of the agent's room, and what the process exits with."""

from __future__ import annotations

from collections.abc import Iterable

from firmware_profiles.problems import Problem

EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h: systemd does not restart on it (RestartPreventExitStatus)."""


class ConfigError(Exception):
    """The configuration cannot be used; `problems` says what to mend, one by one."""

    reason = "invalid"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class LeftUnchecked(ConfigError):
    """Whether it can be used is not known, so it is not: `problems` says why."""

    reason = "unchecked"


class Unchecked(Exception):
    """Nobody could say whether the configuration can be used: what checks it did not do so."""


class AlreadyRunning(Exception):
    """Another daemon uses the same outbox or control socket."""


class Absent(ValueError):
    """What a request names is not there."""
