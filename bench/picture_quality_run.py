"""Days of one camera through the grader, sound and with each fault in turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.picture_quality_faults import CASES, TOLD_BY, Case, fixed
from bench.picture_quality_scenes import DAY_S, Camera, Image, Spoiling
from pipelines.vision.quality.faults import Grade, PictureFault
from pipelines.vision.quality.grader import PictureGrader

HEALTHY_DAYS = 4
"""The last is the one that is counted, and into which the faults are put."""
MOMENTS_H = (0.7, 3.2, 7.4, 9.1, 11.6, 13.8, 16.2, 19.5, 22.3)
RUN = 4
"""Pictures of a fault; three make it last."""
BEAT_S = 60


@dataclass(slots=True)
class Tally:
    """Of one fault, over all cameras."""

    pictures: int = 0
    found: int = 0
    """With any fault, from the second picture on where a picture must be compared with the one before."""
    right: int = 0
    runs: int = 0
    opened: int = 0
    opened_right: int = 0
    untold: int = 0
    """Missed, and said so: too little to see to tell such a fault by."""
    fixed: int = 0
    fixed_right: int = 0
    labels: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Sound:
    """Of pictures without a fault."""

    pictures: int = 0
    alarmed: int = 0
    opened: int = 0
    untold: Counter[str] = field(default_factory=Counter)
    """By what could not be told."""
    fixed: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    scores: list[int] = field(default_factory=list)
    where: list[str] = field(default_factory=list)


class Life:
    """A camera's healthy days, and the grader's state at each moment at which a fault begins."""

    def __init__(self, path: Path, seed: int, *, infrared: bool, every_s: int) -> None:
        self.camera = Camera(path, seed, infrared=infrared)
        self.grader = PictureGrader()
        self.sound = Sound()
        self.first = Sound()
        """The days before the last: everything is new."""
        self.states: dict[float, dict[str, Any]] = {}
        self._live(every_s)

    def _live(self, every_s: int) -> None:
        before: Image | None = None
        open_: set[PictureFault] = set()
        moments = [(HEALTHY_DAYS - 1) * DAY_S + hour * 3600 for hour in MOMENTS_H]
        for at_s in range(0, HEALTHY_DAYS * DAY_S, every_s):
            while moments and moments[0] <= at_s:
                self.states[moments.pop(0)] = self.grader.state()
            picture = self.camera.picture(at_s)
            grade = graded(self.grader, at_s, picture)
            last = at_s >= (HEALTHY_DAYS - 1) * DAY_S
            sound = self.sound if last else self.first
            sound.pictures += 1
            sound.alarmed += bool(grade.faults)
            sound.opened += len(set(grade.open) - open_)
            sound.untold.update(figure for figure in TOLD_BY.values() if not grade.figures[figure])
            sound.labels.update(str(each.fault) for each in grade.faults)
            sound.scores.append(grade.score)
            if grade.faults:
                each = grade.faults[0]
                sound.where.append(
                    f"{self.camera.name} {at_s / 3600:.2f} {each.fault} {each.strength:.2f} {each.reason}"
                )
            if last:
                sound.fixed += fixed(picture, before) is not None
            open_, before = set(grade.open), picture

    def spoilt(self, case: Case, tally: Tally, seed: int) -> Iterator[str]:
        """All moments at which this fault is one; tells of the pictures that went wrong."""
        for at_s, state in self.states.items():
            if case.by in ("day", "colour") and not self.camera.colourful:
                continue
            night = self.camera.weather(at_s).sun < 0.12
            infrared = night and self.camera.infrared
            if (
                (case.by == "day" and night)
                or (case.by == "infrared") > infrared
                or (case.by == "colour" and infrared)
            ):
                continue
            random = np.random.default_rng((seed, int(at_s)))
            self.grader = PictureGrader()
            self.grader.restore(state)
            yield from self._run(case, tally, at_s, case.make(random))

    def _run(self, case: Case, tally: Tally, at_s: float, spoiling: Spoiling) -> Iterator[str]:
        before = self.camera.picture(at_s)
        graded(self.grader, at_s, before)
        tally.runs += 1
        opened: set[PictureFault] = set()
        for index in range(1, RUN + 1):
            now_s = at_s + index * BEAT_S
            picture = self.camera.picture(at_s if case.held else now_s, spoiling, clock_s=now_s)
            grade = graded(self.grader, now_s, picture)
            opened |= set(grade.open)
            tally.pictures += 1
            named = [each.fault for each in grade.faults]
            tally.found += bool(named)
            tally.right += bool(named) and named[0] in case.right
            told_by = TOLD_BY.get(case.right[0])
            tally.untold += not named and told_by is not None and not grade.figures[told_by]
            tally.labels.update([str(each) for each in named] or ["none"])
            rule = fixed(picture, before)
            tally.fixed += rule is not None
            tally.fixed_right += rule in case.right
            before = picture
            if not named or named[0] not in case.right:
                what = "; ".join(f"{each.fault} {each.strength:.2f} {each.reason}" for each in grade.faults)
                yield f"{self.camera.name} {at_s % DAY_S / 3600:.1f}h {case.name}: {what or _told(grade)}"
        tally.opened += bool(opened)
        tally.opened_right += bool(opened & set(case.right))


def _told(grade: Grade) -> str:
    return (
        f"nothing, score {grade.score} { ({name: round(value, 2) for name, value in grade.figures.items()}) }"
    )


def graded(grader: PictureGrader, at_s: float, picture: Image) -> Grade:
    """As a site that keeps universal time would."""
    return grader.feed(int(at_s * 1000), int(at_s // 60) % 1440, picture)


def lives(paths: list[Path], seed: int, every_s: int) -> Iterator[Life]:
    """Every second camera has an infrared lamp; the others stand under a street lamp."""
    for index, path in enumerate(paths):
        yield Life(path, seed + index, infrared=index % 2 == 0, every_s=every_s)


def cases(name: str = "") -> list[Case]:
    return [case for case in CASES if name in case.name]
