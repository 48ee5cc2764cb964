"""What a plot says stands within its box."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.cli.sheet.content import Channel
from agent.cli.sheet.plots import WIDTH, Label, plot

NOW_MS = 1_795_420_800_000
LETTER = 4.0
"""pt, on average; of a colon half as much."""
ENDS = {"start": (0.0, 1.0), "middle": (-0.5, 0.5), "end": (-1.0, 0.0)}


@given(st.integers(0, 86_400_000), st.integers(2_000, 400_000_000), st.sampled_from([1.0, 16.59, 4000.0]))
def test_no_time_is_cut_off_at_either_side(begin_ms: int, took_ms: int, value: float) -> None:
    points = tuple((NOW_MS + begin_ms + took_ms * n // 10, value + n) for n in range(11))
    channel = Channel(
        device="level", channel="water_level", title="", unit="m", decimals=3, last="", low="", high="",
        samples=11, good=11, unchecked=0, suspect=0, bad=0, missing=0, tests={}, points=points,
    )  # fmt: skip
    labels = [each for each in plot(channel, 480) if isinstance(each, Label) and each.kind == "tick"]
    for label in labels:
        left, right = (label.x + share * LETTER * len(label.text) for share in ENDS[label.anchor])
        assert left >= 0
        assert right <= WIDTH
