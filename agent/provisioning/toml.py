"""Tables as TOML: a header for each table of the configuration, what is deeper on one line. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.provisioning import confd
from firmware_profiles.problems import path_text

_DEPTHS = {"devices": 2, "cameras": 2, "ports": 2, "rules": 2, "limits": 3}
"""How many names a header of these has; of all others one."""


def text_of(tables: Mapping[str, Any]) -> str:
    """The whole as a file. Values of no kind that the configuration has are written as texts."""
    return "\n".join(block for name, table in tables.items() for block in _blocks((name,), table))


def _blocks(keys: tuple[str, ...], table: object) -> Iterator[str]:
    if not isinstance(table, Mapping):
        yield f"{path_text(keys)} = {_value(table)}\n"
        return
    if len(keys) < _DEPTHS.get(keys[0], 1) and all(isinstance(each, Mapping) for each in table.values()):
        for name, inner in table.items():
            yield from _blocks((*keys, str(name)), inner)
        return
    lines = [f"{path_text((str(key),))} = {_value(value)}\n" for key, value in table.items()]
    yield f"[{path_text(keys)}]\n{''.join(lines)}"


def _value(value: object) -> str:
    return confd.toml(_plain(value))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool) else str(value)
