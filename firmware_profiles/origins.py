"""Where each key of a TOML text stands, so that an error can give the line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """The file and line (from 1; 0 when unknown) that say something."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


def origins_of(text: str, file: str) -> dict[Keys, Origin]:
    """The origin of every key in a valid TOML text.

    tomllib tells no positions, so the text is cut into statements (a header, or one key and its value) by
    adding lines until they parse alone.
    """
    found: dict[Keys, Origin] = {}
    lengths: dict[Keys, int] = {}
    prefix: Keys = ()
    for line, statement, table in _statements(text):
        header = statement.lstrip()
        if header.startswith("["):
            prefix = _resolve(next(_paths(table)), lengths, appends=header.startswith("[["))
            said = [prefix]
        else:
            said = [prefix + keys for keys in _paths(table)]
        for keys in said:
            for end in range(1, len(keys) + 1):
                found.setdefault(keys[:end], Origin(file, line))
    return found


def nearest(origins: Mapping[Keys, Origin], keys: Keys, file: str) -> Origin:
    """The origin of `keys`, or of the closest table around them."""
    for end in range(len(keys), 0, -1):
        if keys[:end] in origins:
            return origins[keys[:end]]
    return Origin(file)


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    start, pending = 0, ""
    for number, line in enumerate(text.split("\n"), start=1):
        start = start if pending else number
        pending += line + "\n"
        try:
            table = tomllib.loads(pending)
        except tomllib.TOMLDecodeError:
            continue
        if table:
            yield start, pending, table
        pending = ""


def _paths(value: object, keys: Keys = ()) -> Iterator[Keys]:
    """Every path to a leaf."""
    inner: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    if not inner:
        yield keys
    for key, item in inner:
        yield from _paths(item, (*keys, key))


def _resolve(header: Keys, lengths: dict[Keys, int], *, appends: bool) -> Keys:
    """The full path of a header: below [[points]], [points.labels] means the latest point."""
    names = [key for key in header if isinstance(key, str)]
    path: Keys = ()
    for name in names[:-1]:
        path += (name,)
        if path in lengths:
            path += (lengths[path] - 1,)
    path += (names[-1],)
    if appends:
        lengths[path] = lengths.get(path, 0) + 1
    return (*path, lengths[path] - 1) if path in lengths else path
