"""What is allowed and still worth a look before the gateway goes up the pole."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from agent.cli import texts
from agent.cli.line_load import FULL, bus_load
from agent.config import Secret, Uplink
from agent.loading import Loaded
from agent.plan import StationPlan
from drivers.links import SerialEndpoint


def warnings_of(loaded: Loaded) -> list[str]:
    """One sentence each, with what to do."""
    config, plan = loaded.config, loaded.plan
    uplink = config.uplink
    return [*_ports(plan), *_files(uplink), *_secrets(uplink), *_loads(plan), *_unsettled(loaded)]


def _ports(plan: StationPlan) -> Iterator[str]:
    for bus in plan.buses:
        if isinstance(bus.endpoint, SerialEndpoint) and not Path(bus.endpoint.path).exists():
            devices = ", ".join(device.name for device in bus.devices)
            yield texts.PORT_ABSENT.format(path=bus.endpoint.path, device=devices)


def _files(uplink: Uplink) -> Iterator[str]:
    for key in ("ca", "certificate"):
        path = getattr(uplink, key)
        if path and not path.exists():
            yield texts.FILE_ABSENT.format(key=f"uplink.{key}", path=path)


def _secrets(uplink: Uplink) -> Iterator[str]:
    for key in ("password", "key"):
        secret: Secret | None = getattr(uplink, key)
        if secret and secret.credential:
            yield from _credential(f"uplink.{key}", secret.credential)
        elif secret and secret.file:
            yield from _secret_file(f"uplink.{key}", secret.file)


def _credential(key: str, name: str) -> Iterator[str]:
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if not (directory and Path(directory, name).exists()):
        yield texts.CREDENTIAL_UNSEEN.format(key=key, name=name)


def _secret_file(key: str, path: Path) -> Iterator[str]:
    if not os.access(path, os.R_OK):
        yield texts.SECRET_ABSENT.format(key=key, path=path)
    elif path.stat().st_mode & stat.S_IROTH:
        yield texts.SECRET_OPEN.format(key=key, path=path)


def _loads(plan: StationPlan) -> Iterator[str]:
    for bus in plan.buses:
        if (load := bus_load(bus)) and load > FULL:
            yield texts.LINE_FULL.format(endpoint=bus.endpoint, load=load, full=FULL)


def _unsettled(loaded: Loaded) -> Iterator[str]:
    """Choices nobody has confirmed yet."""
    if not loaded.plan.devices:
        yield texts.NO_DEVICES
    if loaded.config.uplink.plaintext:
        yield texts.PLAINTEXT
    for device in loaded.plan.devices.values():
        if device.profile != "custom" and device.instrument.confirmed == "single-source":
            yield texts.SINGLE_SOURCE.format(device=device.name, profile=device.profile)
