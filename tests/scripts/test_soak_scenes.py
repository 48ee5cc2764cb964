"""What the soak's cameras see, graded as the worker does: what moves is never taken for frozen, what stood is over."""

from __future__ import annotations

import pytest

from pipelines.vision.quality.faults import PictureFault
from pipelines.vision.quality.grader import PictureGrader
from scripts.soaking.cameras import KINDS
from scripts.soaking.scenes import FPS, FRAMES, picture

FROZEN = PictureFault.FROZEN


@pytest.mark.parametrize("every_s", sorted({kind.every_s for kind in KINDS.values()}))
def test_a_camera_that_was_frozen_is_well_as_soon_as_its_pictures_change(every_s):
    grader = PictureGrader()
    count, after = round(60 / every_s), max(4, round(30 / every_s))

    def fed(scene: str, first: int, number: int) -> list[tuple[PictureFault, ...]]:
        return [
            grader.feed(round(n * every_s * 1000), 600, picture(scene, round(n * every_s * FPS))).open
            for n in range(first, first + number)
        ]

    assert not any(FROZEN in each for each in fed("live", 0, 8))
    assert FROZEN in fed("frozen", 8, count)[-1]
    well = fed("live", 8 + count, after)
    assert FROZEN not in well[-1]
    assert not any(FROZEN in each for each in fed("live", 8 + count + after, FRAMES // FPS + 4))
