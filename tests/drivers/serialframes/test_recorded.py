"""Every recorded frame through the framer that its description makes."""

import pytest
from cases.frames.recorded import RECORDED, VALID, WRONG, Recorded

from drivers.serialframes.fields import compile_fields
from drivers.serialframes.framing import Framer
from drivers.vectors import compare


def test_the_cases_are_all_here() -> None:
    assert (len(RECORDED), len(VALID), len(WRONG)) == (138, 106, 32)


@pytest.mark.parametrize("one", VALID, ids=lambda one: one.name)
def test_a_valid_frame_is_accepted_whole_and_read(one: Recorded) -> None:
    framer = Framer(one.spec)
    frames = framer.feed(one.data)
    assert len(frames) == 1
    assert framer.drop() == b""
    assert framer.garbled == 0
    assert one.spec.stuffing or frames == [one.data]
    outcome = compare(one.name, one.expect, compile_fields(one.spec, one.points)(frames[0]))
    assert outcome.ok, outcome.detail


@pytest.mark.parametrize("one", WRONG, ids=lambda one: one.name)
def test_a_frame_with_a_wrong_checksum_is_refused(one: Recorded) -> None:
    framer = Framer(one.spec)
    assert framer.feed(one.data) == []
    assert framer.drop() == one.data
    assert framer.garbled == 1


PROVEN = [one for one in VALID if one.checksum_ok and one.spec.stuffing is None]


@pytest.mark.parametrize("one", PROVEN, ids=lambda one: one.name)
def test_one_wrong_bit_never_changes_what_the_checksum_covers(one: Recorded) -> None:
    assert one.spec.checksum is not None
    first, last = one.spec.checksum.span
    for bit in range(min(8 * len(one.data), 800)):
        damaged = bytearray(one.data)
        damaged[bit // 8] ^= 1 << bit % 8
        for frame in Framer(one.spec).feed(bytes(damaged)):
            assert frame[first:last] == one.data[first:last]
