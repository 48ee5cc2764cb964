"""What a table expects at a place, in words: walking its types beside the location of an error."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import PurePath
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from firmware_profiles.declared import First, Limits, Told, limits_of

_BOUNDS = ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern")


@dataclass(frozen=True, slots=True)
class Shape:
    """A type without its Annotated wrapping, and the notes (bounds, discriminator, tag) that were on it."""

    kind: Any
    notes: tuple[Any, ...] = ()

    @property
    def options(self) -> tuple[Shape, ...]:
        """The members of a union except None; empty for anything else."""
        if get_origin(self.kind) not in (Union, types.UnionType):
            return ()
        return tuple(shape_of(member) for member in get_args(self.kind) if member is not types.NoneType)

    @property
    def discriminator(self) -> str | None:
        """The key that tells the members of a union apart, None without one."""
        return next((note.discriminator for note in self.notes if isinstance(note, Told)), None)

    @property
    def bounds(self) -> dict[str, Any]:
        """The limits on a number or a length that the notes give."""
        limits = [note for note in self.notes if isinstance(note, Limits)]
        pairs = ((name, getattr(note, name)) for note in limits for name in _BOUNDS)
        return {name: value for name, value in pairs if value is not None}


def shape_of(annotation: Any, notes: Iterable[Any] = ()) -> Shape:  # noqa: ANN401  # any type at all
    """The shape of an annotation; `X | None` is X."""
    collected = tuple(notes)
    if get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        collected += tuple(more)
    shape = Shape(annotation, collected)
    if len(shape.options) == 1:
        only = shape.options[0]
        return Shape(only.kind, only.notes + collected)
    return shape


def keys_of(shape: Shape) -> dict[str, Shape]:
    """The keys a table of this shape may have; empty for anything but a table."""
    return _keys(shape.kind) if isinstance(shape.kind, type) and is_dataclass(shape.kind) else {}


@cache
def _keys(table: Any) -> dict[str, Shape]:  # noqa: ANN401  any table
    hints = get_type_hints(table, include_extras=True)
    return {each.name: shape_of(hints[each.name], [limits_of(each.metadata)]) for each in fields(table)}


def child(shape: Shape, key: str | int) -> Shape:
    """The shape below `key`; of type Any where nothing is said."""
    origin, inner = get_origin(shape.kind), get_args(shape.kind)
    if inside := keys_of(shape).get(str(key)):
        return inside
    if _is(origin, Mapping):
        return shape_of(inner[1])
    if origin is tuple and isinstance(key, int) and inner[-1] is not Ellipsis:
        return shape_of(inner[key]) if key < len(inner) else Shape(Any)
    if _is(origin, Sequence, AbstractSet):
        return shape_of(inner[0])
    return Shape(Any)


def tags_of(shape: Shape) -> dict[str, Shape]:
    """The members of a discriminated union by tag."""
    tags: dict[str, Shape] = {}
    for option in shape.options:
        named = keys_of(option).get(shape.discriminator or "")
        tags |= {str(tag): option for tag in (choices(named) if named else ())}
    return tags


def labelled(shape: Shape, label: str) -> Shape:
    """The member of a plain union that pydantic's label means; of type Any if that cannot be told."""
    for option in shape.options:
        origin = get_origin(option.kind) or option.kind
        if getattr(origin, "__name__", "") == label.partition("[")[0]:
            return option
    return Shape(Any)


def choices(shape: Shape) -> tuple[Any, ...]:
    """The values allowed by a Literal or an Enum, of a union those of all its members."""
    if shape.options:
        return tuple(value for option in shape.options for value in choices(option))
    if get_origin(shape.kind) is Literal:
        values = get_args(shape.kind)
    elif _is(shape.kind, Enum):
        values = tuple(shape.kind)
    else:
        return ()
    return tuple(value.value if isinstance(value, Enum) else value for value in values)


def phrase(shape: Shape) -> str:
    """What is expected, such as "a whole number from 0 to 255"; "" where the type has no plain words."""
    if written := [note.expected for note in shape.notes if isinstance(note, First) and note.expected]:
        return written[0]
    if shape.options:
        return _either([phrase(Shape(option.kind, option.notes + shape.notes)) for option in shape.options])
    if values := choices(shape):
        return one_of(values)
    if shape.kind in _SCALARS:
        return _SCALARS[shape.kind](shape.bounds)
    return "a path" if _is(shape.kind, PurePath) else _container(shape)


def one_of(values: Iterable[Any]) -> str:
    """Values to choose from, quoted as TOML writes them."""
    listed = [f'"{value}"' if isinstance(value, str) else str(value).lower() for value in values]
    return listed[0] if len(listed) == 1 else f"one of {', '.join(listed)}"


def _either(phrases: list[str]) -> str:
    parts = list(dict.fromkeys(phrases))
    if "a number" in parts and "a whole number" in parts:
        parts.remove("a whole number")
    if not all(parts):
        return ""
    return " or ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _container(shape: Shape) -> str:
    origin, inner = get_origin(shape.kind) or shape.kind, get_args(shape.kind)
    if is_dataclass(origin) or _is(origin, Mapping):
        return "a table"
    if origin is tuple and inner and inner[-1] is not Ellipsis:
        return f"a list of {len(inner)} items"
    if _is(origin, Sequence, AbstractSet):
        item = shape_of(inner[0]) if inner else Shape(Any)
        items = "tables" if phrase(item) == "a table" else "items"
        return f"a list of {items}{_length(shape.bounds)}"
    return ""


def _range(bounds: Mapping[str, Any]) -> str:
    if "ge" in bounds and "le" in bounds:
        return f" from {_number(bounds['ge'])} to {_number(bounds['le'])}"
    words = {"ge": "not below", "gt": "above", "le": "not above", "lt": "below"}
    parts = [f"{word} {_number(bounds[name])}" for name, word in words.items() if name in bounds]
    return " " + " and ".join(parts) if parts else ""


def _string(bounds: Mapping[str, Any]) -> str:
    if "pattern" in bounds:
        pattern = bounds["pattern"]
        return f"a string of the form {getattr(pattern, 'pattern', pattern)}"
    if bounds.get("min_length") == 1 and "max_length" not in bounds:
        return "a string that is not empty"
    length = _length(bounds)
    return f"a string{length and length + ' characters'}"


def _length(bounds: Mapping[str, Any]) -> str:
    low, high = bounds.get("min_length"), bounds.get("max_length")
    if low is not None and high is not None:
        return f", exactly {low}" if low == high else f", {low} to {high}"
    if low is not None:
        return f", at least {low}"
    return "" if high is None else f", at most {high}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _is(kind: Any, *parents: type) -> bool:  # noqa: ANN401  # any type at all
    return isinstance(kind, type) and issubclass(kind, parents)


_SCALARS: dict[Any, Callable[[Mapping[str, Any]], str]] = {
    bool: lambda _: "true or false",
    int: lambda bounds: f"a whole number{_range(bounds)}",
    float: lambda bounds: f"a number{_range(bounds)}",
    str: _string,
}
