"""What moves between two pictures counts; light, noise, and what has gone or stopped do not."""

from __future__ import annotations

import numpy as np
import pytest

from bench.scene_rendered import clouds
from pipelines.state import decode, encode
from pipelines.vision.scene.motion import Motion
from pipelines.vision.scene.zones import Polygon

ALL = Polygon(((0, 0), (1, 0), (1, 1), (0, 1)))
STREET = np.clip(110 + 25 * clouds(np.random.default_rng(1), 360, 640), 30, 220)[:, :, None].repeat(3, axis=2)


def picture(moment=0, *, gain=1.0, offset=0.0, noise=3.0, cars=()) -> np.ndarray:
    seen = STREET.copy()
    for x in cars:
        seen[200:290, x : x + 100] = 225 - 200 * (x % 2)
    rng = np.random.default_rng(moment)
    return np.clip(seen * gain + offset + rng.normal(0, noise, seen.shape), 0, 255).astype(np.uint8)


def fed(motion, *pictures, start=0):
    return [motion.feed((start + n) * 10_000, each) for n, each in enumerate(pictures, 1)]


def test_the_first_picture_has_nothing_to_be_compared_with():
    assert fed(Motion(ALL), picture()) == [None]


def test_noise_is_no_motion():
    assert max(fed(Motion(ALL), *(picture(n, noise=12) for n in range(12)))[1:]) < 0.001


@pytest.mark.parametrize(("gain", "offset"), [(0.3, 0), (0.7, 5), (1.25, 0), (1.0, 30), (1.1, -25)])
def test_a_change_of_light_is_no_motion(gain, offset):
    assert fed(Motion(ALL), picture(1), picture(2, gain=gain, offset=offset), picture(3))[
        1:
    ] == pytest.approx([0, 0], abs=0.003)


def test_a_car_counts_with_its_size_where_it_is_and_not_where_it_was():
    share = 90 * 100 / (640 * 360)
    got = fed(Motion(ALL), picture(1), picture(2, cars=[101]), picture(3, cars=[301]), picture(4))
    assert got[1:3] == pytest.approx([share, share], rel=0.25)
    assert got[3] < 0.003


def test_what_has_stopped_no_longer_moves():
    got = fed(Motion(ALL), picture(1), picture(2, cars=[101]), picture(3, cars=[101]), picture(4, cars=[101]))
    assert got[1] > 0.03
    assert got[2:] == pytest.approx([0, 0], abs=0.002)


def test_only_the_zone_counts():
    left = Polygon(((0, 0), (0.4, 0), (0.4, 1), (0, 1)))
    assert fed(Motion(left), picture(1), picture(2, cars=[401]))[1] == 0
    assert fed(Motion(left), picture(1), picture(2, cars=[101]))[1] == pytest.approx(
        9000 / (256 * 360), rel=0.2
    )


def test_a_long_pause_or_a_clock_set_back_begins_anew():
    motion = Motion(ALL)
    assert motion.feed(1000, picture(1)) is None
    assert motion.feed(1000 + 901_000, picture(2)) is None
    assert motion.feed(5000, picture(3)) is None
    assert motion.feed(6000, picture(4)) == 0


def test_another_size_of_the_stream_is_no_motion():
    small = picture(2)[::2, ::2]
    assert fed(Motion(ALL), picture(1), small)[1] < 0.02


def test_it_goes_on_over_a_restart():
    one, other = Motion(ALL), Motion(ALL)
    fed(one, picture(1), picture(2, cars=[101]))
    stored = encode(one.state())
    assert len(stored) <= 65_536
    other.restore(decode(stored))
    later = [picture(3, cars=[301]), picture(4)]
    assert fed(one, *later, start=2) == pytest.approx(fed(other, *later, start=2), abs=0.002)


def test_a_state_of_another_zone_is_refused():
    other = Motion(Polygon(((0, 0), (0.3, 0), (0.3, 1), (0, 1))))
    fed(other, picture())
    with pytest.raises(ValueError, match="reshape"):
        Motion(ALL).restore(other.state())
