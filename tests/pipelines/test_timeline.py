"""Time as stages see it: through boots without a clock and clocks that are set."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.state import decode, encode
from pipelines.timeline import LATE_MS, PUT_BACK_MS, Timeline

T0_MS = 1_790_000_000_000
HOUR_MS = 3_600_000


def known(at_ms: int = T0_MS) -> Timeline:
    """A time line that a run before has left."""
    before, line = Timeline(), Timeline()
    before.place("a", at_ms, settled=True)
    line.restore(decode(encode(before.state())))
    return line


def test_trusted_stamps_are_taken_as_they_are():
    line = Timeline()
    stamps = [("a", 0), ("b", 5), ("a", 1000), ("b", 1000 - LATE_MS), ("a", HOUR_MS)]
    assert [line.place(device, T0_MS + ms, settled=True) for device, ms in stamps] == [
        T0_MS + ms if ms >= 0 else T0_MS + 6 for _, ms in stamps
    ]
    assert line.lead_ms == 0


def test_after_a_boot_without_a_clock_time_goes_on_from_the_last_that_was_known():
    line, boot_ms = known(), 1000
    assert line.place("a", boot_ms, settled=False) == T0_MS + 1
    assert line.lead_ms == T0_MS + 1 - boot_ms
    assert line.place("b", boot_ms + 500, settled=False) == T0_MS + 501
    assert line.place("a", boot_ms + HOUR_MS, settled=False) == T0_MS + 1 + HOUR_MS
    assert line.now(boot_ms + HOUR_MS + 10, settled=False) == T0_MS + 11 + HOUR_MS


def test_a_boot_clock_that_is_ahead_is_taken_as_it_is():
    line = known()
    assert line.place("a", T0_MS + HOUR_MS, settled=False) == T0_MS + HOUR_MS
    assert line.lead_ms == 0
    fresh = Timeline()
    assert fresh.place("a", 5000, settled=False) == 5000


def test_once_trusted_the_true_time_holds():
    line = known()
    line.place("a", 1000, settled=False)
    assert line.place("a", T0_MS + HOUR_MS, settled=True) == T0_MS + HOUR_MS
    assert line.lead_ms == 0


def test_an_untrusted_clock_that_falls_back_goes_on_all_the_same():
    line = known()
    line.place("a", HOUR_MS, settled=False)
    assert line.place("a", 1000, settled=False) == T0_MS + 2
    assert line.place("a", 2000, settled=False) == T0_MS + 1002


def test_put_back_by_little_time_stands_still_until_it_has_caught_up():
    line = Timeline()
    line.place("a", T0_MS, settled=True)
    line.place("b", T0_MS, settled=True)
    back_ms = T0_MS - PUT_BACK_MS + 10
    placed = [line.place(device, back_ms + n * 1000, settled=True) for n in range(3) for device in "ab"]
    assert placed == [T0_MS + n for n in (1, 1, 2, 2, 3, 3)]
    assert line.now(back_ms + 3000, settled=True) == T0_MS + 3
    assert line.place("c", back_ms + 3000, settled=True) == T0_MS + 3 - LATE_MS
    assert line.place("a", T0_MS + 4, settled=True) == T0_MS + 4


def test_put_back_by_much_a_new_time_begins():
    line = Timeline()
    line.place("a", T0_MS, settled=True)
    back_ms = T0_MS - PUT_BACK_MS - 1
    assert line.place("a", back_ms, settled=True) is None
    assert line.place("a", back_ms, settled=True) == back_ms
    assert line.place("b", back_ms + 1, settled=True) == back_ms + 1


def test_now_is_never_before_the_last_sample():
    line = Timeline()
    assert line.now(5000, settled=True) == 5000
    line.place("a", T0_MS, settled=True)
    assert line.now(T0_MS - 1000, settled=True) == T0_MS
    assert line.now(T0_MS + 1000, settled=True) == T0_MS + 1000


def test_no_device_goes_back_over_a_restart():
    line = known()
    assert line.place("a", T0_MS - 1000, settled=True) == T0_MS + 1
    assert line.place("b", T0_MS - 1000, settled=True) == T0_MS + 1


STEP = st.tuples(
    st.sampled_from("abc"), st.integers(-2 * PUT_BACK_MS, 2 * PUT_BACK_MS), st.booleans(), st.booleans()
)


@given(st.lists(STEP))
def test_time_grows_for_each_device_and_none_is_late(steps):
    line, stamp_ms, last, latest_ms = Timeline(), T0_MS, {}, None
    for device, passed_ms, settled, restarted in steps:
        if restarted:
            fresh = Timeline()
            fresh.restore(decode(encode(line.state())))
            line = fresh
        stamp_ms += passed_ms
        placed_ms = line.place(device, stamp_ms, settled=settled)
        if placed_ms is None:
            last, latest_ms = {}, None
            assert settled
            continue
        assert placed_ms > last.get(device, placed_ms - 1)
        assert latest_ms is None or placed_ms >= latest_ms - LATE_MS
        last[device] = placed_ms
        latest_ms = placed_ms if latest_ms is None else max(latest_ms, placed_ms)
        assert line.now(stamp_ms, settled=settled) >= latest_ms


def test_a_time_that_only_the_clock_came_to_counts_as_known():
    line, ahead_ms = Timeline(), T0_MS + 24 * HOUR_MS
    assert line.place("a", T0_MS, settled=True) == T0_MS
    assert line.now(ahead_ms, settled=True) == ahead_ms
    assert line.state() == {"latest_ms": ahead_ms}
    assert line.place("a", T0_MS + 60_000, settled=True) is None
    assert line.place("a", T0_MS + 60_000, settled=True) == T0_MS + 60_000
    assert line.now(T0_MS + 61_000, settled=True) == T0_MS + 61_000


def test_a_clock_that_was_ahead_before_the_first_sample_begins_a_new_time_too():
    line = Timeline()
    line.now(T0_MS + HOUR_MS, settled=False)
    assert line.place("a", T0_MS, settled=True) is None
    assert line.place("a", T0_MS, settled=True) == T0_MS
