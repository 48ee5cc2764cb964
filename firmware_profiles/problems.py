"""One thing that is wrong with what somebody wrote, and the words for it: file, key, expected, got."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from firmware_profiles.origins import Keys, Origin

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
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


def meant(word: str, known: Iterable[str]) -> str:
    """The nearest known word, or "" if none is near; case does not count."""
    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[near[0]] if near else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest known word as a question, or "" if none is near."""
    near = meant(word, known)
    return f'did you mean "{near}"?' if near else ""


def unknown_key(name: str, known: Collection[str]) -> str:
    """That a table has no such key, and which it may have."""
    question = did_you_mean(name, known) or (f"the keys here are {', '.join(known)}" if known else "")
    return f'unknown key "{name}"' + (f"; {question}" if question else "")


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
