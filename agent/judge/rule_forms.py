"""How the settings of a rule are written in TOML: keys without unit suffixes, numbers with units.

The form follows from the settings' own fields, so that it cannot say something else than they do: `clear_ms`
is written clear_after = "30 min", `warning_m` warning = "33.5 m", a Source "level.water_level".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from enum import Enum, IntEnum
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from agent.judge.rule_kinds import KINDS, SAME
from agent.quantities import duration_s, quantity
from firmware_profiles.problems import did_you_mean
from pipelines.cross.limits import Limits
from pipelines.events import Source

Path = tuple[str | int, ...]
UnitOf = Callable[[Source], str]
"""The UCUM unit of a channel; raises ValueError where the station has none of this name."""

_SUFFIXES = {
    "_m_h": "m/h", "_mm_min": "mm/min", "_from_min": "clock", "_to_min": "clock", "_ms": "ms", "_mm": "mm",
    "_m": "m", "_v": "V", "_db": "dB", "_deg": "deg", "_hours": "h", "_days": "d", "_h": "h", "_min": "min",
}  # fmt: skip
"""Ends of field names, longest first, and the unit of the number in them."""

_SPOKEN = {
    "raise_ms": "raise_after", "clear_ms": "clear_after", "clear_hours": "clear_after", "dry_ms": "dry_after",
    "source": "input", "window_ms": "over", "oldest_ms": "too_old",
}  # fmt: skip
"""Keys that read better than their fields' names."""

_TIMES = {"ms": 0.001, "min": 60.0, "h": 3600.0, "d": 86400.0}
_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")
_REFUSAL = re.compile(r"(\w+): expected (.+), got (.+)", re.DOTALL)


class Unreadable(ValueError):
    """A setting that cannot be used; `path` leads to it from the rule's table, "" got means it is missing."""

    def __init__(self, path: Path, expected: str, got: str = "", hint: str = "") -> None:
        super().__init__(f"{path}: expected {expected}, got {got}")
        self.path, self.expected, self.got, self.hint = path, expected, got, hint


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table: the field behind it, its type, and the unit of the number in that field."""

    name: str
    field: str
    hint: Any
    unit: str
    default: Any

    @property
    def required(self) -> bool:
        """Whether the table must have it."""
        return self.default is MISSING


@cache
def keys_of(settings: type, kind: str) -> Mapping[str, Key]:
    """The keys of a table that becomes `settings`, in their order; `kind` is the rule's."""
    return {key.name: key for key in _keys(settings, kind)}


def _keys(settings: type, kind: str) -> Iterator[Key]:
    facts, hints = KINDS[kind], get_type_hints(settings)
    fixed = facts.fixed | ({"name", "utc_offset_min"} if settings is facts.settings else set())
    for each in fields(settings):
        hint, name = hints[each.name], each.name
        if hint is Limits:
            yield from _keys(Limits, kind)
        elif name not in fixed:
            suffix = next((end for end in _SUFFIXES if name.endswith(end)), "")
            stem = name if suffix.startswith(("_from", "_to")) else name.removesuffix(suffix)
            stem = stem.removesuffix("_min")
            unit = facts.units.get(name) or _SUFFIXES.get(suffix, "")
            default = each.default
            if each.default_factory is not MISSING:
                default = each.default_factory()
            yield Key(facts.names.get(name) or _SPOKEN.get(name, stem), name, hint, unit, default)


class Reader:
    """Reads the tables of one rule; raises Unreadable."""

    def __init__(self, kind: str, unit_of: UnitOf) -> None:
        self._kind = kind
        self._facts = KINDS[kind]
        self._unit_of = unit_of
        self._same = ""
        """The unit of the rule's first source."""

    def settings(self, table: Mapping[str, Any], given: Mapping[str, Any]) -> Any:  # noqa: ANN401  any kind's
        """The settings that the table writes, with what is `given` from elsewhere, by field."""
        self._same = self._first_unit(table, keys_of(self._facts.settings, self._kind))
        return self._table(self._facts.settings, table, (), given)

    def _first_unit(self, table: Mapping[str, Any], keys: Mapping[str, Key]) -> str:
        """The unit that SAME stands for, "" where its source cannot be told; that is complained of later."""
        written = table.get(next(iter(keys)))
        if isinstance(written, list):
            written = written[0] if written else None
        try:
            unit = self._unit_of(source_of(written))
        except ValueError:
            return ""
        return f"{unit}/h" if table.get("take") == "slope" else unit

    def _table(self, settings: type, table: object, path: Path, given: Mapping[str, Any]) -> Any:  # noqa: ANN401
        keys = keys_of(settings, self._kind)
        if not isinstance(table, dict):
            raise Unreadable(path, "a table", repr(table))
        for name in table:
            if name not in keys:
                raise Unreadable((*path, name), "", hint=f"unknown key; {_known(name, keys)}")
        found, same = dict(given), self._first_unit(table, keys)
        for name, key in keys.items():
            if name in table:
                known = replace(key, unit=same) if key.unit == SAME else key
                found[key.field] = self._value(known, key.hint, table[name], (*path, name))
            elif key.required:
                raise Unreadable((*path, name), _wish(key))
        try:
            return _make(settings, found)
        except ValueError as error:
            raise _refused(error, keys, path) from None

    def _value(self, key: Key, hint: Any, written: object, path: Path) -> Any:  # noqa: ANN401  as the hint says
        origin, inner = get_origin(hint), get_args(hint)
        if origin is UnionType:
            plain = [each for each in inner if each is not type(None)]
            return self._value(key, plain[0], written, path) if len(plain) == 1 else _scalar(written, path)
        if origin is tuple:
            return self._tuple(key, inner, written, path)
        if hint is not Source and origin is not None and issubclass(origin, Mapping):
            if not isinstance(written, dict):
                raise Unreadable(path, 'a table such as { pm10 = "air.pm10" }', repr(written))
            return {
                name: self._source(f"{key.field}.{name}", each, (*path, name))
                for name, each in written.items()
            }
        return self._single(key, hint, written, path)

    def _tuple(self, key: Key, inner: tuple[Any, ...], written: object, path: Path) -> tuple[Any, ...]:
        if not isinstance(written, list):
            raise Unreadable(path, "a list", repr(written))
        size = None if inner[-1] is Ellipsis else len(inner)
        if size is not None and len(written) != size:
            raise Unreadable(path, f"a list of {size}", f"{len(written)}")
        return tuple(self._value(key, inner[0], each, (*path, n)) for n, each in enumerate(written))

    def _single(self, key: Key, hint: Any, written: object, path: Path) -> Any:  # noqa: ANN401  as the hint says
        if hint is Source:
            return self._source(key.field, written, path)
        if is_dataclass(hint) and isinstance(hint, type):
            return self._table(hint, {"input": written} if isinstance(written, str) else written, path, {})
        if isinstance(hint, type) and issubclass(hint, Enum):
            return _choice(hint, written, path)
        if hint in (float, int):
            return self._number(key, hint, written, path)
        if hint in (bool, str):
            if not isinstance(written, hint):
                raise Unreadable(path, "true or false" if hint is bool else "a text", repr(written))
            return written
        return _scalar(written, path)

    def _source(self, field: str, written: object, path: Path) -> Source:
        try:
            source = source_of(written)
            unit = self._unit_of(source)
        except ValueError as error:
            raise Unreadable(
                path, 'a channel such as "level.water_level"', repr(written), str(error)
            ) from None
        known = self._facts.sources
        wanted = known.get(field) or known.get(field.partition(".")[0]) or ()
        units = [self._same if each == SAME else each for each in wanted]
        if any(units) and unit not in units:
            raise Unreadable(path, f"a channel in {' or '.join(units)}", f'"{source}" in {unit}')
        return source

    def _number(self, key: Key, hint: type, written: object, path: Path) -> float | int:
        try:
            if key.unit == "clock":
                return _minute(written)
            if key.unit in _TIMES:
                number = duration_s(written) / _TIMES[key.unit]  # type: ignore[arg-type]  # it says so
            else:
                number = quantity(written, key.unit or "1")  # type: ignore[arg-type]  # it says so
        except ValueError as error:
            expected, _, got = str(error).removeprefix("expected ").rpartition(", got ")
            raise Unreadable(path, expected, got) from None
        if hint is int:
            if abs(number - round(number)) > 1e-6:
                raise Unreadable(path, "a whole number", repr(written))
            return round(number)
        return number


def source_of(written: object) -> Source:
    """`level.water_level` or `meter.voltage.l1`: the device up to the first dot, its channel after it.

    Raises:
        ValueError: not of this form.
    """
    device, _, channel = written.partition(".") if isinstance(written, str) else ("", "", "")
    if not device or not channel:
        raise ValueError("write it as DEVICE.CHANNEL")
    return Source(device, channel)


def _make(settings: type, found: Mapping[str, Any]) -> Any:  # noqa: ANN401  an instance of settings
    """Limits have no table of their own: their keys stand among the rule's."""
    if get_type_hints(settings).get("limits") is not Limits:
        return settings(**found)
    inner = {each.name for each in fields(Limits)}
    limits = Limits(**{name: value for name, value in found.items() if name in inner})
    return settings(limits=limits, **{name: value for name, value in found.items() if name not in inner})


def _refused(error: ValueError, keys: Mapping[str, Key], path: Path) -> Unreadable:
    """What the settings themselves refuse names a field; the person wrote a key."""
    match = _REFUSAL.fullmatch(str(error))
    if match is None:
        return Unreadable(path, "", hint=str(error))
    name = next((key.name for key in keys.values() if key.field == match[1]), None)
    got = "" if match[3] == "None" else match[3]
    return Unreadable(path if name is None else (*path, name), match[2], got)


def _minute(written: object) -> int:
    match = _CLOCK.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise ValueError(f'expected a time of day such as "08:00", got {written!r}')
    return int(match[1]) * 60 + int(match[2])


def _choice(hint: type[Enum], written: object, path: Path) -> Enum:
    by_name = {(each.name.lower() if issubclass(hint, IntEnum) else each.value): each for each in hint}
    if not isinstance(written, str) or written not in by_name:
        raise Unreadable(
            path, f"one of {', '.join(map(str, by_name))}", repr(written), _near(written, by_name)
        )
    return by_name[written]


def _scalar(written: object, path: Path) -> object:
    if not isinstance(written, str | int | float | bool):
        raise Unreadable(path, "a number, a text, true or false", repr(written))
    return written


def _known(name: str, keys: Mapping[str, Key]) -> str:
    return did_you_mean(name, keys) or f"known: {', '.join(keys)}"


def _near(written: object, known: Mapping[Any, object]) -> str:
    return did_you_mean(written, map(str, known)) if isinstance(written, str) else ""


def _wish(key: Key) -> str:
    return 'a channel such as "level.water_level"' if key.hint is Source else "a value"
