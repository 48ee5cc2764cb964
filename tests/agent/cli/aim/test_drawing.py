"""What was drawn against the words of the configuration."""

from __future__ import annotations

import pytest

from agent.cli.aim.drawing import Mark, Mistaken, Shape, check, shapes_of
from firmware_profiles.declared import checked_json

SQUARE = ((0.1, 0.1), (0.4, 0.1), (0.4, 0.4), (0.1, 0.4))


def shape(id_="s1", kind="motion", name="road", polygon=SQUARE, marks=()) -> Shape:
    return Shape(id=id_, kind=kind, name=name, polygon=polygon, marks=marks)


def mistakes(*shapes: Shape) -> list[tuple[str, str]]:
    with pytest.raises(Mistaken) as caught:
        check(shapes)
    return [(each.id, each.part) for each in caught.value.mistakes]


def test_a_drawing_there_and_back() -> None:
    marks = (Mark(at=(0.2, 0.2), level_m=2.0), Mark(at=(0.2, 0.3), level_m=1.5))
    drawn = check([shape("a", "mask", ""), shape("b"), shape("c", "staff", "gauge", marks=marks)])
    assert drawn.masks == (SQUARE,)
    assert [zone.kind for zone in drawn.zones.values()] == ["motion", "staff"]
    assert check([checked_json(Shape, _json(each)) for each in shapes_of(drawn)]) == drawn


def _json(each: dict) -> str:
    import json

    return json.dumps(each)


@pytest.mark.parametrize("name", ["", "2nd", "Río", "a b", "x" * 33, "../x", '"'])
def test_names_that_are_none(name) -> None:
    assert mistakes(shape(name=name)) == [("s1", "name")]


def test_a_name_twice_is_told_at_both() -> None:
    assert mistakes(shape("a"), shape("b"), shape("c", "mask", "")) == [("a", "name"), ("b", "name")]


@pytest.mark.parametrize(
    "polygon",
    [
        SQUARE[:2],
        ((0.1, 0.1), (0.4, 0.4), (0.4, 0.1), (0.1, 0.4)),
        ((0.1, 0.1), (0.2, 0.2), (0.3, 0.3)),
        ((0.1, 0.1), (1.1, 0.1), (0.4, 0.4)),
        tuple((0.1 + i / 1000, 0.1 + i * i / 10000) for i in range(65)),
    ],
    ids=["two corners", "crossing", "a line", "outside", "too many"],
)
@pytest.mark.parametrize("kind", ["mask", "water"])
def test_polygons_that_are_none(polygon, kind) -> None:
    assert mistakes(shape(kind=kind, polygon=polygon)) == [("s1", "polygon")]


@pytest.mark.parametrize("levels", [(), (1.0,), (1.0, 1.0), (1.0, None), (1.0, 2.0, 3.0, 4.0, 5.0)])
def test_marks_that_give_no_scale(levels) -> None:
    marks = tuple(Mark(at=(0.2, 0.1 * i), level_m=level) for i, level in enumerate(levels, start=1))
    assert mistakes(shape(kind="staff", marks=marks)) == [("s1", "marks")]


def test_too_many_are_told_once() -> None:
    assert mistakes(*(shape(f"s{i}", "mask", "") for i in range(33))) == [("", "all")]
