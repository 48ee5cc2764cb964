"""From configuration and profiles to a station plan, with every mistake found on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Any

from agent.camera.config import Camera
from agent.channels import Channels
from agent.config import ChannelOverride, Config, Device, ModbusOverride
from agent.config_words import split_host_port
from agent.judge.config import offset_min
from agent.judge.judgement import JudgementPlan
from agent.judge.rules import RuleBook
from agent.plan import BusPlan, CameraPlan, DevicePlan, Measuring, StationPlan
from drivers.endpoints import Endpoint, Framing, SerialEndpoint, TcpEndpoint
from drivers.errors import BadConfig
from drivers.modbus.plan import plan_blocks
from firmware_profiles.frames import FramePoint
from firmware_profiles.loader import ProfileError, load_board, load_instrument, load_station
from firmware_profiles.origins import Keys
from firmware_profiles.points import LineSettings
from firmware_profiles.problems import Problem, did_you_mean
from firmware_profiles.schema import (
    Board,
    BoardPort,
    FrameInstrument,
    ModbusInstrument,
    ModbusSettings,
    RegisterPoint,
)

MODBUS_PORT = 502
CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem and the keys it belongs to; the file is found later."""

    keys: Keys
    problem: Problem


@dataclass(slots=True)
class _Resolver:
    config: Config
    directories: Sequence[Path]
    board: Board | None = None
    profiles: dict[str, ModbusInstrument | FrameInstrument] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, keys: Keys, *, expected: str = "", got: str = "", hint: str = "") -> None:
        self.faults.append(Fault(keys, Problem("", "", expected, got, hint)))

    def profile_fault(self, keys: Keys, error: ProfileError) -> None:
        self.faults += [Fault(keys, problem) for problem in error.problems]


def resolve(config: Config, directories: Sequence[Path]) -> tuple[StationPlan, list[Fault]]:
    """The plan, and what stands in its way; the plan counts only when there is nothing."""
    resolver = _Resolver(config, directories)
    try:
        resolver.board = load_board(config.station.board, directories)
    except ProfileError as error:
        resolver.profile_fault(("station", "board"), error)
    _check_kind(resolver)
    _check_ports(resolver)
    plans = [plan for name, device in config.devices.items() if (plan := _device(resolver, name, device))]
    by_link: dict[str, list[DevicePlan]] = defaultdict(list)
    for plan in plans:
        by_link[str(plan.endpoint)].append(plan)
    for sharing in by_link.values():
        _check_sharing(resolver, sharing)
    buses = [BusPlan(on[0].endpoint, tuple(on)) for on in by_link.values()]
    cameras = tuple(_camera(resolver, name, camera) for name, camera in config.cameras.items())
    judgement = JudgementPlan() if resolver.faults else _judgement(resolver, [*plans, *cameras], buses)
    return StationPlan(tuple(buses), cameras, judgement), resolver.faults


def _camera(resolver: _Resolver, name: str, camera: Camera) -> CameraPlan:
    if name in resolver.config.devices:
        hint = f"there is a device called {name}, too; readings go by that name: give one of them another"
        resolver.fault(("cameras", name), hint=hint)
    for n, device in enumerate(camera.watches):
        if device not in resolver.config.devices:
            hint = did_you_mean(device, resolver.config.devices) or "name devices of this file"
            resolver.fault(("cameras", name, "watches", n), got=f'"{device}"', hint=f"no such device; {hint}")
    return CameraPlan(name, camera)


def _judgement(resolver: _Resolver, plans: Sequence[Measuring], buses: Sequence[BusPlan]) -> JudgementPlan:
    """What the readings of these devices are judged by; asked for only when the devices are good."""
    config, devices = resolver.config, {plan.name: plan for plan in plans}
    book = RuleBook(devices, offset_min(config.station.utc_offset))
    channels = Channels(config, devices, book.unit_of)
    judgement = JudgementPlan(
        channels=channels.plans(),
        rules=book.read(config.rules),
        buses={device.name: bus.name for bus in buses for device in bus.devices},
    )
    resolver.faults += [Fault(keys, problem) for keys, problem in (*channels.mistakes, *book.mistakes)]
    _check_reach(resolver, judgement)
    return judgement


def _check_reach(resolver: _Resolver, judgement: JudgementPlan) -> None:
    """A stage beyond what its gauge can report is never told of: every value there is bad."""
    known = judgement.by_source
    for rule in judgement.rules:
        if rule.kind not in ("stage", "rise") or (plan := known.get(rule.settings.source)) is None:
            continue
        low, high = plan.limits.sensor or (-inf, inf)
        for key in ("low", "warning", "guarantee"):
            level = getattr(rule.settings, f"{key}_m", None)
            if level is not None and not low <= level <= high:
                wanted = f"within what {plan.source} can report, {low:g} to {high:g} m"
                hint = f"or set limits.{plan.source}.sensor"
                resolver.fault(("rules", rule.name, key), expected=wanted, got=f"{level:g} m", hint=hint)


def _check_kind(resolver: _Resolver) -> None:
    if kind := resolver.config.station.kind:
        try:
            load_station(kind, resolver.directories)
        except ProfileError as error:
            resolver.profile_fault(("station", "kind"), error)


def _check_ports(resolver: _Resolver) -> None:
    """A port without a path must be one of the board's, or nothing would ever use it."""
    if resolver.board is None:
        return
    known = resolver.board.ports
    for name, port in resolver.config.ports.items():
        if port.path is None and name not in known:
            hint = did_you_mean(name, known) or f"give path; the ports of the board are {', '.join(known)}"
            resolver.fault(("ports", name), hint=f"the board has no port of this name; {hint}")


def _device(resolver: _Resolver, name: str, device: Device) -> DevicePlan | None:
    at: Keys = ("devices", name)
    profile = _profile(resolver, name, device)
    if profile is None:
        return None
    endpoint = _endpoint(resolver, at, device, profile)
    points = _points(resolver, at, device, profile)
    if endpoint is None or points is None:
        return None
    own = {"every_s": device.every_s, "timeout_s": device.timeout_s, "gap_ms": device.gap_ms}
    timing = replace(profile.timing, **_set(own))
    instrument = replace(profile, points=points, timing=timing)  # type: ignore[arg-type]
    unit, framing = 0, _framing(device, profile)
    if isinstance(instrument, ModbusInstrument):
        instrument = replace(instrument, modbus=_laid_over(instrument.modbus, device.modbus))
        unit = instrument.modbus.unit if device.unit is None else device.unit
        if unit == 0 and framing == "rtu":
            hint = "on an RTU line 0 is broadcast, which no device answers"
            resolver.fault((*at, "unit"), expected="the device's own unit id, from 1 on", got="0", hint=hint)
        _check_blocks(resolver, at, instrument)
    else:
        for key in ("unit", "framing", "modbus"):
            if getattr(device, key) is not None:
                resolver.fault((*at, key), hint=f"{device.instrument} does not speak Modbus; remove it")
    return DevicePlan(
        name=name,
        title=device.title or profile.title,
        profile=device.instrument or CUSTOM,
        instrument=instrument,
        endpoint=endpoint,
        framing=framing,
        unit=unit,
    )


def _laid_over(settings: ModbusSettings, own: ModbusOverride | None) -> ModbusSettings:
    """The profile's settings with those that the device's table names laid over them."""
    return replace(settings, **_set(vars(own))) if own else settings


def _set(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are given."""
    return {key: value for key, value in keys.items() if value is not None}


def _framing(device: Device, instrument: ModbusInstrument | FrameInstrument) -> Framing:
    """Modbus TCP is the only thing that is not the bytes of a serial line."""
    is_line = device.port or isinstance(instrument, FrameInstrument)
    return "rtu" if is_line else device.framing or "tcp"


def _check_blocks(resolver: _Resolver, at: Keys, instrument: ModbusInstrument) -> None:
    try:
        plan_blocks(instrument.points, instrument.modbus)
    except BadConfig as error:
        resolver.fault((*at, "modbus", "max_registers"), hint=str(error))


def _profile(resolver: _Resolver, name: str, device: Device) -> ModbusInstrument | FrameInstrument | None:
    if device.instrument is None:
        if not _distinct(resolver, name, device.points):
            return None
        return ModbusInstrument(
            title=device.title or name, vendor="", model="", confirmed="single-source",
            source="configuration", protocol="modbus", points=device.points,
        )  # fmt: skip
    if known := resolver.profiles.get(device.instrument):
        return known
    try:
        found = load_instrument(device.instrument, resolver.directories)
    except ProfileError as error:
        resolver.profile_fault(("devices", name, "instrument"), error)
        return None
    resolver.profiles[device.instrument] = found
    return found


def _distinct(resolver: _Resolver, name: str, points: Sequence[RegisterPoint]) -> bool:
    """Whether a device's own points are channels of their own each."""
    first: dict[str, int] = {}
    for index, point in enumerate(points):
        if (twin := first.setdefault(point.channel, index)) != index:
            hint = f"points[{twin}] is called the same; give each a qualifier of its own, e.g. voltage.l1"
            keys: Keys = ("devices", name, "points", index, "channel")
            resolver.fault(keys, got=f'"{point.channel}"', hint=hint)
    return len(first) == len(points)


def _endpoint(
    resolver: _Resolver, at: Keys, device: Device, instrument: ModbusInstrument | FrameInstrument
) -> Endpoint | None:
    if device.tcp is not None:
        return TcpEndpoint(*split_host_port(device.tcp, MODBUS_PORT))
    port = _port(resolver, device.port or "")
    if port is None:
        name = device.port
        known = sorted({*resolver.config.ports, *(resolver.board.ports if resolver.board else ())})
        hint = did_you_mean(name or "", known) or f"known ports: {', '.join(known)}"
        resolver.fault(
            (*at, "port"), expected="a port of the board or of [ports], or a path", got=f'"{name}"', hint=hint
        )
        return None
    own = resolver.config.ports.get(device.port or "")
    line = device.line or (own.line if own and own.line else None) or instrument.line
    return SerialEndpoint(port.path, line, echoes=port.echoes, kernel_rs485=port.rs485 == "kernel")


def _port(resolver: _Resolver, name: str) -> BoardPort | None:
    """The port of this name or path: what the board says of it, with this file's [ports] laid over."""
    ports = dict(resolver.board.ports if resolver.board else {})
    for key, own in resolver.config.ports.items():
        path = str(own.path) if own.path else None
        facts = _set({"path": path, "echoes": own.echoes, "rs485": own.rs485})
        if key in ports:
            ports[key] = replace(ports[key], **facts)
        elif path:
            ports[key] = BoardPort(**facts)
    if name in ports or not name.startswith("/"):
        return ports.get(name)
    return next((port for port in ports.values() if port.path == name), BoardPort(path=name))


def _points(
    resolver: _Resolver, at: Keys, device: Device, instrument: ModbusInstrument | FrameInstrument
) -> tuple[RegisterPoint, ...] | tuple[FramePoint, ...] | None:
    known = [point.channel for point in instrument.points]
    for channel in device.channels.keys() - set(known):
        hint = did_you_mean(channel, known) or f"its channels: {', '.join(known)}"
        resolver.fault(
            (*at, "channels", channel),
            hint=f"{device.instrument or 'this device'} has no such channel; {hint}",
        )
    for point in instrument.points:
        if (over := device.channels.get(point.channel)) and not point.is_numeric:
            _check_unscaled(resolver, (*at, "channels", point.channel), over)
    points = [
        _overridden(point, over) if over else point
        for point in instrument.points
        if not ((over := device.channels.get(point.channel)) and over.skip)
    ]
    names = [point.channel for point in points]
    if twice := {name for name in names if names.count(name) > 1}:
        resolver.fault((*at, "channels"), hint=f"two channels called {', '.join(sorted(twice))}")
        return None
    if not points:
        resolver.fault((*at, "channels"), hint="every channel is skipped; remove the device instead")
        return None
    return tuple(points)  # type: ignore[return-value]


def _check_unscaled(resolver: _Resolver, at: Keys, over: ChannelOverride) -> None:
    for key, given, neutral in (("factor", over.factor, 1.0), ("offset", over.offset, 0.0)):
        if given != neutral:
            hint = "this channel gives no number but a label, a text or a bit; remove it"
            resolver.fault((*at, key), got=f"{given:g}", hint=hint)


def _overridden(point: RegisterPoint | FramePoint, over: ChannelOverride) -> RegisterPoint | FramePoint:
    """Value' = value * factor + offset, folded into the point's own scale and offset."""
    channel = over.rename or point.channel
    if not point.is_numeric:
        return replace(point, channel=channel)
    return replace(
        point,
        channel=channel,
        scale=point.scale * over.factor,
        offset=point.offset * over.factor + over.offset,
    )


def _check_sharing(resolver: _Resolver, sharing: Sequence[DevicePlan]) -> None:
    """What devices on one link must agree on: line settings, framing, distinct units; no listener."""
    for index, other in enumerate(sharing):
        first, before = sharing[0], sharing[:index]
        if before and (first.listens or other.listens):
            key = "port" if isinstance(other.endpoint, SerialEndpoint) else "tcp"
            one = first if first.listens else other
            hint = f"{one.name} pushes frames and needs {one.endpoint} for itself"
            resolver.fault(("devices", other.name, key), hint=hint)
        elif other.framing != first.framing:
            _check_framing(resolver, first, other)
        if other.endpoint != first.endpoint and isinstance(other.endpoint, SerialEndpoint):
            resolver.fault(
                ("devices", other.name, "line"),
                expected=f"{_line(first)}, which {first.name} has on the same port {other.endpoint}",
                got=_line(other),
                hint="set both devices to the same, or use another port",
            )
        if twin := next((one for one in before if _is_twin(one, other)), None):
            hint = f"{twin.name} is the same instrument with the same unit id on {other.endpoint}"
            resolver.fault(("devices", other.name, "unit"), got=str(other.unit), hint=hint)


def _check_framing(resolver: _Resolver, first: DevicePlan, other: DevicePlan) -> None:
    """A gauge with frames of its own is given: there the Modbus device is the one to change."""
    wrong, right = (first, other) if isinstance(other.instrument, FrameInstrument) else (other, first)
    hint = (
        f"{right.name} sends frames of its own, which only a serial converter carries"
        if isinstance(right.instrument, FrameInstrument)
        else ""
    )
    resolver.fault(
        ("devices", wrong.name, "framing"),
        expected=f'"{right.framing}", as {right.name} on {right.endpoint}',
        got=f'"{wrong.framing}"',
        hint=hint,
    )


def _is_twin(one: DevicePlan, other: DevicePlan) -> bool:
    """A copy whose unit id was forgotten: one unit may well be two devices with points of their own each."""
    if not (isinstance(one.instrument, ModbusInstrument) and isinstance(other.instrument, ModbusInstrument)):
        return False
    if (one.unit, one.profile) != (other.unit, other.profile):
        return False
    return one.profile != CUSTOM or one.instrument.points == other.instrument.points


def _line(device: DevicePlan) -> str:
    line = device.endpoint.line if isinstance(device.endpoint, SerialEndpoint) else LineSettings()
    return f"{line.baud} {line.data_bits}{line.parity}{line.stop_bits}"
