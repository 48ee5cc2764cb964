"""What one camera's pictures are worth and what they show, as a grade and as values of channels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agent.camera_config import Camera, Model, Zone
from drivers.frames import Frame
from drivers.readings import Quality
from pipelines.state import State, Stateful
from pipelines.vision import masking
from pipelines.vision.quality.faults import Grade
from pipelines.vision.quality.features import Array
from pipelines.vision.quality.grader import PictureGrader
from pipelines.vision.scene import zones
from pipelines.vision.scene.motion import Motion
from pipelines.vision.scene.plug import OnnxModel, OnnxSettings, Output
from pipelines.vision.scene.staff import Staff
from pipelines.vision.scene.water import Water
from pipelines.vision.scene.zones import Polygon

Value = tuple[str, float | None, int, str]
"""Channel, value, quality, test."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a picture, or the lack of one, gave."""

    grade: Grade
    values: tuple[Value, ...]


class Looking:
    """The stages of one camera. `see` takes 10 to 20 ms of CPU: run it in a thread, one at a time.

    Raises:
        ValueError: a zone or model cannot be as it is configured.
    """

    def __init__(self, camera: Camera) -> None:
        self.masks = tuple(Polygon(points) for points in camera.masks)
        self._grader = PictureGrader()
        self._zones = {name: _stage(name, zone) for name, zone in camera.zones.items()}
        self._models = {name: _network(model) for name, model in camera.models.items()}
        self._camera = camera
        self._hidden: dict[tuple[int, int], Array] = {}

    def see(self, frame: Frame, minute_of_day: int) -> Seen:
        """Grade the picture, and look at its zones."""
        grade = self._grader.feed(
            frame.at_ms, minute_of_day, frame.pixels,
            fps=frame.fps, damaged=frame.damaged, mask=self._mask(frame),
        )  # fmt: skip
        return Seen(grade, (self._score(grade), *self._zone_values(frame, grade), *self._model_values(frame)))

    def missed(self, at_ms: int, reason: str, message: str) -> Seen:
        """No picture came when one was due."""
        grade = self._grader.missed(at_ms, message)
        values = tuple((channel, None, int(Quality.MISSING), reason) for channel in self._camera.pictured)
        return Seen(grade, values)

    def accept(self, frame: Frame) -> None:
        """A person says that this view is right, staffs are where they were marked, zones are dry."""
        self._grader.accept_view()
        for stage in self._zones.values():
            if isinstance(stage, Water):
                stage.accept(frame.at_ms, frame.pixels)
            elif isinstance(stage, Staff):
                stage.accept(frame.pixels)

    def state(self) -> State:
        stages: dict[str, Stateful] = {"grader": self._grader, **self._zones}
        return {name: stage.state() for name, stage in stages.items()}

    def restore(self, state: State) -> None:
        """What does not fit any more begins anew."""
        self._grader.restore(state["grader"])
        for name, stage in self._zones.items():
            if name in state:
                try:
                    stage.restore(state[name])
                except (ValueError, KeyError, TypeError):
                    self._zones[name] = _stage(name, self._camera.zones[name])

    def _mask(self, frame: Frame) -> Array | None:
        if not self.masks:
            return None
        size = frame.width, frame.height
        if size not in self._hidden:
            self._hidden = {size: masking.hidden(self.masks, *size)}
        return self._hidden[size]

    def _score(self, grade: Grade) -> Value:
        quality = Quality.NOT_EVALUATED if grade.learning else Quality.GOOD
        return "picture_score", float(grade.score), int(quality), ""

    def _zone_values(self, frame: Frame, grade: Grade) -> Iterator[Value]:
        """A picture with a fault says nothing of its scene."""
        spoilt = str(grade.faults[0].fault) if grade.faults else ""
        for name, stage in self._zones.items():
            kind = self._camera.zones[name].kind
            channel = self._camera.channel_of(name)
            if spoilt:
                yield channel, None, int(Quality.BAD), spoilt
            elif kind == "staff":
                assert isinstance(stage, Staff)  # noqa: S101
                read = stage.feed(frame.at_ms, frame.pixels)
                yield channel, read.level_m, int(read.quality), read.test
                uncertainty = None if read.level_m is None else read.uncertainty_m
                yield f"{channel}_uncertainty", uncertainty, int(read.quality), read.test
            elif kind == "water":
                assert isinstance(stage, Water)  # noqa: S101
                water = stage.feed(frame.at_ms, frame.pixels)
                yield channel, water.share, int(water.quality), water.test
            else:
                assert isinstance(stage, Motion)  # noqa: S101
                share = stage.feed(frame.at_ms, frame.pixels)
                missing = share is None
                quality = Quality.MISSING if missing else Quality.NOT_EVALUATED
                yield channel, share, int(quality), "first_picture" if missing else ""

    def _model_values(self, frame: Frame) -> Iterator[Value]:
        for name, network in self._models.items():
            channels = [f"model_score.{name}-{label}" for label in self._camera.models[name].labels]
            try:
                scores = network.feed(frame.at_ms, frame.pixels)
            except ValueError:
                yield from ((channel, None, int(Quality.BAD), "model") for channel in channels)
                continue
            for channel, label in zip(channels, self._camera.models[name].labels, strict=True):
                yield channel, scores.get(label), int(Quality.NOT_EVALUATED), ""


def _stage(name: str, zone: Zone) -> Motion | Water | Staff:
    polygon = Polygon(zone.polygon)
    if zone.kind == "motion":
        return Motion(polygon)
    if zone.kind == "water":
        return Water(polygon)
    marks = tuple(zones.Mark(*mark.at, mark.level_m) for mark in zone.marks)
    return Staff(zones.Zone(name, zones.Kind.STAFF, polygon, marks))


def _network(model: Model) -> OnnxModel:
    return OnnxModel(
        OnnxSettings(
            path=model.file, labels=model.labels, width=model.width, height=model.height, scale=model.scale,
            mean=model.mean, swap_rgb=model.red_first, output=Output(model.output), threshold=model.threshold,
        )
    )  # fmt: skip
