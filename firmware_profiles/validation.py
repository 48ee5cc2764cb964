"""What is wrong with a TOML file, in words for the person who wrote it: file, key, expected, got."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
from firmware_profiles.problems import Problem, did_you_mean, meant, path_text, shown, unknown_key

_NO_ORIGINS: Mapping[Keys, Origin] = MappingProxyType({})


def explain(
    error: ValidationError, file: str, kind: Any, origins: Mapping[Keys, Origin] = _NO_ORIGINS  # noqa: ANN401
) -> list[Problem]:  # fmt: skip
    """The problems behind a pydantic error, by file and line.

    `kind` is the table or annotated union that refused; `origins` (see origins_of) give file and line, which
    may differ from key to key when several files were merged; `file` stands for all others.
    """
    faults = [_locate(detail, shape_of(kind)) for detail in error.errors(include_url=False)]
    faults = [_at_its_key(fault) for fault in _without_consequences(_one_alternative(faults))]
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


def explain_unread(error: OSError | UnicodeDecodeError, file: str) -> Problem:
    """The problem behind a file that cannot be read, or is no text."""
    if isinstance(error, UnicodeDecodeError):
        line = error.object.count(b"\n", 0, error.start) + 1
        return Problem(file, "", hint="no UTF-8 text; save the file as UTF-8", line=line)
    return Problem(file, "", hint=f"cannot be read: {error.strerror or error}")


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
        elif steps[0] == "[key]" and detail["type"] != "unexpected_keyword_argument":
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
    misspelt = {
        (*f.keys[:-1], meant(str(f.keys[-1]), keys_of(f.parent)))
        for f in faults
        if f.kind == "unexpected_keyword_argument"
    }
    return [f for f in faults if not (f.kind == "missing" and f.keys in misspelt) and not _lost_bad_items(f)]


def _lost_bad_items(fault: _Fault) -> bool:
    """Pydantic counts only the valid items of a list, whose bad ones have faults of their own."""
    return fault.kind == "too_short" and len(fault.detail["input"]) != fault.detail["ctx"]["actual_length"]


def _at_its_key(fault: _Fault) -> _Fault:
    """What is said of a whole table may begin with the key it is about, as in `password: not the secret`."""
    table = fault.detail["input"]
    key, colon, said = _sentence(fault).partition(": ")
    if not (colon and isinstance(table, dict) and key in table and _is_sentence(fault)):
        return fault
    return replace(fault, detail={**fault.detail, "msg": said}, keys=(*fault.keys, key))


def _problem(fault: _Fault, origin: Origin) -> Problem:
    at = (origin.file, path_text(fault.keys))
    got = shown(fault.detail["input"])
    if fault.kind == "unexpected_keyword_argument":
        said = unknown_key(str(fault.keys[-1]), keys_of(fault.parent))
        return Problem(origin.file, path_text(fault.keys[:-1]), hint=said, line=origin.line)
    if fault.kind == "missing":
        return Problem(*at, expected=phrase(fault.shape) or "a value", line=origin.line)
    if fault.kind in ("union_tag_invalid", "union_tag_not_found"):
        return _wrong_tag(fault, origin)
    if fault.is_key and not _is_sentence(fault):
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
