"""How much of the fine detail that a view has as a rule is left in a picture: what defocus takes first.

Fog, dusk and exposure take fine and coarse detail alike; grain, rain and passers-by add detail that is not
the view's own. So the fine detail is compared, place by place, with the learned one as a pattern (what is
foreign to it counts for nothing), and divided by what the coarse detail of the same place has kept.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from math import log2

import cv2
import numpy as np

from pipelines.state import State
from pipelines.vision.quality.elsewhere import elsewhere
from pipelines.vision.quality.features import HALF, QUARTER, TILES, Array, Features

PLACES = 36
"""Of the 144 tiles: those with most detail when the view was first seen."""
REACH = 8
"""Pixels of HALF that a mast may sway, and by which the view's own shift may be wrong."""
SCATTER = 0.3
"""Usual differences between places, beyond chance."""
NEAR = 0.3
"""Under this share of the usual energy, what is seen is no other view."""
UNSURE = 0.16
"""Standard error of the share at which nothing can be told any more."""
_FINE, _COARSE = HALF[0] // TILES[0], QUARTER[0] // TILES[0]
GROWN = 5
"""So many pictures choose the places."""
KNOWN = 8
"""So many pictures of known detail tell what is usual."""
EQUAL = 2.0
"""No place counts for more than so many: else a caption decides by night, where little else is seen."""
FAINT = -1.5
"""Octaves of it that they must show."""
_SLOWEST = 1 / 200
_MEAN, _READY, _BEAT = 16, 6, 64
"""A pattern is the mean of MEAN pictures, good enough from READY on, and then follows each 64th."""
_STEPS = 16.0


@dataclass(frozen=True, slots=True, eq=False)
class Detail:
    """A picture's fine detail beside the usual one."""

    shares: Array
    """By each shift of the picture (17 x 17), of each place: what is left, 1 is as usual."""
    weight: Array
    """Of each place: the less chance could have made of it, the more."""
    places: Array
    lively: Array
    """Of each place: the energy of its fine detail, the view's own or not, by the usual."""

    def soft(self, there: Array) -> bool:
        """Whether what is seen in these tiles is out of focus, as what is before the lens is."""
        lively = self.lively[there.ravel()[self.places]]
        return bool(lively.size and np.median(lively) < NEAR)

    def left(self, kept: Array) -> float | None:
        """The share that is left, over those of the tiles (9 x 16) that are `kept`; None: cannot be told.

        The middle of all places, so that a caption, which is always sharp, and a lorry do not decide; at the
        shift of the picture at which most is left, between pixels, too.
        """
        weight = np.where(kept.ravel()[self.places], self.weight, 0.0)
        if weight.any():
            weight = np.minimum(weight, EQUAL * np.median(weight[weight > 0]))
        total = float(weight.sum())
        if total <= 0 or 1.25 / total**0.5 > UNSURE:
            return None
        order = np.argsort(self.shares, axis=-1)
        reached = np.cumsum(weight[order], axis=-1) >= total / 2
        middle = np.take_along_axis(order, reached.argmax(-1)[..., None], -1)
        found = np.take_along_axis(self.shares, middle, -1)[..., 0]
        return max(0.0, _peak(found))


class Pattern:
    """The usual detail of one view; at most 17 KiB."""

    __slots__ = ("coarse", "energy", "fine", "n", "off", "places", "told", "usual")

    def __init__(self) -> None:
        self.n = self.told = 0
        self.usual = self.off = 0.0
        """Of the share that is left in healthy pictures, in octaves, and the usual distance from it."""
        self.places = np.zeros(0, np.int64)
        self.energy: Array = np.zeros(0, np.float32)
        self.fine = np.zeros((0, _FINE, _FINE), np.float32)
        self.coarse = np.zeros((0, _COARSE, _COARSE), np.float32)

    def beside(self, seen: Features, right: float, down: float) -> Detail | None:
        """What a picture shows of it that has shifted by these shares of its width; None: not known yet."""
        if self.n < GROWN + _READY:
            return None
        wide = _cut(_back(seen.fine, right, down), self.places, _FINE, REACH)
        coarse = _cut(_back(seen.coarse, right, down), self.places, _COARSE)
        gain = _gains((coarse * self.coarse).sum((1, 2)), (self.coarse * self.coarse).sum((1, 2)))
        power = self._power()
        expected = np.maximum(gain * power, 1e-3)
        shown = self._shown(wide)
        inner = wide[:, REACH:-REACH, REACH:-REACH]
        foreign = (inner * inner).mean((1, 2)) - np.maximum(shown.max((0, 1)), 0) ** 2 / power / _FINE**2
        chance = np.sqrt(np.maximum(foreign, 1.0) * power) / expected
        lively = (inner * inner).sum((1, 2)) / power
        return Detail(shown / expected, 1 / (chance**2 + SCATTER**2), self.places, lively)

    def elsewhere(self, seen: Features) -> tuple[float, float] | None:
        """Where else its detail seems to be; None: nowhere, or not known yet."""
        if self.n < GROWN + _READY:
            return None
        usual = np.zeros((TILES[1], TILES[0], _FINE, _FINE), np.float32)
        usual[self.places // TILES[0], self.places % TILES[0]] = self.fine / self._power()[:, None, None]
        return elsewhere(seen.fine.astype(np.float32), usual.swapaxes(1, 2).reshape(HALF[::-1]))

    def plain(self, seen: Features, right: float, down: float) -> float:
        """What share of its detail most places have there, whatever light and fog take."""
        wide = _cut(_back(seen.fine, right, down), self.places, _FINE, REACH)
        return float(np.median(self._shown(wide) / self._power(), axis=-1).max())

    def _power(self) -> Array:
        return np.asarray(np.maximum((self.fine * self.fine).sum((1, 2)), 1.0))

    def _shown(self, wide: Array) -> Array:
        """How much of the pattern each place has, at each shift."""
        pairs = zip(wide, self.fine, strict=True)
        return np.stack([cv2.matchTemplate(place, fine, cv2.TM_CCORR) for place, fine in pairs], axis=-1)

    @property
    def known(self) -> bool:
        """Whether healthy pictures do show it: what they do not was noise."""
        return self.told >= KNOWN and self.usual > FAINT

    def settle(self, left: float | None) -> None:
        """What share is left in a healthy picture."""
        if left is None:
            return
        self.told += 1
        change = octaves(left) - self.usual
        rate = max(_SLOWEST, 1 / self.told)
        self.usual += rate * change
        if self.told > 1:
            self.off += max(rate, 1 / 50) * (abs(change) - self.off)

    def learn(self, seen: Features, right: float, down: float) -> None:
        """One healthy picture, shifted like that; those before GROWN choose the places."""
        self.n += 1
        if self.n <= GROWN:
            energy = cv2.resize(
                seen.fine.astype(np.float32) ** 2, TILES, interpolation=cv2.INTER_AREA
            ).ravel()
            self.energy = energy if self.n == 1 else np.minimum(self.energy, energy)
            if self.n == GROWN:
                self._begin(seen)
        elif self.n <= GROWN + _MEAN or self.n % _BEAT == 0:
            rate = np.float32(1 / min(self.n - GROWN + 1, _MEAN))
            coarse = _cut(_back(seen.coarse, right, down), self.places, _COARSE)
            self.fine = self.fine + rate * (self._laid(_back(seen.fine, right, down)) - self.fine)
            self.coarse = self.coarse + rate * (coarse - self.coarse)
        self.fine = np.rint(np.clip(self.fine, -127, 127))
        self.coarse = np.rint(np.clip(self.coarse, -1023, 1023) * _STEPS) / np.float32(_STEPS)

    def _begin(self, seen: Features) -> None:
        energy = np.where(seen.usable.ravel(), self.energy, -1.0)
        self.places = np.sort(np.argsort(-energy, kind="stable")[:PLACES])
        self.fine, self.coarse = _cut(seen.fine, self.places, _FINE), _cut(seen.coarse, self.places, _COARSE)

    def _laid(self, fine: Array) -> Array:
        """The places where they fit best."""
        wide = _cut(fine, self.places, _FINE, REACH)
        fit = np.median(self._shown(wide) / self._power(), axis=-1)
        down, right = np.unravel_index(int(fit.argmax()), fit.shape)
        return wide[:, down : down + _FINE, right : right + _FINE]

    def state(self) -> State:
        return {
            "n": self.n,
            "told": self.told,
            "usual": [self.usual, self.off],
            "energy": array("f", self.energy.tobytes() if self.n < GROWN else b""),
            "places": array("B", self.places.astype(np.uint8).tobytes()),
            "fine": array("b", self.fine.astype(np.int8).tobytes()),
            "coarse": array("h", (self.coarse * _STEPS).astype(np.int16).tobytes()),
        }

    @classmethod
    def restored(cls, state: State) -> Pattern:
        made = cls()
        made.n, made.told = int(state["n"]), int(state["told"])
        made.usual, made.off = (float(each) for each in state["usual"])
        made.energy = np.array(state["energy"], np.float32)
        made.places = np.array(state["places"], np.int64)
        made.fine = np.array(state["fine"], np.float32).reshape(-1, _FINE, _FINE)
        made.coarse = np.array(state["coarse"], np.float32).reshape(-1, _COARSE, _COARSE) / np.float32(_STEPS)
        return made


def octaves(left: float) -> float:
    """log2 of a share of detail, at least -6."""
    return log2(max(left, 1 / 64))


def _gains(shown: Array, power: Array) -> Array:
    """What each place has kept of its coarse detail; where there is hardly any, what all have kept."""
    overall = max(0.0, float(shown.sum() / max(1.0, float(power.sum()))))
    some = 0.01 * power.mean() + 1.0
    return np.asarray(np.clip((shown + some * overall) / (power + some), 0.0, 4.0))


def _back(band: Array, right: float, down: float) -> Array:
    """By whole pixels back to where the view is as a rule."""
    wide = band.shape[1]
    across, along = round(right * wide), round(down * wide)
    return np.roll(band, (-along, -across), (0, 1)) if across or along else band


def _cut(band: Array, places: Array, size: int, reach: int = 0) -> Array:
    """Those tiles, `reach` pixels wider all around."""
    wide = np.pad(band, reach) if reach else band
    views = np.lib.stride_tricks.sliding_window_view(wide, (size + 2 * reach, size + 2 * reach))
    return np.ascontiguousarray(views[places // TILES[0] * size, places % TILES[0] * size], np.float32)


def _peak(values: Array) -> float:
    """The highest, between pixels, too: a pattern this fine falls twice as steeply as a parabola would."""
    at = np.unravel_index(int(values.argmax()), values.shape)
    highest = top = float(values[at])
    for line, place in ((values[:, at[1]], at[0]), (values[at[0]], at[1])):
        if 0 < place < len(line) - 1:
            before, after = float(line[place - 1]), float(line[place + 1])
            bend = 2 * highest - before - after
            top += (before - after) ** 2 / (4 * bend) if bend > 0 else 0.0
    return top
