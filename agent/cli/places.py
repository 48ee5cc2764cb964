"""Where a scan is made: a port by name or path, or a TCP address, whatever state the configuration is in."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from agent.cli.exits import Failed, ask, no_such
from agent.config_words import split_host_port
from drivers.endpoints import SerialEndpoint, TcpEndpoint
from firmware_profiles.loader import ProfileError, load_board
from firmware_profiles.points import LineSettings
from firmware_profiles.schema import BoardPort


def serial_endpoint(config: Path, port: str) -> SerialEndpoint:
    """A port of the configured board or of [ports], or a path; its line settings are not meant yet.

    Raises:
        click.UsageError: no such name.
    """
    ports = _ports(config)
    found = ports.get(port) or next((each for each in ports.values() if each.path == port), None)
    if found is None and not port.startswith("/"):
        raise no_such("port", port, sorted(ports))
    facts = found or BoardPort(path=port)
    kernel = facts.rs485 == "kernel"
    return SerialEndpoint(facts.path, LineSettings(), echoes=facts.echoes, kernel_rs485=kernel)


def tcp_endpoint(text: str) -> TcpEndpoint:
    """`host:port` of a converter.

    Raises:
        click.UsageError: none of that form.
    """
    try:
        return TcpEndpoint(*split_host_port(text, 502))
    except ValueError as error:
        raise click.UsageError(f"--tcp: {error}") from None


def held_by_daemon(socket: Path, endpoint: SerialEndpoint | TcpEndpoint) -> bool:
    """Whether the running daemon has a device there; a port may go by several names."""
    try:
        answer = ask(socket, "status")
    except Failed:
        return False
    wanted = _real(str(endpoint))
    return any(_real(str(each["bus"])) == wanted for each in answer["devices"])


def _real(name: str) -> str:
    return os.path.realpath(name) if name.startswith("/") else name


def _ports(config: Path) -> dict[str, BoardPort]:
    """The board's ports with the file's own laid over; the generic board's while there is no file."""
    written = _read(config)
    station = written.get("station")
    board = station.get("board", "generic") if isinstance(station, Mapping) else "generic"
    try:
        ports = dict(load_board(str(board), (config.parent / "profiles",)).ports)
    except ProfileError:
        ports = {}
    own = written.get("ports")
    for name, facts in own.items() if isinstance(own, Mapping) else ():
        if isinstance(facts, Mapping):
            path = facts.get("path") or (ports[name].path if name in ports else None)
            if isinstance(path, str):
                ports[name] = _laid_over(ports.get(name, BoardPort(path=path)), facts, path)
    return ports


def _laid_over(port: BoardPort, facts: Mapping[str, Any], path: str) -> BoardPort:
    echoes, rs485 = facts.get("echoes", port.echoes), facts.get("rs485", port.rs485)
    return replace(port, path=path, echoes=bool(echoes), rs485=rs485)


def _read(config: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(config.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
