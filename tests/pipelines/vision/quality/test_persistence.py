"""A fault lasts when enough of the last pictures show it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.state import decode, encode
from pipelines.vision.quality.faults import PictureFault
from pipelines.vision.quality.persistence import Persistence

B, N = PictureFault.BLACK, PictureFault.NIGHT_VISION
pictures = st.lists(
    st.frozensets(st.sampled_from([B, N, PictureFault.LOW_FRAME_RATE]), max_size=2), max_size=40
)


def played(text):
    """A letter a picture, a point for a sound one."""
    lasting = Persistence(3, 4)
    return [lasting.feed({"B": {B}, "N": {N}, ".": set()}[each]) for each in text]


def test_three_of_four_open_and_three_of_four_close():
    assert played("BB.B.B..") == [(), (), (), (B,), (B,), (B,), (B,), ()]


def test_two_pictures_open_nothing():
    assert set(played("BB..BB..")) == {()}


def test_a_label_that_flutters_opens_the_commonest():
    assert played("NBNB")[-1] == (N,)
    assert played("BNBN")[-1] == (B,)
    assert played("NBN...")[-1] == ()


@given(pictures, st.integers(0, 40))
def test_a_restart_changes_nothing(shown, at):
    through, anew = Persistence(3, 4), Persistence(3, 4)
    for n, found in enumerate(shown):
        if n == at:
            stored = decode(encode(anew.state()))
            anew = Persistence(3, 4)
            anew.restore(stored)
        assert through.feed(found) == anew.feed(found)
    assert through.state() == anew.state()


@given(pictures)
def test_what_is_open_was_shown_lately(shown):
    lasting = Persistence(3, 4)
    for n, found in enumerate(shown):
        for fault in lasting.feed(found):
            assert any(fault in each for each in shown[max(0, n - 3) : n + 1])
