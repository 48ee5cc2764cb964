"""The grader of one camera: pictures in, grades out; remembers what is usual and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.frames import Pixels
from pipelines.state import State
from pipelines.vision.quality.beside import Beside
from pipelines.vision.quality.checks import found
from pipelines.vision.quality.faults import Found, Grade, PictureFault
from pipelines.vision.quality.features import Array, Features, features
from pipelines.vision.quality.persistence import Persistence
from pipelines.vision.quality.reference import Light, Reference, Slot, light_of
from pipelines.vision.quality.still import Stillness
from pipelines.vision.quality.view import likeness, one_way

TEACH_MS = 60_000
"""An hour's slot learns from one picture in so long, so that a lively schedule does not hurry it."""
DOUBT = 0.8
"""A picture this near to a fault teaches nothing."""
SUDDEN_MS = 360_000
"""So long the brightness of a healthy picture tells that a change was sudden; dusk takes longer."""
RECENT_MS = 1_800_000
"""So long pictures may be apart for a fault to be the same."""
PALE = 3.0
"""Colours that scatter by less in Lab may pass for grey."""
SLOW = 0.6
"""Share of the usual frame rate that is too low."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraderSettings:
    """How many pictures make a fault last: `need` of the last `of`."""

    need: int = 3
    of: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.need <= self.of <= 64:
            raise ValueError(f"need, of: expected 1 <= need <= of <= 64, got {self.need} and {self.of}")


class PictureGrader:
    """Feed it the pictures of one camera in the order of their time."""

    __slots__ = ("_frame_rate", "_healthy", "_lasting", "_reference", "_settings", "_still")

    def __init__(self, settings: GraderSettings | None = None) -> None:
        self._settings = settings or GraderSettings()
        self._lasting = Persistence(self._settings.need, self._settings.of)
        self._reference = Reference()
        self._still = Stillness()
        self._healthy: list[float] | None = None
        """Time of the last picture; mean, low, exposure and burnt share of the last healthy one."""
        self._frame_rate = 0.0

    def feed(
        self,
        at_ms: int,
        minute_of_day: int,
        pixels: Pixels,
        *,
        fps: float = 0.0,
        damaged: int = 0,
        mask: Array | None = None,
    ) -> Grade:
        """Grade one picture; `minute_of_day` is the site's own, `mask` is True where not to look."""
        seen = features(pixels, mask)
        hour = minute_of_day // 60 % 24
        beside = self._beside(at_ms, minute_of_day, seen)
        measures = found(beside)
        slow = self._slow(fps)
        first = next((each for each in measures if each.strength >= 1), None)
        faults = tuple(each for each in (first, slow) if each is not None and each.strength >= 1)
        worst = max((each.strength for each in (*measures, slow) if each is not None), default=0.0)
        figures = _figures(beside)
        if first is None and not damaged and not self._lasting.open:
            self._learn(at_ms, hour, beside, figures, worst)
        self._remember(at_ms, seen, healthy=first is None)
        return Grade(
            at_ms=at_ms,
            score=_score(first, worst),
            faults=faults,
            open=self._lasting.feed({each.fault for each in faults}),
            learning=beside.usual is None,
            figures=figures | {"fps": fps, "damaged": float(damaged)},
            pictures=0 if beside.usual is None else beside.usual.n,
            days=0 if beside.usual is None else beside.usual.days,
        )

    def missed(self, at_ms: int, reason: str) -> Grade:
        """Grade a picture that should have come and did not; `reason` is told as it is."""
        lack = Found(PictureFault.NO_SIGNAL, 2.0, reason)
        return Grade(at_ms=at_ms, score=0, faults=(lack,), open=self._lasting.feed({lack.fault}))

    def accept_view(self) -> None:
        """Forget what was usual: a person says that what is seen now is right."""
        self._reference = Reference()
        self._healthy = None
        self._lasting = Persistence(self._settings.need, self._settings.of)

    def _beside(self, at_ms: int, minute_of_day: int, seen: Features) -> Beside:
        around = tuple(self._reference.around(minute_of_day))
        known = around if any(slot.grown and slot.days >= 2 for slot in around) else ()
        light = light_of(seen)
        like, strange = _likest(seen, light, around, sure=bool(known))
        usual = self._reference.slot(minute_of_day // 60 % 24, like, seen.mean)
        view = self._reference.view(like)
        alike = None if view is None else likeness(seen.view, view.cells, seen.usable)
        healthy = self._healthy
        recent = healthy is not None and 0 <= at_ms - healthy[0] <= SUDDEN_MS
        return Beside(
            seen=seen,
            light=light,
            like=like,
            strange=strange,
            usual=usual,
            around=known,
            own=usual in around,
            healthy=tuple(healthy[1:]) if healthy is not None and recent else None,
            alike=alike,
            one_way=view is not None and one_way(view.cells),
            match=None if view is None else view.match,
            offset=None if like is Light.GREY else self._reference.tints.beside(seen),
            pattern=None if view is None else view.pattern,
            detail=None
            if view is None or alike is None
            else view.pattern.beside(seen, alike.right, alike.down),
            still=self._still.feed(at_ms, seen.points),
            changed=self._still.changed,
        )

    def _slow(self, fps: float) -> Found | None:
        """Too low a frame rate; what is usual follows a healthy one by a fiftieth."""
        if fps <= 0:
            return None
        if self._frame_rate <= 0:
            self._frame_rate = fps
        slow = SLOW * self._frame_rate / fps
        reason = f"{fps:.1f} pictures a second, {self._frame_rate:.1f} are usual"
        if slow < DOUBT:
            self._frame_rate += (fps - self._frame_rate) / 50
        return Found(PictureFault.LOW_FRAME_RATE, min(9.9, slow), reason)

    def _learn(self, at_ms: int, hour: int, beside: Beside, figures: dict[str, float], worst: float) -> None:
        if worst >= DOUBT or not self._reference.due(at_ms, hour, beside.like, TEACH_MS):
            return
        view = self._reference.views.get(int(beside.like))
        alike = beside.alike
        if view is not None and alike is None:
            alike = likeness(beside.seen.view, view.cells, beside.seen.usable)
        if beside.pattern is not None:
            beside.pattern.settle(beside.left)
        self._reference.learn(at_ms, (hour, beside.like), figures, beside.seen, alike)

    def _remember(self, at_ms: int, seen: Features, *, healthy: bool) -> None:
        """A fault that lasts keeps the healthy brightness before it in mind."""
        if healthy:
            self._healthy = [at_ms, seen.mean, seen.low, seen.exposure, seen.bright]
        elif self._healthy is not None and 0 <= at_ms - self._healthy[0] <= RECENT_MS:
            self._healthy[0] = at_ms

    def state(self) -> State:
        return {
            "settings": repr(self._settings),
            "lasting": self._lasting.state(),
            "reference": self._reference.state(),
            "still": self._still.state(),
            "healthy": self._healthy,
            "frame_rate": self._frame_rate,
        }

    def restore(self, state: State) -> None:
        if state["settings"] != repr(self._settings):
            raise ValueError(f"settings: expected {self._settings}, got {state['settings']}")
        self._lasting.restore(state["lasting"])
        self._reference.restore(state["reference"])
        self._still.restore(state["still"])
        self._healthy = None if state["healthy"] is None else list(state["healthy"])
        self._frame_rate = float(state["frame_rate"])


def _likest(seen: Features, light: Light, around: tuple[Slot, ...], *, sure: bool) -> tuple[Light, bool]:
    """The kind of picture to compare with, and whether its own kind is strange at this time of day.

    Its own kind, unless another that looks the same is better known now: a pale scene is grey until somebody
    in red passes. A strange kind, once this hour is known for `sure`, is compared with the likest that is.
    """
    kin = [slot for slot in around if slot.light == light or _akin(seen, light, slot)]
    if kin:
        return Light(max(kin, key=lambda slot: slot.n).light), False
    if not sure:
        return light, False
    return Light(min(around, key=lambda slot: abs(slot.of("mean") - seen.mean)).light), True


def _akin(seen: Features, light: Light, slot: Slot) -> bool:
    """As bright, and both in colour or both pale, if only as a rule."""
    in_colour = light is not Light.GREY and slot.light != Light.GREY
    usual = slot.of("colour")
    pale = seen.colour < PALE and (usual < PALE or usual - 2 * slot.give("colour") < 1)
    return abs(seen.mean - slot.of("mean")) < 0.4 * slot.of("mean") and (in_colour or pale)


def _figures(beside: Beside) -> dict[str, float]:
    seen, alike = beside.seen, beside.alike
    red, blue = (0.0, 0.0) if beside.offset is None else beside.offset.middle
    return {
        "mean": seen.mean,
        "spread": seen.spread,
        "exposure": seen.exposure,
        "contrast": seen.contrast,
        "low": seen.low,
        "bright": seen.bright,
        "red": red,
        "blue": blue,
        "tint": 0.0 if beside.usual is None else beside.tint_from(beside.usual),
        "colour": seen.colour,
        "noise": seen.noise,
        "stripes": seen.stripes,
        "sharper": beside.sharper or 0.0,
        "focus_told": float(beside.sharper is not None),
        "live": 1.0 if beside.changed is None else beside.changed,
        "lost": beside.lost,
        "view_told": beside.told,
        "shift_told": float(alike is not None and not beside.one_way),
        "alike": 1.0 if alike is None else alike.whole,
        "shift": beside.moved if beside.moved or alike is None else alike.shift,
    }


def _score(first: Found | None, worst: float) -> int:
    if first is not None and first.fault is PictureFault.BLACK:
        return 0
    return round(100 * max(0.0, 1 - worst / 2))
