"""What one camera's pictures are worth and what they show, as a grade and as values of channels."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agent.camera.config import Camera, Model
from drivers.frames import Frame, Pixels
from drivers.readings import Quality, Reading
from pipelines.state import State
from pipelines.vision import masking
from pipelines.vision.quality.faults import Grade
from pipelines.vision.quality.features import HEIGHT, WIDTH, Array
from pipelines.vision.quality.grader import PictureGrader
from pipelines.vision.scene.plug import OnnxModel, OnnxSettings, Output
from pipelines.vision.scene.watch import Scene
from pipelines.vision.scene.zones import Kind, Mark, Polygon, Zone

GRADER, MASKS = "picture", "masks"
"""Where the grader's state lies among those of the zones, and what was hidden from all of them."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a picture, or the lack of one, gave."""

    grade: Grade
    readings: tuple[Reading, ...]


class Looking:
    """The stages of one camera. `see` takes 10 to 40 ms of CPU: run it in a thread, one at a time.

    Raises:
        ValueError: a zone or model cannot be as it is configured.
    """

    def __init__(self, camera: Camera) -> None:
        self.masks = tuple(Polygon(points) for points in camera.masks)
        self._grader = PictureGrader()
        self._scene = Scene(_zones(camera), [_model(name, model) for name, model in camera.models.items()])
        self._channels = camera.pictured
        self._hidden: Array | None = masking.hidden(self.masks, WIDTH, HEIGHT) if self.masks else None

    def see(self, frame: Frame, minute_of_day: int) -> Seen:
        """Grade the picture, and look at its zones; one with a fault says nothing of its scene."""
        grade = self._grader.feed(
            frame.at_ms, minute_of_day, frame.pixels,
            fps=frame.fps, damaged=frame.damaged, mask=self._hidden,
        )  # fmt: skip
        quality = Quality.NOT_EVALUATED if grade.learning else Quality.GOOD
        score = Reading("picture_score", float(grade.score), quality)
        doubt = str(grade.faults[0].fault) if grade.faults else ""
        scene = self._scene.feed(frame.at_ms, self._shown(frame), doubt)
        return Seen(grade, tuple(self._whole((score, *scene, *self._uncertainties()), doubt)))

    def missed(self, at_ms: int, reason: str, message: str) -> Seen:
        """No picture came when one was due."""
        lacking = tuple(Reading(channel, None, Quality.MISSING, reason) for channel in self._channels)
        return Seen(self._grader.missed(at_ms, message), lacking)

    def accept(self, frame: Frame) -> None:
        """A person says that this view is right, staffs are where they were marked, zones are dry."""
        self._grader.accept_view()
        self._scene.accept(frame.at_ms, self._shown(frame))

    def state(self) -> State:
        return {MASKS: repr(self.masks), GRADER: self._grader.state(), **self._scene.state()}

    def restore(self, state: State) -> None:
        """What does not fit any more begins anew.

        Raises:
            ValueError: other masks hid the pictures it was learnt from; it may hold what they hide now.
        """
        if state.get(MASKS) != repr(self.masks):
            raise ValueError("learnt under other masks")
        for name, part in {GRADER: self._grader, **self._scene.parts()}.items():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                part.restore(state[name])

    def _shown(self, frame: Frame) -> Pixels:
        """Without what is masked: zones remember parts of the picture, which are kept on disk."""
        return masking.burn(frame.pixels, self.masks) if self.masks else frame.pixels

    def _whole(self, readings: Iterable[Reading], doubt: str) -> Iterator[Reading]:
        """Every channel that was promised, those without a value too."""
        found = {reading.channel: reading for reading in readings}
        quality, test = (Quality.BAD, doubt) if doubt else (Quality.MISSING, "not_seen")
        for channel in self._channels:
            yield found.get(channel) or Reading(channel, None, quality, test)

    def _uncertainties(self) -> Iterator[Reading]:
        for zone, uncertainty in self._scene.uncertainty_m.items():
            yield Reading(f"water_level_seen.{zone}_uncertainty", uncertainty)


def _zones(camera: Camera) -> Iterator[Zone]:
    for name, zone in camera.zones.items():
        marks = tuple(Mark(*mark.at, mark.level_m) for mark in zone.marks)
        yield Zone(name, Kind(zone.kind), Polygon(zone.polygon), marks)


def _model(name: str, model: Model) -> OnnxModel:
    return OnnxModel(
        OnnxSettings(
            path=model.file, labels=tuple(f"{name}-{label}" for label in model.labels),
            width=model.width, height=model.height, scale=model.scale, mean=model.mean,
            swap_rgb=model.red_first, output=Output(model.output), threshold=model.threshold,
        )
    )  # fmt: skip
