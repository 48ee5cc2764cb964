"""What is wrong with a TOML file, in words for the person who wrote it: file, key, expected, got."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import groupby
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from firmware_profiles.expectation import (
    Shape,
    child,
    choices,
    keys_of,
    labelled,
    one_of,
    phrase,
    shape_of,
    tags_of,
)  # fmt: skip
from firmware_profiles.origins import Keys, Origin, nearest

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_NO_ORIGINS: Mapping[Keys, Origin] = MappingProxyType({})
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong. `path` is the key, "" for the whole file; `hint` what to do, or the whole sentence.

    `expected` without `got` means that the key is missing; `line` is 0 when it is not known.
    """

    file: str
    path: str
    expected: str = ""
    got: str = ""
    hint: str = ""
    line: int = 0

    def __str__(self) -> str:
        parts = (str(Origin(self.file, self.line)), self.path, self._what())
        return ": ".join(part for part in parts if part)

    def _what(self) -> str:
        if not self.expected:
            return f"got {self.got}: {self.hint}" if self.got else self.hint
        wish = f"expected {self.expected}"
        head = f"{wish}, got {self.got}" if self.got else f"missing; {wish}"
        return f"{head}; {self.hint}" if self.hint else head


def explain(
    error: ValidationError, file: str, kind: Any, origins: Mapping[Keys, Origin] = _NO_ORIGINS  # noqa: ANN401
) -> list[Problem]:  # fmt: skip
    """The problems behind a pydantic error, by file and line.

    `kind` is the table or annotated union that refused; `origins` (see origins_of) give file and line, which
    may differ from key to key when several files were merged; `file` stands for all others.
    """
    faults = [_locate(detail, shape_of(kind)) for detail in error.errors(include_url=False)]
    faults = _without_consequences(_one_alternative(faults))
    problems = [_problem(fault, nearest(origins, fault.keys, file)) for fault in faults]
    return sorted(problems, key=lambda problem: (problem.file, problem.line))


def explain_syntax(error: tomllib.TOMLDecodeError, file: str) -> Problem:
    """The problem behind a TOML syntax error, with its line."""
    message = str(error)
    place = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if place is None:
        return Problem(file, "", hint=f"not valid TOML: {message}")
    what = f"not valid TOML: {message[: place.start()]} (column {place[2]})"
    return Problem(file, "", hint=what, line=int(place[1]))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest known word as a question, or "" if none is near; case does not count."""
    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), by_lower, n=1)
    return f'did you mean "{by_lower[near[0]]}"?' if near else ""


def path_text(keys: Keys) -> str:
    """Keys as `devices.level.points[2].unit`, lists counted from 0."""
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            quoted = key if _BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
            text += f".{quoted}" if text else quoted
    return text


@dataclass(frozen=True, slots=True)
class _Fault:
    """One pydantic error: its real keys, the shape expected there, the table's shape around it.

    `site` is the location and shape of the plain union it came through, `branch` the member's label.
    """

    detail: Mapping[str, Any]
    keys: Keys
    shape: Shape
    parent: Shape
    is_key: bool = False
    site: tuple[Keys, Shape] | None = None
    branch: str = ""

    @property
    def kind(self) -> str:
        return str(self.detail["type"])


def _locate(detail: Any, shape: Shape) -> _Fault:  # noqa: ANN401  # pydantic's ErrorDetails
    """Walk the location beside the types: union tags and labels in it are pydantic's, not the file's."""
    steps: list[str | int] = list(detail["loc"])
    keys: Keys = ()
    parent, is_key, site, branch = Shape(None), False, None, ""
    while steps:
        options = shape.options
        if options and shape.discriminator is not None:
            shape = tags_of(shape).get(str(steps.pop(0)), Shape(None))
        elif options:
            label = str(steps.pop(0))
            if site is None:
                site, branch = (keys, shape), label
            shape = labelled(shape, label)
        elif steps[0] == "[key]":
            steps, is_key = [], True
        else:
            parent = shape
            keys += (steps.pop(0),)
            shape = child(parent, keys[-1])
    return _Fault(detail, keys, shape, parent, is_key, site, branch)


def _one_alternative(faults: list[_Fault]) -> list[_Fault]:
    """Of a plain union that refused in every member, keep one fault, or those of the closest member."""
    kept: list[_Fault] = []
    for site, group in groupby(faults, key=lambda fault: fault.site):
        members = list(group)
        if site is None:
            kept += members
            continue
        keys, shape = site
        branches = [list(branch) for _, branch in groupby(members, key=lambda fault: fault.branch)]
        close = [b for b in branches if all(f.keys != keys or _is_sentence(f) for f in b)]
        if close:
            closest = min(close, key=len)
            kept += closest
        else:
            kept.append(_Fault(members[0].detail, keys, shape, members[0].parent))
    return kept


def _without_consequences(faults: list[_Fault]) -> list[_Fault]:
    """Drop what another fault explains: a key missing because misspelt, a list short of its bad items."""
    meant = {
        (*f.keys[:-1], name)
        for f in faults
        if f.kind == "unexpected_keyword_argument" and (name := _meant(f))
    }
    return [f for f in faults if not (f.kind == "missing" and f.keys in meant) and not _lost_bad_items(f)]


def _lost_bad_items(fault: _Fault) -> bool:
    """Pydantic counts only the valid items of a list, whose bad ones have faults of their own."""
    return fault.kind == "too_short" and len(fault.detail["input"]) != fault.detail["ctx"]["actual_length"]


def _meant(fault: _Fault) -> str:
    question = did_you_mean(str(fault.keys[-1]), keys_of(fault.parent))
    return question.partition('"')[2].partition('"')[0]


def _problem(fault: _Fault, origin: Origin) -> Problem:
    at = (origin.file, path_text(fault.keys))
    got = shown(fault.detail["input"])
    if fault.kind == "unexpected_keyword_argument":
        around = path_text(fault.keys[:-1])
        return Problem(origin.file, around, hint=_unknown_key(fault), line=origin.line)
    if fault.kind == "missing":
        return Problem(*at, expected=phrase(fault.shape) or "a value", line=origin.line)
    if fault.kind in ("union_tag_invalid", "union_tag_not_found"):
        return _wrong_tag(fault, origin)
    if fault.is_key:
        return Problem(*at, expected=f"a key that is {_key_phrase(fault)}", got=got, line=origin.line)
    if expected := _expected(fault):
        return Problem(*at, expected, got, _advice(fault), origin.line)
    said = _sentence(fault)
    is_scalar = isinstance(fault.detail["input"], str | int | float)
    return Problem(*at, got=got if is_scalar else "", hint=said, line=origin.line)


def _is_sentence(fault: _Fault) -> bool:
    """Whether a validator of ours, or one of pydantic's without an expectation, said it in its own words."""
    if fault.kind in ("value_error", "assertion_error"):
        return True
    return " should " not in str(fault.detail["msg"]) and not fault.kind.endswith("_type")


def _sentence(fault: _Fault) -> str:
    return str(fault.detail["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")


def _expected(fault: _Fault) -> str:
    if _is_sentence(fault):
        return ""
    if fault.kind == "finite_number":
        return "a finite number"
    return phrase(fault.shape) or str(fault.detail["msg"]).partition(" should ")[2].removeprefix("be ")


def _advice(fault: _Fault) -> str:
    value, names = fault.detail["input"], [v for v in choices(fault.shape) if isinstance(v, str)]
    if isinstance(value, str) and names:
        return did_you_mean(value, names)
    if isinstance(value, dict) and phrase(fault.shape).startswith("a list of tables"):
        return f"write [[{path_text(fault.keys)}]] with two brackets"
    return ""


def _unknown_key(fault: _Fault) -> str:
    name, known = str(fault.keys[-1]), keys_of(fault.parent)
    question = did_you_mean(name, known) or (f"the keys here are {', '.join(known)}" if known else "")
    return f'unknown key "{name}"' + (f"; {question}" if question else "")


def _wrong_tag(fault: _Fault, origin: Origin) -> Problem:
    key = fault.shape.discriminator or ""
    tags = tags_of(fault.shape)
    path = path_text((*fault.keys, key) if key else fault.keys)
    if fault.kind == "union_tag_not_found":
        return Problem(origin.file, path, expected=one_of(tags), line=origin.line)
    tag = str(fault.detail["ctx"]["tag"])
    return Problem(origin.file, path, one_of(tags), shown(tag), did_you_mean(tag, tags), origin.line)


def _key_phrase(fault: _Fault) -> str:
    inner = getattr(fault.parent.kind, "__args__", ())
    return (phrase(shape_of(inner[0])) if inner else "") or "valid"


def shown(value: object) -> str:
    """A value as a person would write it in TOML, cut at 60 characters."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, bool):
        return str(value).lower()
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
