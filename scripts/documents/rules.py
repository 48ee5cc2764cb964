"""The keys of each kind of rule as Markdown tables, from the settings themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from enum import Enum, IntEnum
from types import UnionType
from typing import Any, get_args, get_origin

from agent.judge.rule_forms import Key, keys_of
from agent.judge.rule_kinds import KINDS, SAME
from agent.judge.rule_schema import TIMES, choices, meaning
from pipelines.events import Source

_TIMES_MS = {"d": 86_400_000, "h": 3_600_000, "min": 60_000, "s": 1000, "ms": 1}


def table(kind: str) -> str:
    """All keys of a kind, and below them those of the tables within it."""
    settings = KINDS[kind].settings
    inner: dict[type, list[str]] = {}
    for key in keys_of(settings, kind).values():
        if found := _inner(key.hint):
            inner.setdefault(found, []).append(f"`{key.name}`")
    below = [f"Each of {', '.join(names)}:\n\n{_table(each, kind)}" for each, names in inner.items()]
    return "\n\n".join([f"{KINDS[kind].purpose}.", _table(settings, kind), *below])


def _table(settings: type, kind: str) -> str:
    keys = keys_of(settings, kind).values()
    names = {f"`{key.field}`": f"`{key.name}`" for key in keys}
    rows = [
        f"| `{key.name}` | {_default(key)} | {_form(key, kind)} | {_meaning(settings, key, names)} |"
        for key in keys
    ]
    return "\n".join(["| key | default | written as | meaning |", "|---|---|---|---|", *rows])


def _inner(hint: Any) -> type | None:  # noqa: ANN401  a type
    """The dataclass that a list is of."""
    plain = get_args(hint)[0] if get_origin(hint) is tuple else hint
    return plain if isinstance(plain, type) and is_dataclass(plain) else None


def _meaning(settings: type, key: Key, names: Mapping[str, str]) -> str:
    """Its docstring; other fields that it speaks of by the keys that people write."""
    text = meaning(settings, key.field).replace("|", "\\|")
    for field, name in names.items():
        text = text.replace(field, name)
    return text


def _default(key: Key) -> str:
    if key.required:
        return "required"
    if key.default is None or key.default in ((), ""):
        return "none"
    if _inner(key.hint):
        return ", ".join(each.name for each in key.default)
    if isinstance(key.default, tuple):
        return f"`[{', '.join(_written(each, key.unit) for each in key.default)}]`"
    return f"`{_written(key.default, key.unit)}`"


def _written(value: Any, unit: str) -> str:  # noqa: ANN401  any setting
    """A default as a person would write it."""
    if isinstance(value, Enum):
        return f'"{value.name.lower() if isinstance(value, IntEnum) else value.value}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if unit == "clock":
        return f'"{value // 60:02d}:{value % 60:02d}"'
    if unit == "ms":
        name = (
            next(name for name, size in _TIMES_MS.items() if not value % size or size == 1) if value else "s"
        )
        return f'"{value / _TIMES_MS[name]:g} {name}"'
    return f"{value:g}" if unit in ("", SAME) else f'"{value:g} {unit}"'


def _form(key: Key, kind: str) -> str:
    hint, many = key.hint, ""
    if get_origin(hint) is UnionType:
        plain = [each for each in get_args(hint) if each is not type(None)]
        hint = plain[0] if len(plain) == 1 else object
    if get_origin(hint) is tuple:
        inner = get_args(hint)
        many = "list of " if inner[-1] is Ellipsis else f"list of {len(inner)}: "
        hint = inner[0]
    return many + "; ".join(_single(key, hint, kind))


def _single(key: Key, hint: Any, kind: str) -> Iterator[str]:  # noqa: ANN401  a type
    if hint is Source:
        units = KINDS[kind].sources.get(key.field, ())
        yield f"channel in {' or '.join(units)}" if units else "channel"
    elif get_origin(hint) is not None and issubclass(get_origin(hint), Mapping):
        yield "table of channels"
    elif _inner(hint):
        yield "table"
    elif isinstance(hint, type) and issubclass(hint, Enum):
        yield ", ".join(f"`{each}`" for each in choices(hint))
    elif hint in (bool, str):
        yield "true or false" if hint is bool else "text"
    elif hint not in (int, float):
        yield "number, text, true or false"
    elif key.unit == "clock":
        yield "time of day"
    elif key.unit in TIMES:
        yield "time"
    elif key.unit == SAME:
        yield "in the channel's unit"
    else:
        yield f"in {key.unit}" if key.unit else "whole number" if hint is int else "number"
