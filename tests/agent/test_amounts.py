"""Numbers as a person reads them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.amounts import ago, bar, instant, listed, many, moment, size, span, sparkline, symbol, value
from firmware_profiles.properties import properties

NOW_MS = 1_795_420_800_000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (0.0004, "0.4 ms"), (0.043, "43 ms"), (1.2, "1.2 s"), (9.99, "10 s"), (59, "59 s"),
        (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (7_800, "2 h 10 min"), (86_400, "1 d"),
        (86_400 + 59, "1 d"), (3 * 86_400 + 4 * 3600 + 120, "3 d 4 h"), (86_400 + 600, "1 d"), (-5, "0 s"),
    ],
)  # fmt: skip
def test_a_span_is_said_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert span(seconds) == text


@given(st.integers(min_value=0, max_value=10**9))
def test_a_span_is_short_and_not_above_what_it_was(seconds: int) -> None:
    sizes = {"s": 1, "min": 60, "h": 3600, "d": 86400}
    words = span(seconds).split()
    said = sum(int(count) * sizes[unit] for count, unit in zip(words[::2], words[1::2], strict=True))
    assert len(words) in (2, 4)
    assert said <= seconds
    assert seconds - said < sizes[words[-1]] or len(words) == 2


def test_ages() -> None:
    assert ago(None, NOW_MS) == "never"
    assert ago(NOW_MS, NOW_MS) == ago(NOW_MS + 5000, NOW_MS) == ago(NOW_MS - 900, NOW_MS) == "now"
    assert ago(NOW_MS - 3_000, NOW_MS) == "3 s ago"


def test_times_are_utc() -> None:
    assert moment(NOW_MS) == "2026-11-23 08:00 UTC"
    assert instant(NOW_MS + 7) == "2026-11-23T08:00:00.007Z"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (45_000, "44 KiB"), (512 * 2**20, "512 MiB"), (3 * 2**40, "3.0 TiB")],
)  # fmt: skip
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


def test_counts() -> None:
    assert many(1, "device") == "1 device"
    assert many(1204, "device") == "1,204 devices"
    assert many(0, "bus", "buses") == "0 buses"
    assert listed([]) == "nothing"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_values_stand_beside_their_units() -> None:
    assert value(1.23449, "m", 3) == "1.234 m"
    assert value(12000, "lx", 3) == "12000 lx"
    assert value(4, "1", 0) == "4"
    assert value(True, "1", 0) == "on"
    assert value("raining", "1", 0) == "raining"
    assert value(None, "m", 3) == "-"


def test_no_unit_of_the_property_table_shows_its_code() -> None:
    shown = {symbol(known.unit) for known in properties().values()}
    assert not [unit for unit in shown if set(unit) & set("{}[]")]
    assert "°C" in shown


def test_a_sparkline_rises_with_its_values_and_shows_gaps() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8]) == "▁▂▃▄▅▆▇█"
    assert sparkline([0.5, None, 0.0]) == "█·▁"
    assert sparkline([7.0, 7.0]) == "▄▄"
    assert sparkline(["dry", "wet"]) == "··"
    assert sparkline([]) == ""


@given(
    st.lists(
        st.none()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.integers(-1000, 1000)
        | st.booleans(),
        max_size=50,
    )
)
def test_a_sparkline_has_a_step_a_value(values: list) -> None:
    marks = sparkline(values)
    assert len(marks) == len(values)
    assert all((mark == "·") == (each is None) for mark, each in zip(marks, values, strict=True))
    numbers = [(float(v), m) for v, m in zip(values, marks, strict=True) if v is not None]
    assert all(m1 <= m2 for (v1, m1) in numbers for (v2, m2) in numbers if v1 < v2)


@given(st.floats(0, 2), st.integers(3, 60))
def test_a_bar_keeps_its_width_and_shows_the_least(share: float, width: int) -> None:
    shown = bar(share, width)
    assert len(shown) == width
    assert ("#" in shown) == (share > 0)
    assert share < 1 or "." not in shown
    assert math.isclose(shown.count("#") / (width - 2), min(share, 1), abs_tol=1 / (width - 2))
