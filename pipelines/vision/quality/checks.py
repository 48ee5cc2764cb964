"""Each fault's measure: how far one picture is from what is usual, 1 at the threshold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import hypot, log2

import numpy as np

from pipelines.vision.quality.faults import Found, PictureFault
from pipelines.vision.quality.features import Array, Features
from pipelines.vision.quality.reference import Light, Slot
from pipelines.vision.quality.view import Likeness

BLACK_HIGH = 26.0
BURNT_SHARE = 0.6
DARK = 45.0
DARKER, BRIGHTER = 1.1, 0.8
BURNT_MORE = 0.35
LIFTED = 18.0
NOISE_BARE, NOISE_LEAST, NOISE_TIMES = 14.0, 3.0, 1.8
STRIPES_BARE, STRIPES_LEAST = 6.0, 1.5
SHIFTED = 0.03
SURE, SURE_FAR = 0.34, 0.5
"""So like the usual view a picture must be, once shifted back; SURE_FAR beyond an eighth of the width."""
SAME = 0.4
"""So like the usual view is a picture of it that is blurred or in the wrong kind of light."""
LOST = 0.33
LOST_ALL = 0.8
RELIABLE = 0.4
SOFTER = 1.1
DETAILED = 5.5
TINTED = 0.36


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Beside:
    """A picture and what it is compared with; what is not known is None or empty."""

    seen: Features
    light: Light
    like: Light
    """The kind of picture it is compared with."""
    strange: bool = False
    """This kind of picture was never right at this time of day."""
    usual: Slot | None = None
    around: tuple[Slot, ...] = ()
    """Slots of about this time of day, of any light; none unless one of them knows two days."""
    own: bool = False
    """`usual` is of this time of day, not of another."""
    healthy: tuple[float, float] | None = None
    """Mean and low grey level of the last healthy picture, if it is recent."""
    alike: Likeness | None = None
    match: Array | None = None
    """How well each tile of the view matches as a rule."""
    still: float = 0.0
    changed: float | None = None

    @property
    def reliable(self) -> Array:
        """Tiles that match as a rule, and are not masked."""
        if self.match is None:
            return np.zeros(self.seen.usable.shape, bool)
        return np.asarray(self.seen.usable & (self.match > RELIABLE))

    @property
    def gone(self) -> Array:
        """Reliable tiles that do not match at all."""
        if self.alike is None or self.match is None:
            return np.zeros(self.seen.usable.shape, bool)
        return np.asarray(self.reliable & (self.alike.tiles < 0.4 * self.match))

    @property
    def same(self) -> bool:
        """Whether the view as a whole is still there."""
        return self.alike is None or self.alike.whole > SAME

    @property
    def lost(self) -> float:
        """Share of the reliable tiles that are gone, by area; 0 where too few can be relied on."""
        reliable = int(self.reliable.sum())
        return float(self.gone.sum() / reliable) if reliable >= 8 else 0.0

    def sharper(self, *, everywhere: bool = False) -> float:
        """The median of how much sharper than usual detailed tiles are, log2; 0 where there are none."""
        if self.usual is None:
            return 0.0
        contrast = self.seen.coarse - (self.usual.fine - self.usual.sharp)
        told = self.seen.usable & (self.usual.fine + np.minimum(contrast, 0.0) > DETAILED)
        told &= self.usual.fine > float(np.quantile(self.usual.fine, 0.8))
        kept = told if everywhere else told & ~self.gone
        if kept.sum() < 4:
            return 0.0
        return float(np.median((self.seen.sharp - self.usual.sharp)[kept]))


def found(beside: Beside) -> list[Found]:
    """All measures, in the order in which faults explain each other; those below 1 are no fault."""
    return [each for check in CHECKS for each in check(beside)]


def _black(beside: Beside) -> Iterator[Found]:
    seen = beside.seen
    if seen.high < BLACK_HIGH and seen.mean < BLACK_HIGH / 2:
        yield _told(PictureFault.BLACK, 2.0, f"95 % of the picture is below grey level {seen.high:.0f}")
        return
    ratios = [log2((level + 4) / (seen.mean + 4)) for level in _levels(beside)]
    if ratios and seen.mean < DARK:
        darker, least = min(ratios), min(_levels(beside), key=lambda level: abs(level - seen.mean))
        by_night = {slot.light for slot in beside.around} == {Light.GREY}
        kind = PictureFault.NIGHT_VISION if by_night else PictureFault.BLACK
        yield _told(kind, darker / DARKER, f"mean grey level {seen.mean:.0f}, at least {least:.0f} is usual")


def _levels(beside: Beside) -> list[float]:
    """Brightness that would be nothing new: of the same hours, and of a moment ago."""
    levels = [max(1.0, slot.of("mean") - 2 * slot.give("mean")) for slot in beside.around]
    return levels if beside.healthy is None else [*levels, beside.healthy[0]]


def _frozen(beside: Beside) -> Iterator[Found]:
    if beside.changed is not None:
        reason = f"{100 * beside.changed:.1f} % of the pixels changed since the picture before"
        yield _told(PictureFault.FROZEN, beside.still, reason)


def _night_vision(beside: Beside) -> Iterator[Found]:
    """Told by a view that is the same, in the wrong kind of picture."""
    lights = {slot.light for slot in beside.around}
    if not beside.strange or not beside.same:
        return
    if lights == {Light.GREY}:
        yield _told(PictureFault.NIGHT_VISION, 1.5, "in colour at an hour at which grey is usual")
    elif beside.light is Light.GREY:
        yield _told(PictureFault.NIGHT_VISION, 1.5, "grey at an hour at which colour is usual")


def _over_bright(beside: Beside) -> Iterator[Found]:
    seen = beside.seen
    burnt = max(seen.bright / BURNT_SHARE, 1.5 if seen.low > 225 else 0.0)
    if beside.usual is not None:
        burnt = max(burnt, (seen.bright - beside.usual.of("bright")) / BURNT_MORE)
    yield _told(PictureFault.OVER_BRIGHT, burnt, f"{100 * seen.bright:.0f} % of the picture is burnt out")
    known = [(slot.of("mean") + 2 * slot.give("mean"), slot.of("low")) for slot in beside.around]
    known += [beside.healthy] if beside.healthy is not None else []
    if known:
        brighter, mean = min((_brighter(seen, *each), each[0]) for each in known)
        reason = f"mean grey level {seen.mean:.0f}, at most {mean:.0f} is usual"
        yield _told(PictureFault.OVER_BRIGHT, brighter, reason)


def _brighter(seen: Features, mean: float, low: float) -> float:
    """Brighter by a factor, and nothing is dark any more."""
    return min(log2((seen.mean + 4) / (mean + 4)) / BRIGHTER, (seen.low - low) / LIFTED)


def _noise(beside: Beside) -> Iterator[Found]:
    noise, most = beside.seen.noise, NOISE_BARE
    if beside.usual is not None:
        usual = beside.usual.of("noise")
        most = min(max(NOISE_LEAST + usual, NOISE_TIMES * usual) + 2 * beside.usual.give("noise"), 40.0)
    yield _told(
        PictureFault.NOISE, noise / most, f"noise of {noise:.1f} grey levels, at most {most:.1f} is usual"
    )


def _stripes(beside: Beside) -> Iterator[Found]:
    stripes, usual, most = beside.seen.stripes, 0.0, STRIPES_BARE
    if beside.usual is not None:
        usual = beside.usual.of("stripes")
        most = STRIPES_LEAST + 0.6 * usual + 2 * beside.usual.give("stripes")
    reason = f"rows or columns differ by {stripes:.1f} grey levels, {usual:.1f} is usual"
    yield _told(PictureFault.STRIPES, (stripes - usual) / most, reason)


def _view(beside: Beside) -> Iterator[Found]:
    """Moved or occluded, told apart by what is left; or blurred beyond recognition."""
    if beside.alike is None or beside.usual is None:
        return
    alike, lost = beside.alike, beside.lost
    shift = alike.shift / SHIFTED if alike.whole > (SURE if alike.shift < 0.125 else SURE_FAR) else 0.0
    yield _told(PictureFault.MOVED, shift, f"the view has shifted by {100 * alike.shift:.1f} % of its width")
    if shift >= 1:
        return
    hidden = f"{100 * lost:.0f} % of the view is hidden"
    if lost <= LOST_ALL:
        if -beside.sharper() < SOFTER or not beside.own or not beside.same:
            yield _told(PictureFault.OCCLUDED, lost / LOST, hidden)
        return
    softer = -beside.sharper(everywhere=True) / SOFTER
    if softer > 1 and beside.same:
        yield _told(PictureFault.DEFOCUS, softer, "nothing of the view is sharp")
    elif float((alike.liveliness[beside.gone] < 0.3).mean()) > 0.5:
        yield _told(PictureFault.OCCLUDED, lost / LOST, hidden)
    else:
        yield _told(PictureFault.MOVED, lost / LOST, f"{100 * lost:.0f} % of the view is another")


def _focus(beside: Beside) -> Iterator[Found]:
    if beside.usual is not None and beside.own:
        sharper = beside.sharper()
        most = SOFTER + 2 * beside.usual.give("sharper")
        reason = f"details are 2^{sharper:.1f} of what they are as a rule, beside the rest of the picture"
        yield _told(PictureFault.DEFOCUS, -sharper / most, reason)


def _colour_cast(beside: Beside) -> Iterator[Found]:
    if beside.usual is None or not beside.own:
        return
    slot, seen = beside.usual, beside.seen
    off = hypot(seen.red - slot.of("red"), seen.blue - slot.of("blue"))
    most = TINTED * (1 + 0.5 / slot.days) + 2 * max(slot.give("red"), slot.give("blue"))
    reason = f"red and blue by green are off by {off:.2f} octaves, at most {most:.2f} is usual"
    yield _told(PictureFault.COLOUR_CAST, off / most, reason)


CHECKS = (_black, _frozen, _over_bright, _night_vision, _noise, _stripes, _view, _focus, _colour_cast)


def _told(fault: PictureFault, strength: float, reason: str) -> Found:
    return Found(fault, min(9.9, max(0.0, strength)), reason)
