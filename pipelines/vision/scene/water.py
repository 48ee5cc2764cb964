"""How much of a zone has come under water: where what was to be seen of the dry ground no longer is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.frames import Pixels
from drivers.readings import Quality
from pipelines.state import State
from pipelines.vision.scene.patch import Patch, packed, unpacked
from pipelines.vision.scene.zones import Polygon

AREA = 8_000
"""Pixels of the patch, 119 x 67 of a whole picture."""

WINDOW = 7
"""Pixels a side that are compared with the same of the reference."""

LEAST_DETAIL = 12.0
"""Variance of a window of the reference below which nothing can be recognised there."""

SENSOR_NOISE = 3.0
"""Variance that is left in a patch of the noise of a camera by day."""

UNLIKE = 0.4
"""Correlation with the reference below which the ground is not recognised."""

BUSIER = 3.0
"""Times the detail of the reference: something stands there that is not water. A mirror has less."""

SETTLING_MS = 90_000
"""In which evidence comes or goes by two thirds: what drives past is not water."""

PART_OF_DAY_MS = 4 * 3_600_000
PARTS = 6
DRY = 0.1
"""Share up to which a picture is taken for the reference of a part of the day that has none yet."""

OLDEST_MS = 1_800_000
"""After a longer pause the evidence begins anew."""

DARK = 40.0
"""Of 255: a zone whose brightest tenth is darker cannot be judged."""

GLARE = 0.15
"""Share of burnt-out pixels above which a value is in doubt."""

LEAST_SEEN = 0.2
"""Share of the zone with detail to recognise, below which a value is in doubt; with a quarter of it, none."""

_DAY_MS = 86_400_000
_Values = NDArray[np.float32]
_Where = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class WaterReading:
    """`share` of the zone, 0 to 1, is None exactly where the quality is MISSING or BAD.

    `confidence`, 0 to 1, is the share of the zone that could be judged. Tests: no_reference (MISSING), dark,
    smooth (BAD), few_details, glare, covered, settling (SUSPECT), "" (NOT_EVALUATED).
    """

    share: float | None
    confidence: float
    quality: Quality
    test: str = ""


class Water:
    """Compares a zone with pictures of it when it was dry, one for each four hours of the day.

    A person takes the first (`accept`); those of other parts of the day follow by themselves, each from a
    picture that the ones known call dry.
    """

    def __init__(self, polygon: Polygon) -> None:
        self._patch = Patch(polygon, AREA)
        self._dry: dict[int, NDArray[np.uint8]] = {}
        self._evidence: _Values | None = None
        self._at_ms = 0
        self._fed = 0

    def accept(self, at_ms: int, pixels: Pixels) -> None:
        """The zone is dry in this picture. All references before are forgotten."""
        self._dry = {_part(at_ms): self._patch.of(pixels)}
        self._evidence, self._fed = None, 0

    def feed(self, at_ms: int, pixels: Pixels) -> WaterReading:
        """What this picture and those of the last minutes say."""
        now = self._patch.of(pixels)
        inside = now[self._patch.mask]
        if not self._dry:
            return WaterReading(None, 0.0, Quality.MISSING, "no_reference")
        if np.percentile(inside, 90) < DARK:
            return WaterReading(None, 0.0, Quality.BAD, "dark")
        seen, wet, covered = self._judged(now)
        share = _share(wet, seen)
        if share <= DRY and _part(at_ms) not in self._dry and _share(seen, self._patch.mask) >= LEAST_SEEN:
            self._dry[_part(at_ms)] = now
        settled = self._settled(at_ms, wet, seen)
        glare = float(np.count_nonzero(inside > 250) / inside.size)
        return self._reading(
            settled, _share(seen, self._patch.mask), _share(covered, self._patch.mask), glare
        )

    def _judged(self, now: NDArray[np.uint8]) -> tuple[_Where, _Where, _Where]:
        """Where the ground could be seen, where of these it is not recognised, and what is covered."""
        mine, mean_now, var_now = _moments(now)
        likest = np.full(now.shape, -1.0, np.float32)
        detail = np.zeros(now.shape, np.float32)
        for dry in self._dry.values():
            other, mean, var = _moments(dry)
            both = cv2.blur(mine * other, (WINDOW, WINDOW)) - mean_now * mean
            likeness = both / np.sqrt((var + SENSOR_NOISE) * (var_now + SENSOR_NOISE))
            likest = np.where(var >= LEAST_DETAIL, np.maximum(likest, likeness), likest)
            lit = np.clip((mean_now + 1) / (mean + 1), 0.25, 4) ** 2
            detail = np.maximum(detail, var * lit)
        with_detail = (likest > -1.0) & self._patch.mask
        unlike = with_detail & (likest < UNLIKE)
        covered = unlike & (var_now > BUSIER * detail + SENSOR_NOISE)
        square = np.ones((3, 3), np.uint8)
        opened = cv2.morphologyEx((unlike & ~covered).astype(np.uint8), cv2.MORPH_OPEN, square)
        burnt_out = cv2.dilate((now > 250).astype(np.uint8), np.ones((WINDOW, WINDOW), np.uint8)) > 0
        seen = with_detail & ~covered & ~burnt_out
        return seen, (opened > 0) & seen, covered

    def _settled(self, at_ms: int, wet: _Where, seen: _Where) -> float:
        """The share by evidence gathered over the last minutes; a place unseen now keeps what it had."""
        passed_ms = at_ms - self._at_ms
        self._at_ms = at_ms
        if self._evidence is None or not 0 <= passed_ms <= OLDEST_MS:
            self._evidence, self._fed = np.zeros(wet.shape, np.float32), 0
        self._fed += 1
        share = max(1 / self._fed, 1 - float(np.exp(-max(0, passed_ms) / SETTLING_MS)))
        was = self._evidence
        evidence = np.asarray(np.where(seen, was + share * (wet - was), was), np.float32)
        self._evidence = evidence
        return _share((evidence > 0.5) & seen, seen)

    def _reading(self, share: float, seen: float, covered: float, glare: float) -> WaterReading:
        if seen < LEAST_SEEN / 4:
            return WaterReading(None, seen, Quality.BAD, "smooth")
        doubts = (
            ("settling", self._fed < 3),
            ("glare", glare > GLARE),
            ("covered", covered > 0.3),
            ("few_details", seen < LEAST_SEEN),
        )
        test = next((name for name, holds in doubts if holds), "")
        quality = Quality.SUSPECT if test else Quality.NOT_EVALUATED
        return WaterReading(share, seen, quality, test)

    def state(self) -> State:
        evidence = None if self._evidence is None else packed(np.rint(self._evidence * 255))
        dry = {str(part): packed(each) for part, each in self._dry.items()}
        return {"at_ms": self._at_ms, "fed": self._fed, "evidence": evidence, "dry": dry}

    def restore(self, state: State) -> None:
        shape = self._patch.mask.shape
        dry = {int(part): unpacked(each, shape) for part, each in state["dry"].items()}
        evidence: Any = state["evidence"]
        restored = (
            None if evidence is None else unpacked(evidence, shape).astype(np.float32) / np.float32(255)
        )
        self._at_ms, self._fed = int(state["at_ms"]), int(state["fed"])
        self._dry, self._evidence = dry, restored


def _part(at_ms: int) -> int:
    return at_ms % _DAY_MS // PART_OF_DAY_MS


def _share(part: _Where, whole: _Where) -> float:
    count = np.count_nonzero(whole)
    return float(np.count_nonzero(part) / count) if count else 0.0


def _moments(patch: NDArray[np.uint8]) -> tuple[_Values, _Values, _Values]:
    """The values, and mean and variance of the window around each."""
    values = patch.astype(np.float32)
    mean = cv2.blur(values, (WINDOW, WINDOW))
    var = np.maximum(cv2.blur(values * values, (WINDOW, WINDOW)) - mean * mean, 0)
    return values, np.asarray(mean, np.float32), np.asarray(var, np.float32)
