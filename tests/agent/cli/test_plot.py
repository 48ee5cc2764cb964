"""Charts on the terminal: small pictures to the letter, and what must hold for every picture."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from agent.cli.chart import Chart, Limit, Mark, Series, period, time_ticks, value_axis
from agent.cli.lanes import bars
from agent.cli.plot import ASCII, BRAILLE, Canvas, draw, fitting
from pipelines.events import Severity

AT_MS = 1_795_420_800_000  # 2026-11-23T08:00:00Z
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

RISING = Series("level", [(AT_MS + n * MINUTE_MS, float(n)) for n in range(21)])
BROKEN = Series(
    "level",
    [(AT_MS + n * MINUTE_MS, value) for n, value in [(0, 1.0), (1, 2.0), (2, 1.0), (3, None), (4, 1.0), (5, 2.0), (20, 2.0), (21, 1.0)]],
)  # fmt: skip
LIMITS = (Limit("warning", 1.5), Limit("far", 99))
MARKS = (
    Mark("stage", AT_MS, AT_MS + 5 * MINUTE_MS, Severity.WARNING),
    Mark("stuck", AT_MS + 18 * MINUTE_MS, None),
)


def picture(chart: Chart, width: int, height: int, signs=BRAILLE) -> str:
    return "\n".join(line.plain.rstrip() for line in draw(chart, width, height, signs))


def test_a_rising_series() -> None:
    chart = Chart(series=[RISING], title="level.water_level", unit="m")
    assert (
        picture(chart, 40, 8)
        == """\
level.water_level m       2026-11-23 UTC
20 ┤                             ⢀⣀⠤⠤⠒⠊⠉
   │                      ⢀⣀⠤⠤⠒⠊⠉⠁
10 ┤             ⢀⣀⠤⠤⠤⠤⠒⠊⠉⠁
   │      ⢀⣀⠤⠤⠒⠊⠉⠁
 0 ┤⣀⠤⠤⠒⠊⠉⠁
   └┬─────────────────┬────────────────┬
  08:00             08:10          08:20"""
    )


def test_gaps_stay_gaps_limits_have_names_and_marks_stand_above() -> None:
    chart = Chart(series=[BROKEN], limits=LIMITS, marks=MARKS, title="a.b")
    assert (
        picture(chart, 44, 9)
        == """\
a.b                           2026-11-23 UTC
     ├──────┤ stage     stuck ├───▶
2.0 ┤ ⢸     ⡇                    ⡇  ↑far
    │ ⡇⡇   ⢸                     ⢸
1.5 ┤⢠⠃⢣╌╌╌⡜╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌⠘⡄ warning
    │⢸ ⢸   ⡇                      ⡇
1.0 ┤⡇  ⡇ ⢸                       ⢸
    └┬─────────────┬─────────────┬─
   08:00         08:10        08:20"""
    )


def test_the_same_in_ascii() -> None:
    text = picture(Chart(series=[BROKEN], limits=LIMITS, marks=MARKS, title="a.b"), 44, 9, ASCII)
    assert (
        text
        == """\
a.b                           2026-11-23 UTC
     [======] stage     stuck [===>
2.0 + :     :                    :  ^far
    | :.    :                    :
1.5 +.':---.'--------------------'. warning
    |: '.  :                      :
1.0 +:  :  :                      :
    ++-------------+-------------+-
   08:00         08:10        08:20"""
    )
    assert text.isascii()


def test_a_far_limit_does_not_flatten_the_values() -> None:
    chart = Chart(series=[RISING], limits=[Limit("near", 30), Limit("far", 1000), Limit("deep", -1000)])
    assert chart.values() == (0, 30)
    lines = picture(chart, 60, 14).splitlines()
    assert "↑far" in lines[1] or "↑far" in lines[2]
    assert any("↓deep" in line for line in lines[-4:-2])
    assert sum("╌" in line for line in lines) == 1


def test_several_series_have_a_legend_in_their_colours() -> None:
    flat = Series("rain", [(AT_MS, 1.0), (AT_MS + HOUR_MS, 1.0)])
    lines = draw(Chart(series=[RISING, flat], title="both"), 60, 10)
    styles = {str(span.style) for span in lines[0].spans}
    assert {"cyan", "magenta"} <= styles
    assert lines[0].plain.startswith("both  level  rain")
    assert {"cyan", "magenta"} <= {str(span.style) for line in lines[1:] for span in line.spans}


@pytest.mark.parametrize("points", [[], [(AT_MS, None)], [(AT_MS, float("nan"))], [(AT_MS, float("inf"))]])
def test_without_a_value_it_says_so(points: list) -> None:
    assert picture(Chart(series=[Series("a", points)], title="a.b"), 80, 20) == "a.b\nnothing to draw"


def test_one_value_alone() -> None:
    text = picture(Chart(series=[Series("a", [(AT_MS, 5.0)])]), 40, 8)
    assert sum(0x2800 < ord(character) < 0x2900 for character in text) == 1


numbers = st.floats(-1e12, 1e12, allow_subnormal=False)
points = st.lists(st.tuples(st.integers(0, 40 * DAY_MS), st.none() | numbers), min_size=1, max_size=60).map(
    lambda found: [(AT_MS + at, value) for at, value in sorted(found, key=lambda point: point[0])]
)


@given(points, st.integers(1, 100), st.integers(1, 40), st.sampled_from([BRAILLE, ASCII]))
def test_each_value_has_a_dot_within_half_a_step_of_it(found: list, width: int, height: int, signs) -> None:
    chart = Chart(series=[Series("a", found)])
    values = chart.values()
    if values is None:
        return
    axis = value_axis(*values, max(height // 2, 3))
    canvas = Canvas(width, height, signs, chart.times(), axis)
    step = (axis.high - axis.low) / max(height * signs.down - 1, 1)
    for run in chart.series[0].runs():
        canvas.join(run, "")
        for at_ms, value in run:
            x, y = canvas.x(at_ms), canvas.y(value)
            middle = axis.high - y * step
            assert abs(middle - value) <= step / 2 * 1.001 or height * signs.down == 1
            cell = canvas.cell(y // signs.down, x // signs.across)
            assert cell is not None
            bits = ord(cell[0]) - 0x2800 if signs is BRAILLE else " '.:".index(cell[0])
            assert bits & signs.dots[y % signs.down][x % signs.across]


limits = st.lists(
    st.builds(Limit, st.sampled_from(["warning", "site high", "guarantee of the dyke"]), numbers), max_size=4
)
marks = st.lists(
    st.tuples(st.sampled_from(["stage", "a very long name of an event"]), st.integers(0, DAY_MS), st.none() | st.integers(0, DAY_MS)).map(
        lambda mark: Mark(mark[0], AT_MS + mark[1], None if mark[2] is None else AT_MS + mark[1] + mark[2])
    ),
    max_size=8,
)  # fmt: skip


@given(st.builds(Chart, series=points.map(lambda found: [Series("a", found)]), limits=limits, marks=marks, title=st.just("t" * 30)),
       st.integers(20, 160), st.integers(4, 40), st.sampled_from([BRAILLE, ASCII]))  # fmt: skip
def test_a_picture_keeps_to_its_size(chart: Chart, width: int, height: int, signs) -> None:
    lines = draw(chart, width, height, signs)
    if chart.values() is None:
        return
    assert len(lines) == max(height, 6)
    assert max(len(line.plain.rstrip()) for line in lines) <= max(width, 30)
    if signs is ASCII:
        assert "\n".join(line.plain for line in lines).isascii()


@given(numbers, numbers, st.integers(2, 30))
def test_an_axis_has_round_numbers_around_its_values(one: float, other: float, most: int) -> None:
    low, high = min(one, other), max(one, other)
    axis = value_axis(low, high, most)
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= max(most, 3)
    slack = abs(axis.step) * 1e-6
    assert axis.low <= low + slack
    assert axis.high >= high - slack
    assert f"{axis.step:e}"[0] in "125"
    if axis.step > 1e-4 * max(abs(low), abs(high), 1e-9):  # else they differ beyond the digits shown
        labels = [axis.label(tick) for tick in ticks]
        assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("low", "high", "most", "labels"),
    [
        (0, 20, 5, ["0", "5", "10", "15", "20"]),
        (16.02, 16.31, 5, ["16.0", "16.1", "16.2", "16.3", "16.4"]),
        (5, 5, 3, ["4.95", "5.00", "5.05"]),
        (0, 0, 3, ["-1", "0", "1"]),
        (-1, 1, 5, ["-1.0", "-0.5", "0", "0.5", "1.0"]),
        (0, 2e9, 3, ["0", "1e+09", "2e+09"]),
    ],
)
def test_axes(low: float, high: float, most: int, labels: list[str]) -> None:
    axis = value_axis(low, high, most)
    assert [axis.label(tick) for tick in axis.ticks()] == labels


@pytest.mark.parametrize(
    ("length_ms", "offset_min", "labels"),
    [
        (20_000, 0, ["08:00:00", "08:00:10", "08:00:20"]),
        (HOUR_MS, 0, ["08:00", "08:30", "09:00"]),
        (DAY_MS, 0, ["12:00", "11-24"]),
        (DAY_MS, 480, ["11-24", "12:00"]),
        (10 * DAY_MS, 0, ["11-28", "12-03"]),
    ],
)
def test_times_at_round_minutes_hours_and_days_of_that_clock(length_ms, offset_min, labels) -> None:
    ticks = time_ticks(AT_MS, AT_MS + length_ms, 3, offset_min)
    assert [label for _, label in ticks] == labels
    assert all(AT_MS <= at_ms <= AT_MS + length_ms for at_ms, _ in ticks)


@given(st.integers(1, 10**13), st.integers(1, 20), st.integers(-720, 840))
def test_there_are_never_more_times_than_have_room(length_ms: int, most: int, offset_min: int) -> None:
    assert len(time_ticks(AT_MS, AT_MS + length_ms, most, offset_min)) <= most


def test_the_period_is_in_that_clocks_days() -> None:
    assert period(AT_MS, AT_MS + HOUR_MS) == "2026-11-23 UTC"
    assert period(AT_MS, AT_MS + DAY_MS) == "2026-11-23 to 2026-11-24 UTC"
    assert period(AT_MS + 9 * HOUR_MS, AT_MS + 10 * HOUR_MS, 480) == "2026-11-24 UTC+08:00"


def test_marks_that_overlap_have_lines_of_their_own() -> None:
    spans = [
        Mark("flood", AT_MS, AT_MS + HOUR_MS),
        Mark("rise", AT_MS, AT_MS),
        Mark("late", AT_MS + 2 * HOUR_MS, None),
    ]
    times = (AT_MS, AT_MS + 3 * HOUR_MS)
    assert [line.plain.rstrip() for line in bars(spans, times, 40, 4)] == [
        "├────────────┤ flood late ├────────────▶",
        "◆ rise",
    ]
    assert [line.plain.rstrip() for line in bars(spans * 3, times, 40, 2)][-1] == "and 7 more"
    assert bars(spans, times, 40, 0) == []


@pytest.mark.parametrize(
    ("encoding", "terminal", "environment", "signs"),
    [
        ("utf-8", True, {"TERM": "xterm-256color", "LANG": "C.UTF-8"}, BRAILLE),
        ("utf-8", True, {"TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C"}, ASCII),
        ("utf-8", False, {"LANG": "C.UTF-8", "LC_ALL": "C"}, ASCII),
        ("utf-8", True, {"TERM": "xterm-256color"}, ASCII),
        ("ascii", True, {"TERM": "xterm-256color", "LANG": "C.UTF-8"}, ASCII),
        ("latin-1", True, {"TERM": "xterm-256color", "LANG": "C.UTF-8"}, ASCII),
        ("utf-8", True, {"TERM": "linux", "LANG": "C.UTF-8"}, ASCII),
        ("utf-8", True, {"TERM": "dumb", "LANG": "C.UTF-8"}, ASCII),
        ("utf-8", False, {"TERM": "linux", "LANG": "C.UTF-8"}, BRAILLE),
    ],
)
def test_where_the_output_has_no_braille_it_is_ascii(encoding, terminal, environment, signs) -> None:
    console = Console(file=io.TextIOWrapper(io.BytesIO(), encoding=encoding), force_terminal=terminal)
    assert fitting(console, environment) is signs
