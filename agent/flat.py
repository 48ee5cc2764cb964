"""Flat tables that come while the daemon runs, checked by what is declared of them, without pydantic.

They hold texts, choices of texts and whole numbers, each strictly of its type: neither "3" nor true is 3.
A pattern is that of the whole text.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any

from firmware_profiles.declared import First, Limits, Then
from firmware_profiles.expectation import Shape, choices, keys_of, one_of, phrase, shape_of, tags_of
from firmware_profiles.problems import Problem, did_you_mean, meant, shown, unknown_key

_BOUNDS: Mapping[str, Callable[[Any, Any], object]] = {
    "ge": operator.ge,
    "gt": operator.gt,
    "le": operator.le,
    "lt": operator.lt,
    "min_length": lambda text, least: len(text) >= least,
    "max_length": lambda text, most: len(text) <= most,
    "pattern": lambda text, pattern: re.fullmatch(pattern, text),
}


class Mistaken(ValueError):
    """A table is not what it should be; str() says all of it."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def read(kind: Any, keys: Mapping[str, object]) -> Any:  # noqa: ANN401  a table, or a union told by a key
    """What the keys mean.

    Raises:
        Mistaken: they are none of this kind.
    """
    shape = _told(shape_of(kind), keys)
    values, problems = _values(shape, keys)
    if not problems:
        try:
            return shape.kind(**values)
        except ValueError as error:
            problems = [Problem("", "", hint=str(error))]
    raise Mistaken(*problems)


def _told(shape: Shape, keys: Mapping[str, object]) -> Shape:
    """The one of a union that its key tells."""
    if shape.discriminator is None:
        return shape
    tags, tag = tags_of(shape), keys.get(shape.discriminator)
    if isinstance(tag, str) and tag in tags:
        return tags[tag]
    got = shown(tag) if shape.discriminator in keys else ""
    near = did_you_mean(tag, tags) if isinstance(tag, str) else ""
    raise Mistaken(Problem("", shape.discriminator, one_of(tags), got, near))


def _values(shape: Shape, keys: Mapping[str, object]) -> tuple[dict[str, object], list[Problem]]:
    """What is given for the table's own keys, and what is wrong with any."""
    known = keys_of(shape)
    unknown = [name for name in keys if name not in known]
    misspelt = {meant(name, known) for name in unknown}
    values: dict[str, object] = {}
    problems: list[Problem] = []
    for each in fields(shape.kind):
        value, inner = keys.get(each.name, each.default), known[each.name]
        try:
            if value is not each.default:
                values[each.name] = _read(inner, value)
            elif value is MISSING and each.name not in misspelt:
                problems.append(Problem("", each.name, expected=phrase(inner)))
        except ValueError as error:
            problems.append(_problem(each.name, inner, value, str(error)))
    return values, problems + [Problem("", "", hint=unknown_key(name, known)) for name in unknown]


def _read(shape: Shape, value: Any) -> object:  # noqa: ANN401  JSON
    """The value as the table has it.

    Raises:
        ValueError: it is none; without words where the shape says what is expected.
    """
    for note in shape.notes:
        if isinstance(note, First):
            value = note.read(value)
    allowed = choices(shape)
    if value not in allowed if allowed else type(value) is not shape.kind:
        raise ValueError
    for note in shape.notes:
        if isinstance(note, Then):
            value = note.check(value)
        elif isinstance(note, Limits) and not _within(value, note):
            raise ValueError
    return value


def _within(value: Any, limits: Limits) -> bool:  # noqa: ANN401  a text or a number
    bounds = {name: bound for name, bound in vars(limits).items() if name in _BOUNDS and bound is not None}
    return all(_BOUNDS[name](value, bound) for name, bound in bounds.items())


def _problem(name: str, shape: Shape, value: object, said: str) -> Problem:
    got = shown(value)
    if said:
        return Problem("", name, got=got if isinstance(value, str | int | float) else "", hint=said)
    near = did_you_mean(value, choices(shape)) if isinstance(value, str) else ""
    return Problem("", name, phrase(shape), got, near)
