"""The record of picture quality: what it gathers from one telling to the next."""

from __future__ import annotations

from agent.vision.record import Record
from pipelines.vision.quality.faults import Found, Grade, PictureFault

T_MS = 1_795_420_800_000
DARK = Found(PictureFault.BLACK, 1.234, "95 % of the picture is below grey level 4")


def grade(at_s: float, *faults: Found, lasting: tuple[PictureFault, ...] = ()) -> Grade:
    return Grade(
        at_ms=T_MS + round(at_s * 1000), score=0 if faults else 97, faults=faults, open=lasting,
        figures={"mean": 93.12345}, pictures=4, days=2,
    )  # fmt: skip


def test_nothing_is_told_of_a_camera_that_was_never_looked_at():
    assert Record().take() is None


def test_a_change_of_what_lasts_is_news_and_one_bad_picture_is_none():
    record = Record()
    assert not record.add(grade(0))
    assert not record.add(grade(1, DARK))
    assert record.add(grade(2, DARK, lasting=(PictureFault.BLACK,)))
    assert not record.add(grade(3, DARK, lasting=(PictureFault.BLACK,)))
    assert record.add(grade(4))


def test_it_speaks_of_its_period_and_begins_a_new_one():
    record = Record()
    record.add(grade(0))
    record.add(grade(10, DARK))
    record.add(grade(20, DARK, lasting=(PictureFault.BLACK,)))
    record.passed(15, up=True)
    record.passed(5, up=False)
    told = record.take()
    assert told is not None
    assert told["period"] == {"begin": -20_000, "end": 0, "pictures": 3, "bad": 2, "available": 0.75}
    assert told["faults"] == [
        {"fault": "black", "strength": 1.23, "since": -10_000, "reason": DARK.reason, "lasting": True}
    ]
    assert (told["at_ms"], told["score"], told["figures"]) == (T_MS + 20_000, 0, {"mean": 93.123})
    assert told["reference"] == {"pictures": 4, "days": 2}
    record.add(grade(30))
    record.passed(10, up=True)
    told = record.take()
    assert told is not None
    assert told["period"] == {"begin": -10_000, "end": 0, "pictures": 1, "bad": 0, "available": 1.0}
    assert told["faults"] == []


def test_a_clock_set_back_makes_no_time_to_come():
    record = Record()
    record.add(grade(100, DARK))
    record.add(grade(0, DARK))
    told = record.take()
    assert told is not None
    assert told["faults"][0]["since"] == 0
    assert told["period"]["begin"] == 0
