"""The rules to look at: those of the configuration, or those of a file laid in their place."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.cli import texts
from agent.errors import ConfigError
from agent.judge.config import offset_min
from agent.judge.judgement import JudgementPlan
from agent.judge.rules import RuleBook
from agent.loading import load
from agent.plan import StationPlan
from firmware_profiles.origins import Keys, nearest, origins_of
from firmware_profiles.problems import Problem, path_text
from firmware_profiles.toml import parsed
from firmware_profiles.validation import explain_syntax, explain_unread


def judgement(config: Path, file: Path | None) -> tuple[StationPlan, JudgementPlan]:
    """The station, and what it is judged by, with the rules of `file` if there is one.

    A file of its own has [rules.NAME] tables only; one with a station is a whole configuration.

    Raises:
        ConfigError: with every problem, each with file, line and key.
    """
    text = "" if file is None else _read(file)
    try:
        tables = parsed(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([explain_syntax(error, str(file))]) from None
    loaded = load(file if file is not None and "station" in tables else config)
    station = loaded.plan
    if file is None or "station" in tables:
        return station, station.judgement
    book = RuleBook(station.devices, offset_min(loaded.config.station.utc_offset))
    rules = book.read({name: table for name, table in _rules(tables).items() if isinstance(table, dict)})
    if problems := [*_misplaced(tables), *book.mistakes]:
        raise ConfigError(_placed(problems, text, file))
    return station, replace(station.judgement, rules=rules)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([explain_unread(error, str(file))]) from None


def _rules(tables: Mapping[str, Any]) -> Mapping[str, Any]:
    found = tables.get("rules", {})
    return found if isinstance(found, dict) else {}


def _misplaced(tables: Mapping[str, Any]) -> Iterator[tuple[Keys, Problem]]:
    for key in tables:
        if key != "rules":
            yield (key,), Problem("", "", hint=texts.RULES_ONLY)
    if not _rules(tables):
        yield ("rules",), Problem("", "", hint=texts.RULES_ONLY)
    for name, table in _rules(tables).items():
        if not isinstance(table, dict):
            yield ("rules", name), Problem("", "", "a table", repr(table))


def _placed(problems: Sequence[tuple[Keys, Problem]], text: str, file: Path) -> Iterator[Problem]:
    origins = origins_of(text, str(file))
    for keys, problem in problems:
        origin = nearest(origins, keys, str(file))
        yield replace(problem, file=origin.file, line=origin.line, path=path_text(keys))
