"""Profiles of instruments, boards and kinds of station as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from agent.amounts import many, span, symbol
from agent.cli import screen, texts
from drivers.modbus.plan import plan_blocks
from firmware_profiles.frames import FramePoint
from firmware_profiles.points import LineSettings
from firmware_profiles.properties import property_of
from firmware_profiles.schema import Board, FrameInstrument, ModbusInstrument, RegisterPoint
from firmware_profiles.stations import Station

Instrument = ModbusInstrument | FrameInstrument
Point = RegisterPoint | FramePoint

_COLUMNS = ("instrument", "title, and what it measures", "protocol", "confirmed")


def instrument_list(instruments: Mapping[str, Instrument]) -> RenderableType:
    """A row an instrument."""
    rows = screen.table(*_COLUMNS, whole=("instrument", "protocol", "confirmed"))
    for name, instrument in instruments.items():
        measures = dict.fromkeys(point.channel.partition(".")[0] for point in instrument.points)
        what = Padding(Text(", ".join(measures), screen.DIM), (0, 0, 0, 2))
        rows.add_row(name, Group(instrument.title, what), instrument.protocol, instrument.confirmed)
    return rows


def board_list(boards: Mapping[str, Board]) -> RenderableType:
    """A row a board."""
    rows = screen.table("board", "title", "ports")
    for name, board in boards.items():
        rows.add_row(name, board.title, ", ".join(board.ports))
    return rows


def station_list(stations: Mapping[str, Station]) -> RenderableType:
    """A row a kind of station."""
    rows = screen.table("station", "title", "gauges")
    for name, station in stations.items():
        rows.add_row(name, station.title, ", ".join(station.expects))
    return rows


def instrument_view(name: str, instrument: Instrument) -> Iterator[RenderableType]:
    """Everything about an instrument but its vectors' bytes."""
    yield Text.assemble((f"{name}: {instrument.title}", screen.BOLD))
    yield screen.pairs(
        ("vendor", instrument.vendor),
        ("model", instrument.model),
        ("firmware", instrument.firmware),
        ("confirmed", f"{instrument.confirmed}: {texts.CONFIRMED[instrument.confirmed]}"),
        ("source", instrument.source.strip()),
        ("line", _line(instrument.line)),
        ("timing", _timing(instrument)),
        ("asked", _asked(instrument)),
        ("vectors", many(len(instrument.vectors), "test vector")),
        ("note", instrument.note.strip()),
    )
    yield ""
    yield _map(instrument)
    notes = [(point.channel, note) for point in instrument.points if (note := _note(point))]
    if notes:
        yield ""
        yield screen.pairs(*notes)


def board_view(name: str, board: Board) -> Iterator[RenderableType]:
    """A board and its ports."""
    yield Text.assemble((f"{name}: {board.title}", screen.BOLD))
    yield screen.pairs(
        ("vendor", board.vendor), ("source", board.source.strip()), ("note", board.note.strip())
    )
    yield ""
    rows = screen.table("port", "path", "direction", "title")
    for port, facts in board.ports.items():
        rows.add_row(port, facts.path, texts.DIRECTION_BY[facts.rs485], facts.title)
    yield rows


def station_view(name: str, station: Station) -> Iterator[RenderableType]:
    """A kind of station: its gauges, what it sets, its rules."""
    yield Text.assemble((f"{name}: {station.title}", screen.BOLD))
    yield screen.pairs(("source", station.source.strip()), ("note", station.note.strip()))
    yield ""
    rows = screen.table("gauge", "title", "measures", "every", "", right=("every",))
    for gauge, expected in station.expects.items():
        every = span(expected.every_s) if expected.every_s else ""
        measures = " or ".join(expected.measures)
        rows.add_row(gauge, expected.title, measures, every, "needed" if expected.required else "")
    yield rows
    yield ""
    limits = [f"{gauge}.{channel}" for gauge, each in station.expects.items() for channel in each.limits]
    yield screen.pairs(
        ("rules", ", ".join(f"{rule} ({keys.get('kind')})" for rule, keys in station.rules.items())),
        ("limits", ", ".join(limits)),
        *((f"[{table}]", _settings(keys)) for table, keys in station.settings.items()),
    )


def _settings(keys: Mapping[str, object]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in keys.items())


def _map(instrument: Instrument) -> RenderableType:
    place = "register" if isinstance(instrument, ModbusInstrument) else "place"
    rows = screen.table("channel", "unit", place, "type", "value")
    for point in instrument.points:
        where, kind = (
            (f"{point.table} {point.address}", _register_type(point))
            if isinstance(point, RegisterPoint)
            else (_frame_place(point), _frame_type(point))
        )
        rows.add_row(point.channel, symbol(property_of(point.channel).unit), where, kind, _conversion(point))
    return rows


def _register_type(point: RegisterPoint) -> str:
    if point.type in ("bit", "bitfield"):
        last = f" to {point.bit + point.length - 1}" if point.type == "bitfield" else ""
        return "bit" if point.table in ("coil", "discrete") else f"bit {point.bit}{last}"
    order = "" if point.words == 1 and point.order == "ABCD" else f" {point.order}"
    return f"string, {point.length}" if point.type == "string" else f"{point.type}{order}"


def _frame_place(point: FramePoint) -> str:
    if point.at is not None:
        return f"byte {point.at}"
    if point.column is not None:
        return f"column {point.column}"
    return f"key {point.key}" if point.key else f"XDR {point.quad}"


def _frame_type(point: FramePoint) -> str:
    if point.at is None:
        return "text"
    return point.type if point.type.endswith("8") else f"{point.type} {point.order}"


def _conversion(point: Point) -> str:
    """`raw * 0.1 - 40`."""
    scale = "" if point.scale == 1 else f" * {point.scale:g}"
    sign = "-" if point.offset < 0 else "+"
    return f"raw{scale}" + (f" {sign} {abs(point.offset):g}" if point.offset else "")


def _note(point: Point) -> str:
    labels = ", ".join(f"{number} = {text}" for number, text in point.labels.items())
    absent = ", ".join(f"{raw:g}" for raw in point.absent)
    parts = [labels, f"not installed: {absent}" if absent else "", *_frame_notes(point), point.note]
    return "; ".join(filter(None, parts))


def _frame_notes(point: Point) -> list[str]:
    """Which frames hold the point, when it can be trusted, which units it may come in."""
    if not isinstance(point, FramePoint):
        return []
    place = "column" if point.at is None else "byte"
    where = [f"{place} {at} = {written}" for at, written in point.select.items()]
    trusted = [f"{place} {at} = {written}" for at, written in point.good.items()]
    return [
        f"in frames with {', '.join(where)}" if where else "",
        f"trusted with {', '.join(trusted)}" if trusted else "",
        f"valid from {point.valid[0]:g} to {point.valid[1]:g}" if point.valid else "",
        f"units {', '.join(point.units)}" if point.units else "",
    ]


def _line(line: LineSettings) -> str:
    return f"{line.baud} {line.data_bits}{line.parity}{line.stop_bits}"


def _timing(instrument: Instrument) -> str:
    timing = instrument.timing
    parts = [f"every {span(timing.every_s)}", f"answers within {span(timing.timeout_s)}"]
    if timing.gap_ms:
        parts.append(f"{timing.gap_ms} ms of silence before a request")
    if timing.warm_up_s:
        parts.append(f"warms up {span(timing.warm_up_s)}")
    return ", ".join(parts)


def _asked(instrument: Instrument) -> str:
    if isinstance(instrument, FrameInstrument):
        requests = many(len(instrument.frames.requests), "request")
        return "not at all: it pushes" if instrument.frames.mode == "listen" else requests
    settings = instrument.modbus
    blocks = plan_blocks(instrument.points, settings)
    spans = ", ".join(
        f"{block.table} {block.address} to {block.address + block.count - 1}" for block in blocks
    )
    return f"unit {settings.unit}, {many(len(blocks), 'request')}: {spans}"
