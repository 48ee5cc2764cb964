"""Wall time that says whether it can be trusted, played through on clocks of its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.clock import BUILT_MS, STEP_MS, Clock, kernel_synced

NS = 1_000_000


class Times:
    """A wall clock and a monotonic clock, in ms, that a test moves."""

    def __init__(self, wall_ms: int) -> None:
        self.wall_ms = wall_ms
        self.monotonic_ms = 50_000
        self.synced = False

    def pass_ms(self, ms: int) -> None:
        self.wall_ms += ms
        self.monotonic_ms += ms

    def clock(self) -> Clock:
        return Clock(
            lambda: self.synced,
            wall_ns=lambda: self.wall_ms * NS,
            monotonic_ns=lambda: self.monotonic_ms * NS,
        )


def test_a_gateway_that_starts_in_1970_keeps_order_and_learns_its_offset_once():
    times = Times(wall_ms=0)
    times.synced = True  # even if the kernel says so: no true clock is before this program was written
    clock = times.clock()
    first, trusted = clock.now()
    assert not trusted
    times.pass_ms(4000)
    assert clock.now() == (first + 4000, False)
    times.wall_ms = BUILT_MS + 9000
    moved = clock.look()
    assert clock.now() == (BUILT_MS + 9000, True)
    assert first + 4000 + moved == BUILT_MS + 9000
    assert clock.look() == 0


def test_an_unsynchronised_clock_is_not_trusted_though_plausible():
    times = Times(BUILT_MS + 1000)
    clock = times.clock()
    assert clock.now() == (BUILT_MS + 1000, False)
    assert clock.look() == 0
    times.synced = True
    assert clock.look() == 0
    assert clock.now() == (BUILT_MS + 1000, True)


def test_untrusted_times_do_not_follow_a_wall_clock_that_jumps():
    times = Times(BUILT_MS)
    clock = times.clock()
    times.wall_ms += 3_600_000
    assert clock.now()[0] == BUILT_MS


def test_a_step_of_a_trusted_clock_is_told_once_and_a_slew_is_not():
    times = Times(BUILT_MS)
    times.synced = True
    clock = times.clock()
    for _ in range(20):
        times.pass_ms(1000)
        times.wall_ms += STEP_MS // 2
        assert clock.look() == 0
    times.wall_ms -= 7000
    assert clock.look() == -7000
    assert clock.look() == 0


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(-(10**9), 10**9)), max_size=30))
def test_until_trusted_time_never_runs_backwards(story):
    times = Times(BUILT_MS)
    clock, before = times.clock(), BUILT_MS
    for passed, jump in story:
        times.pass_ms(passed)
        times.wall_ms = max(0, times.wall_ms + jump)
        clock.look()
        now, trusted = clock.now()
        assert not trusted
        assert now == before + passed
        before = now


def test_the_kernel_answers():
    assert kernel_synced() in (True, False)
