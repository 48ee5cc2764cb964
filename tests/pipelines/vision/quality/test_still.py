"""Whether a picture is the one before again: by comparisons five seconds apart, however often pictures come."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.state import decode, encode
from pipelines.vision.quality.still import Stillness


def picture(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(20, 230, (60, 107)).astype(np.uint8)


def fed(still: Stillness, every_ms: int, numbers: list[int], first_ms: int = 0) -> list[float]:
    return [still.feed(first_ms + n * every_ms, picture(number)) for n, number in enumerate(numbers)]


@pytest.mark.parametrize("every_ms", [500, 1000, 2000])
def test_one_picture_again_by_chance_is_one_still_picture_whatever_the_pace(every_ms):
    still = Stillness()
    fed(still, every_ms, list(range(40)))
    still.feed(200_000, picture(7))
    back = fed(still, every_ms, [7, *range(100, 130)], first_ms=260_000)
    assert back[0] == 2.0
    assert set(back[1:]) == {0.0}


@pytest.mark.parametrize("every_ms", [500, 2000, 5000, 10_000])
def test_what_stands_still_is_still_from_the_second_comparison_on(every_ms):
    found = fed(Stillness(), every_ms, [1] * round(60_000 / every_ms))
    since = round(2 * max(5000, every_ms) / every_ms)
    assert set(found[since + 1 :]) == {2.0}


def test_what_moves_again_is_alive_at_the_first_comparison():
    still = Stillness()
    fed(still, 2000, [1] * 30)
    found = fed(still, 2000, list(range(100, 110)), first_ms=60_000)
    assert set(found[2:]) == {0.0}


def test_it_goes_on_from_its_state_and_from_one_of_an_earlier_release():
    still = Stillness()
    fed(still, 2000, [1] * 30)
    state = decode(encode(still.state()))
    restored = Stillness()
    restored.restore(state)
    assert restored.feed(58_500, picture(1)) == 2.0
    del state["before"]
    restored.restore(state)
    assert restored.feed(58_500, picture(1)) == 0.0
    assert restored.feed(66_000, picture(1)) == 2.0
