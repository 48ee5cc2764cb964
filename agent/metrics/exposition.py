"""Prometheus' text format 0.0.4: families of samples as lines. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

T = TypeVar("T")
Labels = Mapping[str, str]
Samples = Iterable[tuple[Labels, float | int | None]]


@dataclass(frozen=True, slots=True)
class Family(Generic[T]):
    """A metric: its name, what it is, and its samples as read from a T; None is left out."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    read: Callable[[T], Samples]


def one(value: float | None) -> Samples:
    """A metric without labels."""
    return [({}, value)]


def by(label: str, values: Mapping[str, float | int | None]) -> Samples:
    """A sample for each value of one label."""
    return [({label: name}, value) for name, value in values.items()]


def text(families: Iterable[Family[T]], source: T) -> str:
    """The whole page; a family without samples is not on it."""
    return "".join(line for family in families for line in _lines(family, source))


def _lines(family: Family[T], source: T) -> Iterator[str]:
    samples = [(labels, value) for labels, value in family.read(source) if value is not None]
    if not samples:
        return
    yield f"# HELP {family.name} {_escaped(family.help)}\n"
    yield f"# TYPE {family.name} {family.kind}\n"
    for labels, value in samples:
        yield f"{family.name}{_braces(labels)} {_number(value)}\n"


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{_escaped(value, quotes=True)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _escaped(words: str, *, quotes: bool = False) -> str:
    r"""Help escapes \ and line feeds, the value of a label also "; carriage returns it does not know."""
    plain = words.replace("\\", r"\\").replace("\n", r"\n").replace("\r", " ")
    return plain.replace('"', r"\"") if quotes else plain


def _number(value: float) -> str:
    """A Go float: integers without a point, NaN and the infinities by name."""
    if isinstance(value, int):
        return str(int(value))
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else f"{'+' if value > 0 else '-'}Inf"
