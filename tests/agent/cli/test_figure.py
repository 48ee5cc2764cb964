"""Charts as SVG: well-formed, whole in itself, every value in its place."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from agent.cli.chart import Chart, Limit, Mark, Series
from agent.cli.figure import HEIGHT, LEFT, RIGHT, WIDTH, figure
from pipelines.events import Severity

AT_MS = 1_795_420_800_000
HOUR_MS = 3_600_000
SVG = "{http://www.w3.org/2000/svg}"

POINTS = [(AT_MS + n * HOUR_MS, None if n == 5 else float(n % 4)) for n in range(12)]
CHART = Chart(
    series=[Series("a <b> & c", POINTS)],
    limits=[Limit("warning", 2.5), Limit("far", 500.0)],
    marks=[
        Mark("stage", AT_MS + HOUR_MS, AT_MS + 3 * HOUR_MS, Severity.CRITICAL),
        Mark("rise", AT_MS + HOUR_MS, AT_MS + 2 * HOUR_MS),
        Mark("open", AT_MS + 9 * HOUR_MS, None, Severity.WATCH),
    ],
    title="level & <more>",
    unit="m",
)


@pytest.fixture(scope="module")
def drawn() -> ET.Element:
    return ET.fromstring(figure([CHART]))


def test_it_is_well_formed_and_takes_nothing_from_elsewhere() -> None:
    text = figure([CHART, CHART])
    assert ET.fromstring(text).tag == f"{SVG}svg"
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<(script|image|use|foreignObject)|url\(|@import|href", text)


def test_every_colour_has_a_value_in_the_light_and_in_the_dark() -> None:
    text = figure([CHART])
    light, dark = text.split("@media (prefers-color-scheme: dark)")
    for name in set(re.findall(r"var\(--(\w+)\)", text)):
        assert f"--{name}: #" in light
        assert f"--{name}: #" in dark.split("</style>")[0]


def test_a_line_breaks_at_the_gap_and_each_value_is_in_its_place(drawn: ET.Element) -> None:
    lines = [line.get("points").split() for line in drawn.iter(f"{SVG}polyline")]
    assert [len(line) for line in lines] == [5, 6]
    xs = [float(point.partition(",")[0]) for line in lines for point in line]
    assert xs[0] == LEFT
    assert xs[-1] == WIDTH - RIGHT
    ys = {float(point.partition(",")[2]) for line in lines for point in line}
    assert len(ys) == 4
    assert max(ys) - min(ys) == pytest.approx(HEIGHT)


def test_limits_and_marks_are_named(drawn: ET.Element) -> None:
    words = ["".join(text.itertext()) for text in drawn.iter(f"{SVG}text")]
    assert {"level & <more> (m)", "warning", "↑ far 500", "stage", "rise", "open"} <= set(words)
    assert "2026-11-23 UTC" in words
    bars = [bar for bar in drawn.iter(f"{SVG}rect") if bar.get("height") == "4"]
    rows = [float(bar.get("y")) for bar in bars]
    assert len(bars) == 3
    assert rows[0] != rows[1], "two at once are one below the other"
    assert rows[0] == rows[2], "and the later one has the first line again"
    assert float(bars[2].get("x")) + float(bars[2].get("width")) == pytest.approx(WIDTH - RIGHT)


def test_a_value_alone_is_a_dot_and_nothing_is_said_to_be_nothing() -> None:
    alone = ET.fromstring(figure([Chart(series=[Series("a", [(AT_MS, 1.0)])])]))
    assert len(list(alone.iter(f"{SVG}circle"))) == 1
    assert "nothing to draw" in figure([Chart(series=[], title="empty")])


def test_two_series_have_a_legend() -> None:
    other = Series("other", POINTS)
    words = [
        "".join(text.itertext())
        for text in ET.fromstring(figure([Chart(series=[*CHART.series, other])])).iter(f"{SVG}text")
    ]
    assert {"a <b> & c", "other"} <= set(words)
