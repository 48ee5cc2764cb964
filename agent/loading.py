"""Reading the configuration: the file, its conf.d/, and what both mean together."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.config import Config
from agent.errors import ConfigError
from agent.loaded import Loaded
from agent.resolve import resolve
from firmware_profiles.declared import checked
from firmware_profiles.origins import Keys, Origin, nearest, origins_of
from firmware_profiles.problems import Problem, path_text
from firmware_profiles.toml import parsed
from firmware_profiles.validation import explain, explain_syntax, explain_unread

MOST_BYTES = 4_000_000
"""Of one file. What has no end, such as /dev/zero, would else take all memory there is."""

_NO_CONFIGURATION = (
    "no such file; polegate provision makes one;"
    " by hand: docs/field-engineer/configuration.md; another: --config"
)
_NO_FRAGMENT = "a link to a file that is not there; mend it or take it out"


def load(path: Path, pending: Mapping[Path, str] | None = None) -> Loaded:
    """Read `path` and `conf.d/*.toml` beside it, in the order of names.

    `pending` are files as they are to be written, taken for what is there now.
    Profiles of the site are looked for in `profiles/` beside the file, before the built-in ones.

    Raises:
        ConfigError: with every problem found, each with file, line and key.
    """
    pending = pending or {}
    fragments = {*(path.parent / "conf.d").glob("*.toml"), *pending} - {path}
    files = (path, *sorted(fragments))
    texts = {str(file): pending[file] if file in pending else _read(file, path) for file in files}
    merged = _merge(texts)
    try:
        config = checked(Config, merged)
    except ValidationError as error:
        raise ConfigError(explain(error, str(path), Config, origins_in(texts))) from None
    plan, faults = resolve(config, (path.parent / "profiles",))
    if faults:
        origins = origins_in(texts)
        raise ConfigError(_placed(fault.keys, fault.problem, origins, str(path)) for fault in faults)
    return Loaded(config, plan, texts)


def _read(file: Path, main: Path) -> str:
    hint = f"more than {MOST_BYTES:,} bytes; no configuration is as long"
    try:
        with file.open("rb") as link:
            content = link.read(MOST_BYTES + 1)
        if len(content) <= MOST_BYTES:
            return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        hint = _NO_CONFIGURATION if file == main else _NO_FRAGMENT
    except PermissionError:
        hint = "no permission to read it; run as the user polegate or with sudo"
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([explain_unread(error, str(file))]) from None
    raise ConfigError([Problem(str(file), "", hint=hint)])


def _merge(texts: Mapping[str, str]) -> dict[str, Any]:
    """The tables of all files as one; the same key in two files is a mistake, not a rule of precedence."""
    merged: dict[str, Any] = {}
    problems: list[Problem] = []
    origins: dict[Keys, Origin] = {}
    for file, text in texts.items():
        try:
            table = parsed(text)
        except tomllib.TOMLDecodeError as error:
            problems.append(explain_syntax(error, file))
            continue
        for keys in _lay_over(merged, table, ()):
            origins = origins or origins_in({f: t for f, t in texts.items() if f != file})
            here = nearest(origins_of(text, file), keys, file)
            there = nearest(origins, keys, "another file")
            hint = f"already given in {there}; keep one of the two"
            problems.append(Problem(file, path_text(keys), hint=hint, line=here.line))
    if problems:
        raise ConfigError(problems)
    return merged


def _lay_over(below: dict[str, Any], above: Mapping[str, Any], at: Keys) -> list[Keys]:
    """Add `above` to `below`; returns the keys both give."""
    clashes: list[Keys] = []
    for key, value in above.items():
        if key not in below:
            below[key] = value
        elif isinstance(value, dict) and isinstance(below[key], dict):
            clashes += _lay_over(below[key], value, (*at, key))
        else:
            clashes.append((*at, key))
    return clashes


def origins_in(texts: Mapping[str, str]) -> dict[Keys, Origin]:
    """Where each key stands, by file and its text; a file that is no TOML has none."""
    origins: dict[Keys, Origin] = {}
    for file, text in texts.items():
        try:
            origins |= origins_of(text, file)
        except tomllib.TOMLDecodeError:
            continue
    return origins


def _placed(keys: Keys, problem: Problem, origins: Mapping[Keys, Origin], file: str) -> Problem:
    if problem.file:  # it speaks of a file of its own, a profile
        return problem
    origin = nearest(origins, keys, file)
    return Problem(origin.file, path_text(keys), problem.expected, problem.got, problem.hint, origin.line)
