"""What is allowed and still worth a look before the gateway goes up the pole."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from agent.camera import gb28181
from agent.camera.cameras import PACKAGES as CAMERA_PACKAGES
from agent.cli import texts
from agent.cli.line_load import FULL, bus_load
from agent.config import Uplink
from agent.config_words import Secret
from agent.loaded import Loaded
from agent.loading import origins_in
from agent.plan import StationPlan
from agent.resolve import CUSTOM
from drivers.endpoints import SerialEndpoint
from firmware_profiles.origins import Keys, nearest
from firmware_profiles.schema import ModbusInstrument

Doubt = tuple[Keys, str]
"""The key to look at, and the sentence."""


def warnings_of(loaded: Loaded) -> list[str]:
    """One sentence each, with file and line and what to do."""
    uplink, plan = loaded.config.uplink, loaded.plan
    found = [
        *_ports(plan),
        *_files(uplink),
        *_secrets(uplink),
        *_loads(plan),
        *_same_units(plan),
        *_unsettled(loaded),
        *camera_doubts(plan),
    ]
    origins = origins_in(loaded.texts) if found else {}
    file = str(loaded.files[0])
    return [f"{nearest(origins, keys, file)}: {sentence}" for keys, sentence in found]


def _ports(plan: StationPlan) -> Iterator[Doubt]:
    for bus in plan.buses:
        if isinstance(bus.endpoint, SerialEndpoint) and not Path(bus.endpoint.path).exists():
            devices = ", ".join(device.name for device in bus.devices)
            sentence = texts.PORT_ABSENT.format(path=bus.endpoint.path, device=devices)
            yield ("devices", bus.devices[0].name, "port"), sentence


def _files(uplink: Uplink) -> Iterator[Doubt]:
    for key in ("ca", "certificate"):
        path = getattr(uplink, key)
        if path and not path.exists():
            yield ("uplink", key), texts.FILE_ABSENT.format(key=f"uplink.{key}", path=path)


def _secrets(uplink: Uplink) -> Iterator[Doubt]:
    for key in ("password", "key"):
        secret: Secret | None = getattr(uplink, key)
        if secret and (sentence := doubt_of(f"uplink.{key}", secret)):
            yield ("uplink", key), sentence


def doubt_of(key: str, secret: Secret) -> str:
    """What is doubtful about where it is kept, "" if nothing is."""
    if secret.credential:
        directory = os.environ.get("CREDENTIALS_DIRECTORY")
        seen = directory and Path(directory, secret.credential).exists()
        return "" if seen else texts.CREDENTIAL_UNSEEN.format(key=key, name=secret.credential)
    path = secret.file or Path()
    if not os.access(path, os.R_OK):
        return texts.SECRET_ABSENT.format(key=key, path=path)
    return texts.SECRET_OPEN.format(key=key, path=path) if path.stat().st_mode & stat.S_IROTH else ""


def camera_doubts(plan: StationPlan) -> Iterator[Doubt]:
    """Files that cameras name, certificates nobody checks, and the part of polegate they need."""
    if plan.cameras and (missing := [name for name in CAMERA_PACKAGES if find_spec(name) is None]):
        yield ("cameras",), texts.NO_CAMERA_PART.format(packages=", ".join(missing))
    for each in plan.cameras:
        camera, at, path = each.camera, ("cameras", each.name), f"cameras.{each.name}"
        if camera.password and (sentence := doubt_of(f"{path}.password", camera.password)):
            yield (*at, "password"), sentence
        files = {"ca": camera.ca, "file.photo": camera.file.photo}
        files |= {f"models.{name}.file": model.file for name, model in camera.models.items()}
        for key, file in files.items():
            if file and not file.exists():
                yield (*at, *key.split(".")), texts.FILE_ABSENT.format(key=f"{path}.{key}", path=file)
        if camera.file.id and (doubts := gb28181.doubts(gb28181.parse(camera.file.id))):
            yield (*at, "file", "id"), texts.CAMERA_ID.format(id=camera.file.id, doubts="; ".join(doubts))
        if camera.https and not camera.verify:
            yield (*at, "verify"), texts.CAMERA_UNVERIFIED.format(camera=each.name)


def _loads(plan: StationPlan) -> Iterator[Doubt]:
    for bus in plan.buses:
        if (load := bus_load(bus)) and load > FULL:
            sentence = texts.LINE_FULL.format(endpoint=bus.endpoint, load=load, full=FULL)
            yield ("devices", bus.devices[0].name), sentence


def _same_units(plan: StationPlan) -> Iterator[Doubt]:
    """Different instruments leave the factory with the same unit id."""
    for bus in plan.buses:
        asked: dict[int, str] = {}
        for device in bus.devices:
            if not isinstance(device.instrument, ModbusInstrument):
                continue
            first = asked.setdefault(device.unit, device.name)
            if first != device.name:
                sentence = texts.SAME_UNIT.format(
                    first=first, second=device.name, unit=device.unit, endpoint=bus.endpoint
                )
                yield ("devices", device.name, "unit"), sentence


def _unsettled(loaded: Loaded) -> Iterator[Doubt]:
    """Choices nobody has confirmed yet."""
    if not loaded.plan.measuring:
        yield (), texts.NO_DEVICES
    if loaded.config.uplink.plaintext:
        yield ("uplink", "plaintext"), texts.PLAINTEXT
    for device in loaded.plan.devices.values():
        if device.profile != CUSTOM and device.instrument.confirmed == "single-source":
            sentence = texts.SINGLE_SOURCE.format(device=device.name, profile=device.profile)
            yield ("devices", device.name, "instrument"), sentence
