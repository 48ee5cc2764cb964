"""What all checks start from: the gateway, the configuration, and what the daemon says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.cli import client, texts
from agent.cli.checks.machine import SERVICE, Machine, Who
from agent.clock import Clock
from agent.errors import ConfigError
from agent.loaded import Loaded
from agent.loading import load

Facts = Mapping[str, Any]

DAEMON_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`problems` where the configuration cannot be loaded; `unheard` where the daemon does not answer."""

    machine: Machine
    config: Path
    socket: Path
    now_ms: int
    loaded: Loaded | None = None
    problems: tuple[str, ...] = ()
    status: Facts = field(default_factory=dict)
    unheard: str = ""
    forbidden: bool = False
    """Whether a daemon may run that does not talk to this user."""

    @property
    def who(self) -> Who:
        """Whom the daemon runs as."""
        return self.machine.service(self.status.get("pid"))

    @property
    def systemd(self) -> bool:
        """Whether the gateway was booted by systemd, sd_booted(3)."""
        return self.machine.at("/run/systemd/system").is_dir()

    def unit_text(self) -> str:
        """The unit with its drop-ins, "" without systemd."""
        return self.machine.run(["systemctl", "cat", SERVICE]) if self.systemd else ""


def gather(config: Path, socket: Path, machine: Machine | None = None) -> Case:
    """Load the configuration and ask the daemon; neither has to succeed."""
    loaded, problems = None, tuple[str, ...]()
    try:
        loaded = load(config)
    except ConfigError as error:
        problems = tuple(map(str, error.problems))
    status, unheard, forbidden = _ask(socket)
    return Case(
        machine=machine or Machine(),
        config=config,
        socket=socket,
        now_ms=Clock().now()[0],
        loaded=loaded,
        problems=problems,
        status=status,
        unheard=unheard,
        forbidden=forbidden,
    )


def _ask(socket: Path) -> tuple[Facts, str, bool]:
    hung_up = texts.HUNG_UP.format(path=socket)
    try:
        answer = next(client.stream(socket, "status", timeout_s=DAEMON_S), {})
    except client.NotAllowed as error:
        return {}, str(error), True
    except client.NotRunning as error:
        return {}, str(error), False
    except (OSError, ValueError):
        return {}, hung_up, False
    if not answer.pop("ok", False):
        return {}, str(answer.get("error", hung_up)), False
    return answer, "", False
