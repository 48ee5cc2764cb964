"""JSON Schema of the rules of a configuration, from the settings of their kinds: for editors."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from enum import Enum, IntEnum
from functools import cache
from itertools import pairwise
from types import UnionType
from typing import Any, get_args, get_origin

from agent.judge.rule_forms import Key, keys_of
from agent.judge.rule_kinds import KINDS, SAME
from pipelines.cross.limits import Limits
from pipelines.events import Source

Schema = dict[str, Any]

CHANNEL = r"^[a-z0-9][a-z0-9_-]*\.[a-z0-9_.]+$"
TIME = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*(ms|s|min|h|d|seconds|minutes|hours|days)\s*$"
QUANTITY = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*\S.*$"
CLOCK = r"^([01]?\d|2[0-4]):[0-5]\d$"
TIMES = frozenset({"ms", "min", "h", "d"})
"""Units of fields that hold a time; people write any."""


def rules_schema() -> tuple[Schema, Schema]:
    """The schema of the table `rules`, and the definitions it refers to."""
    definitions = {f"rule_{kind}": _rule(kind) for kind in KINDS}
    table = {
        "type": "object",
        "description": "What readings mean; each kind has keys of its own",
        "additionalProperties": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in definitions]},
    }
    return table, definitions


def _rule(kind: str) -> Schema:
    facts = KINDS[kind]
    schema = _table(facts.settings, kind)
    schema["title"], schema["description"] = kind, facts.purpose
    schema["properties"] = {"kind": {"const": kind, "description": facts.purpose}, **schema["properties"]}
    schema["required"] = ["kind", *schema.get("required", ())]
    return schema


def _table(settings: type, kind: str) -> Schema:
    keys = keys_of(settings, kind)
    schema: Schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _described(settings, key, kind) for name, key in keys.items()},
    }
    if required := [name for name, key in keys.items() if key.required]:
        schema["required"] = required
    return schema


def _described(settings: type, key: Key, kind: str) -> Schema:
    return {**_value(key, key.hint, kind), "description": meaning(settings, key.field)}


def _value(key: Key, hint: Any, kind: str) -> Schema:  # noqa: ANN401  a type
    origin, inner = get_origin(hint), get_args(hint)
    if origin is UnionType:
        plain = [each for each in inner if each is not type(None)]
        return _value(key, plain[0], kind) if len(plain) == 1 else {"type": ["number", "string", "boolean"]}
    if origin is tuple:
        size = {} if inner[-1] is Ellipsis else {"minItems": len(inner), "maxItems": len(inner)}
        return {"type": "array", "items": _value(key, inner[0], kind), **size}
    if hint is not Source and origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": {"type": "string", "pattern": CHANNEL}}
    if hint is Source:
        return {"type": "string", "pattern": CHANNEL}
    if isinstance(hint, type) and is_dataclass(hint):
        table = _table(hint, kind)
        alone = "input" in table["properties"] and table.get("required", []) in ([], ["input"])
        return {"anyOf": [{"type": "string", "pattern": CHANNEL}, table]} if alone else table
    return _single(key, hint)


def _single(key: Key, hint: Any) -> Schema:  # noqa: ANN401  a type
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": choices(hint)}
    plain = {bool: {"type": "boolean"}, str: {"type": "string"}}
    if hint in plain or hint not in (int, float):
        return plain.get(hint, {"type": ["number", "string", "boolean"]})
    if key.unit == "clock":
        return {"type": "string", "pattern": CLOCK}
    if not key.unit:
        return {"type": "integer" if hint is int else "number"}
    kinds = ["string", "number"] if key.unit == SAME else "string"
    return {"type": kinds, "pattern": TIME if key.unit in TIMES else QUANTITY}


def choices(hint: type[Enum]) -> list[str]:
    """How the members of a choice are written."""
    return [each.name.lower() if issubclass(hint, IntEnum) else str(each.value) for each in hint]


def meaning(settings: type, field: str) -> str:
    """The docstring of a field, on one line; of a limit it may be that of Limits."""
    words = _docstrings(settings)
    return words[field] if field in words else _docstrings(Limits)[field]


@cache
def _docstrings(settings: type) -> Mapping[str, str]:
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(settings))).body
    return dict(_pairs(body.body)) if isinstance(body, ast.ClassDef) else {}


def _pairs(statements: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Each annotated field and the text that follows it."""
    for statement, after in pairwise(statements):
        if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
            continue
        match after:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield statement.target.id, " ".join(text.split())
