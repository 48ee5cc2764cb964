"""What was drawn on the page, held to the words of the configuration; mistakes are told shape by shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import ValidationError

from agent.camera.config import Part, Polygon, Zone
from agent.cli.aim import texts
from firmware_profiles.declared import Limits, Strict, checked, plain, told
from pipelines.vision.scene import zones as scene

MOST_ZONES, MOST_MASKS = 16, 32


@dataclass(frozen=True, slots=True)
class Drawing:
    """Masks and zones as the configuration has them."""

    masks: tuple[Polygon, ...] = ()
    zones: Mapping[str, Zone] = field(default_factory=dict)


class Mark(Strict):
    """A mark as the page sends it; its level may still be missing."""

    at: tuple[float, float]
    level_m: float | None = None


class Shape(Strict):
    """A shape as the page sends it; `id` is the page's own name for it."""

    id: Annotated[str, Limits(max_length=16)]
    kind: Literal["mask", "motion", "water", "staff"]
    name: Annotated[str, Limits(max_length=200)] = ""
    polygon: Annotated[tuple[tuple[float, float], ...], Limits(max_length=200)]
    marks: Annotated[tuple[Mark, ...], Limits(max_length=8)] = ()


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with which shape; `part` is name, polygon or marks; an empty `id` is for them all."""

    id: str
    part: Literal["name", "polygon", "marks", "all"]
    message: str


class Mistaken(Exception):
    """The drawing cannot be used; `mistakes` says what to mend."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("; ".join(each.message for each in mistakes))


def check(shapes: Sequence[Shape]) -> Drawing:
    """The drawing, in the order of the shapes.

    Raises:
        Mistaken: with every mistake found.
    """
    mistakes = list(_counted(shapes))
    for shape in shapes:
        mistakes += _polygon(shape) or (_zone(shape) if shape.kind != "mask" else [])
    if mistakes:
        raise Mistaken(mistakes)
    return Drawing(
        masks=tuple(shape.polygon for shape in shapes if shape.kind == "mask"),
        zones={shape.name: checked(Zone, _keys(shape)) for shape in shapes if shape.kind != "mask"},
    )


def shapes_of(drawing: Drawing) -> list[dict[str, Any]]:
    """The same as the page takes it."""
    masks = [{"kind": "mask", "name": "", "polygon": polygon, "marks": []} for polygon in drawing.masks]
    zones = [{"name": name, **plain(zone)} for name, zone in drawing.zones.items()]
    return [{"id": f"s{number}", **shape} for number, shape in enumerate([*masks, *zones], start=1)]


def _counted(shapes: Sequence[Shape]) -> list[Mistake]:
    zones = [shape for shape in shapes if shape.kind != "mask"]
    said = []
    if len(zones) > MOST_ZONES or len(shapes) - len(zones) > MOST_MASKS:
        said.append(Mistake("", "all", texts.TOO_MANY.format(zones=MOST_ZONES, masks=MOST_MASKS)))
    names = Counter(shape.name for shape in zones)
    twice = [shape for shape in zones if shape.name and names[shape.name] > 1]
    return said + [Mistake(shape.id, "name", texts.NAME_TWICE) for shape in twice]


def _polygon(shape: Shape) -> list[Mistake]:
    try:
        scene.Polygon(checked(Polygon, shape.polygon))
    except ValidationError as error:
        return [Mistake(shape.id, "polygon", told(error))]
    except ValueError as error:
        return [Mistake(shape.id, "polygon", str(error))]
    return []


def _zone(shape: Shape) -> list[Mistake]:
    said = []
    if not shape.name:
        said.append(Mistake(shape.id, "name", texts.NAME_MISSING))
    else:
        try:
            checked(Part, shape.name)
        except ValidationError as error:
            said.append(Mistake(shape.id, "name", told(error)))
    if shape.kind == "staff" and not 2 <= len(shape.marks) <= 4:
        return [*said, Mistake(shape.id, "marks", texts.MARKS_COUNT)]
    if any(mark.level_m is None for mark in shape.marks):
        return [*said, Mistake(shape.id, "marks", texts.MARK_LEVEL)]
    try:
        checked(Zone, _keys(shape))
    except ValidationError as error:
        said.append(Mistake(shape.id, "marks", told(error).removeprefix("marks: ")))
    return said


def _keys(shape: Shape) -> dict[str, Any]:
    return {key: value for key, value in plain(shape).items() if key not in ("id", "name")}
