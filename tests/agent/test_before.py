"""The last samples come back as they were, and take little room."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from agent.before import MOST_READINGS, MOST_SAMPLES, Before
from drivers.readings import Quality, Reading, Sample

values = st.none() | st.floats(allow_nan=False) | st.booleans() | st.text(max_size=3)
readings = st.lists(
    st.builds(Reading, st.sampled_from("abc"), values, st.sampled_from(Quality), st.sampled_from(["", "spike"])),
    min_size=1, max_size=4,
).map(tuple)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(["level", "rain"]), st.booleans(), readings), max_size=12))
def test_what_was_added_comes_back_in_the_order_of_time(rows: list) -> None:
    before = Before()
    added = [Sample(device, 1000 + n, settled, n, each) for n, (device, settled, each) in enumerate(rows)]
    for sample in added:
        before.add(sample)
    assert before.of({"level", "rain"}) == added
    assert before.of({"rain"}) == [sample for sample in added if sample.device == "rain"]
    before.forget("rain")
    before.forget("other")
    assert before.of({"level", "rain"}) == [sample for sample in added if sample.device == "level"]


def sample(seq: int, count: int) -> Sample:
    return Sample(
        "gauge", seq, True, seq, tuple(Reading(f"c{n}", seq + n / 7, Quality.GOOD) for n in range(count))
    )


def test_there_is_an_end_to_it_by_samples_and_by_readings() -> None:
    for count, most in ((1, MOST_SAMPLES), (40, MOST_READINGS // 40), (5000, 1)):
        before = Before()
        for seq in range(MOST_SAMPLES + 10):
            before.add(sample(seq, count))
        assert len(before.of({"gauge"})) == most


def test_a_reading_takes_few_bytes() -> None:
    tracemalloc.start()
    try:
        before = Before()
        for seq in range(30):
            before.add(sample(seq, 40))
        assert tracemalloc.get_traced_memory()[0] / (30 * 40) < 48
    finally:
        tracemalloc.stop()
