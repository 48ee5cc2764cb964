"""The live view of tail, as rows of text."""

from __future__ import annotations

import io

from rich.console import Console

from agent.cli.traces import LENGTH, Traces

CHANNELS = {
    "level": {
        "water_level": {"unit": "m", "decimals": 3},
        "water_temperature": {"unit": "Cel", "decimals": 1},
    },
    "wind": {"wind_speed": {"unit": "m/s", "decimals": 2}},
}


def drawn(traces: Traces, now_s: float, columns: int = 80, rows: int = 24) -> list[str]:
    out = Console(file=io.StringIO(), width=columns)
    out.print(traces.view(now_s, columns, rows))
    return [line.rstrip() for line in out.file.getvalue().splitlines()]


def sample(device: str, *readings: list) -> dict:
    return {"device": device, "at_ms": 0, "seq": 1, "readings": list(readings)}


def test_a_row_a_channel_with_value_unit_age_quality_and_trend() -> None:
    traces = Traces(CHANNELS)
    traces.feed(sample("level", ["water_level", 1.0, 1, ""], ["water_temperature", 12.0, 2, ""]), 100.0)
    traces.feed(
        sample("level", ["water_level", None, 9, "timeout"], ["water_temperature", None, 9, "timeout"]), 101.0
    )
    traces.feed(sample("level", ["water_level", 1.5, 3, "spike"], ["water_temperature", 13.0, 2, ""]), 102.0)
    assert drawn(traces, 105.2) == [
        "channel                value  age  quality         trend",
        "level",
        "  water_level        1.500 m  3 s  suspect: spike  ▁·█",
        "  water_temperature  13.0 °C  3 s  unchecked       ▁·█",
        "wind",
        "  wind_speed               -       no sample yet",
    ]


def test_a_missing_value_says_why() -> None:
    traces = Traces(CHANNELS)
    traces.feed(sample("wind", ["wind_speed", None, 9, "garbled"]), 0.0)
    assert drawn(traces, 61.0)[-1] == "  wind_speed             -  1 min  missing: garbled  ·"


def test_only_the_wanted_channels() -> None:
    traces = Traces(CHANNELS, ["wind_speed"])
    traces.feed(sample("level", ["water_level", 1.0, 2, ""]), 0.0)
    assert [line.strip() for line in drawn(traces, 0.0)[1:]] == [
        "wind",
        "wind_speed      -       no sample yet",
    ]


def test_the_trend_keeps_the_latest_values_and_gives_way_on_a_narrow_terminal() -> None:
    traces = Traces({"wind": CHANNELS["wind"]})
    for number in range(100):
        traces.feed(sample("wind", ["wind_speed", float(number), 2, ""]), 0.0)
    wide = drawn(traces, 0.0, columns=120)[-1].split()[-1]
    assert (len(wide), wide[0], wide[-1]) == (LENGTH, "▁", "█")
    narrow = drawn(traces, 0.0, columns=56)
    assert len(narrow[-1]) == 56
    assert narrow[-1].endswith(wide[-8:])
    phone = drawn(traces, 0.0, columns=45)
    assert "█" not in phone[-1]
    assert max(map(len, phone)) <= 45


def test_more_rows_than_the_terminal_has_are_counted() -> None:
    many = {f"d{number}": CHANNELS["wind"] for number in range(20)}
    lines = drawn(Traces(many), 0.0, rows=12)
    assert len(lines) == 11
    assert lines[-1].strip() == "31 lines more; name devices, or --channel"


def test_no_devices_is_an_empty_table() -> None:
    assert drawn(Traces({}), 0.0) == ["channel  value  age  quality  trend"]
