"""Wall time that says whether it can be trusted, played through on clocks of its own."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from fakes.waiting import wait_until
from hypothesis import given
from hypothesis import strategies as st

from agent import clock_report
from agent.clock import BUILT_MS, STALE_S, STEP_MS, SYNCED, Clock, ask_kernel, kernel_synced, reported

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


def test_a_trusted_clock_that_nobody_keeps_stays_trusted_and_says_so():
    times = Times(BUILT_MS)
    times.synced = True
    clock = times.clock()
    assert clock.kept
    times.synced = False
    times.pass_ms(1000)
    assert clock.look() == 0
    assert (clock.trusted, clock.kept) == (True, False)
    times.synced = True
    assert clock.look() == 0
    assert clock.kept


def test_the_kernel_answers():
    assert kernel_synced() in (True, False)


def refused() -> None:
    """A process that may not ask."""


def test_where_the_kernel_may_not_be_asked_its_answer_is_read(tmp_path):
    report = tmp_path / "kernel"
    assert not kernel_synced(refused, str(report))
    report.write_text(f"{SYNCED} {int(time.monotonic())}\n")
    assert kernel_synced(refused, str(report))
    assert not kernel_synced(lambda: False, str(report))  # whoever may ask need not read


@pytest.mark.parametrize(
    ("line", "holds"),
    [
        (f"{SYNCED} 100.0\n", True),
        (f"{SYNCED} {100 - STALE_S + 0.1}", True),
        (f"{SYNCED} {100 - STALE_S - 0.1}", False),  # its writer is gone
        (f"{SYNCED} 100.5", False),  # of another boot
        (f"not {SYNCED} 100.0", False),
        ("not allowed to ask 100.0", False),
        (f"{SYNCED} ", False),
        (f"{SYNCED} nan", False),
        ("", False),
        ("\xff", False),
    ],
)
def test_only_a_fresh_report_of_a_kept_clock_counts(tmp_path, line, holds):
    report = tmp_path / "kernel"
    report.write_text(line, encoding="latin-1")
    assert reported(str(report), 100.0) is holds


def test_a_report_is_kept_fresh_until_its_writer_is_killed(tmp_path, monkeypatch):
    report = tmp_path / "kernel"
    writer = subprocess.Popen([sys.executable, "-I", "-m", "agent.clock_report", str(report)])
    try:
        wait_until(report.exists)
        said, at_s = report.read_text().rsplit(maxsplit=1)
        assert said == clock_report.WORDS[ask_kernel()]
        assert 0 <= time.monotonic() - float(at_s) < STALE_S
    finally:
        writer.kill()
        writer.wait()
    monkeypatch.setattr(clock_report, "ask_kernel", lambda: True)
    clock_report.write(str(report))
    assert [file.name for file in tmp_path.iterdir()] == ["kernel"]
    assert reported(str(report), time.monotonic())
    assert not reported(str(report), time.monotonic() + STALE_S + 1)
