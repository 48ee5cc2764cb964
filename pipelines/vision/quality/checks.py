"""Each fault's measure: how far one picture is from what is usual, 1 at the threshold."""

from __future__ import annotations

from collections.abc import Iterator
from math import log2

from pipelines.vision.quality.beside import LOST_ALL, Beside
from pipelines.vision.quality.faults import Found, PictureFault
from pipelines.vision.quality.features import Features
from pipelines.vision.quality.reference import Light

BLACK_HIGH = 26.0
BURNT_SHARE = 0.6
DARK = 45.0
DARKER, BRIGHTER = 0.9, 0.8
BURNT_MORE = 0.35
LIFTED = 18.0
COVERED, SHOWN = 0.5, 4.1
"""Share of the view that is gone behind a cover, and the exposure from which on a view would show."""
NOISE_BARE, NOISE_LEAST, NOISE_TIMES = 14.0, 3.0, 1.8
STRIPES_BARE, STRIPES_LEAST = 12.0, 1.5
SHIFTED = 0.03
LOST, HIDES = 0.345, 0.19
"""Of the reliable tiles, and of the whole picture: a lorry or a shadow's edge takes that much of any view."""


def found(beside: Beside) -> list[Found]:
    """All measures, in the order in which faults explain each other; those below 1 are no fault."""
    return [each for check in CHECKS for each in check(beside)]


def _black(beside: Beside) -> Iterator[Found]:
    """A cover is dark, too, but shows another view where a dark picture would still show this one."""
    seen = beside.seen
    if seen.high < BLACK_HIGH and seen.mean < BLACK_HIGH / 2:
        yield _told(PictureFault.BLACK, 2.0, f"95 % of the picture is below grey level {seen.high:.0f}")
        return
    levels = _levels(beside)
    covered = beside.told > 0 and beside.lost > COVERED and seen.exposure > SHOWN
    if levels and seen.mean < DARK and not covered:
        darker = min(
            max(log2((mean + 4) / (seen.mean + 4)), exposure - seen.exposure) for mean, exposure in levels
        )
        least = min((mean for mean, _ in levels), key=lambda mean: abs(mean - seen.mean))
        by_night = {slot.light for slot in beside.around} == {Light.GREY}
        kind = PictureFault.NIGHT_VISION if by_night else PictureFault.BLACK
        yield _told(kind, darker / DARKER, f"mean grey level {seen.mean:.0f}, at least {least:.0f} is usual")


def _levels(beside: Beside) -> list[tuple[float, float]]:
    """Mean grey levels and exposures that would be nothing new: of the same hours, and of a moment ago."""
    levels = [
        (max(1.0, slot.of("mean") - 2 * slot.give("mean")), slot.of("exposure") - 2 * slot.give("exposure"))
        for slot in beside.around
    ]
    return levels if beside.healthy is None else [*levels, (beside.healthy[0], beside.healthy[2])]


def _frozen(beside: Beside) -> Iterator[Found]:
    if beside.changed is not None:
        reason = f"{100 * beside.changed:.1f} % of the pixels changed since the picture before"
        yield _told(PictureFault.FROZEN, beside.still, reason)


def _night_vision(beside: Beside) -> Iterator[Found]:
    """Told by a view that is the same, in the wrong kind of picture."""
    lights = {slot.light for slot in beside.around}
    if not beside.strange or not beside.shown:
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
    known = [
        (slot.of("mean") + 2 * slot.give("mean"), slot.of("low"), slot.of("bright")) for slot in beside.around
    ]
    if beside.healthy is not None:
        known.append((beside.healthy[0], beside.healthy[1], beside.healthy[3]))
    if known and (beside.missing <= LOST_ALL or seen.bright > BURNT_MORE / 2):
        brighter, mean = min((_brighter(seen, *each), each[0]) for each in known)
        reason = f"mean grey level {seen.mean:.0f}, at most {mean:.0f} is usual"
        yield _told(PictureFault.OVER_BRIGHT, brighter, reason)


def _brighter(seen: Features, mean: float, low: float, bright: float) -> float:
    """Brighter by a factor, or burnt out where it could not become brighter; and nothing is dark any more."""
    more = log2((seen.mean + 4) / (mean + 4)) / BRIGHTER + max(0.0, seen.bright - bright) / (2 * BURNT_MORE)
    return min(more, (seen.low - low) / LIFTED)


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
    lost, moved = beside.lost, beside.moved
    yield _told(
        PictureFault.MOVED, moved / SHIFTED, f"the view has shifted by {100 * moved:.1f} % of its width"
    )
    if moved >= SHIFTED:
        return
    hidden, gone = f"{100 * lost:.0f} % of the view is hidden", _gone(beside)
    if beside.missing <= LOST_ALL:
        if beside.softer() < 1 or not beside.same:
            yield _told(PictureFault.OCCLUDED, gone, hidden)
        return
    softer = beside.softer(everywhere=True)
    if softer > 1 and beside.same:
        yield _told(PictureFault.DEFOCUS, softer, "nothing of the view is sharp")
    elif beside.dull:
        yield _told(PictureFault.OCCLUDED, gone, hidden)
    else:
        yield _told(PictureFault.MOVED, gone, f"{100 * lost:.0f} % of the view is another")


def _gone(beside: Beside) -> float:
    """1 at the threshold; most tiles are of another colour behind a cover, but not behind a lorry."""
    tint, most = beside.tint
    if tint >= most:
        return beside.lost / LOST
    return beside.lost / max(LOST, HIDES / beside.told) if beside.told else min(beside.lost / LOST, 0.99)


def _focus(beside: Beside) -> Iterator[Found]:
    if beside.left is not None:
        reason = f"{100 * beside.left:.0f} % of the fine detail is left, beside the coarse"
        yield _told(PictureFault.DEFOCUS, beside.softer(), reason)


def _colour_cast(beside: Beside) -> Iterator[Found]:
    tint, most = beside.tint
    reason = f"red and blue by green are off by {tint:.2f} octaves, at most {most:.2f} is usual"
    yield _told(PictureFault.COLOUR_CAST, tint / most, reason)


CHECKS = (_black, _frozen, _over_bright, _night_vision, _noise, _stripes, _view, _focus, _colour_cast)


def _told(fault: PictureFault, strength: float, reason: str) -> Found:
    return Found(fault, min(9.9, max(0.0, strength)), reason)
