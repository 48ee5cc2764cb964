"""From a seed to the text of the configuration, through the real loader; with what must lie beside it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.certificates import read_pem
from agent.enrolment.ours import CERTIFICATE, KEY
from agent.errors import ConfigError
from agent.loaded import Loaded
from agent.loading import load
from agent.provisioning import confd, credentials, laying
from agent.provisioning.changes import Change
from agent.provisioning.seed import Seed, Tables, credential_of, put_in
from agent.provisioning.site import Site
from agent.provisioning.toml import text_of
from firmware_profiles.loader import ProfileError, load_board, load_instrument, load_station
from firmware_profiles.origins import Keys, Origin, origins_of
from firmware_profiles.problems import Problem, path_text
from firmware_profiles.stations import Station

SECRET = "a secret, not shown"  # noqa: S105  no secret
AUTHORITY = "CA certificate: {names}"
HEAD = (
    "# Written by polegate provision, which writes it anew when it is run again.\n"
    "# What you add yourself belongs into files of conf.d/ beside it."
)


@dataclass(slots=True)
class Draft:
    site: Site
    tables: Tables
    credentials: dict[Keys, str] = field(default_factory=dict)
    before: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Composed:
    """The configuration's text, what it means together with conf.d/, files it needs, credentials by key."""

    text: str
    loaded: Loaded
    kind: Station | None
    before: tuple[Change, ...]
    credentials: Mapping[Keys, str]


def compose(seed: Seed, site: Site) -> Composed:
    """Put secrets, files and the kind of station where they belong.

    Raises:
        ConfigError: with every mistake of the seed, by its line.
        OSError: a file cannot be read.
    """
    draft = Draft(site, seed.tables, problems=list(seed.problems))
    _name_certificate(draft)
    _place_secrets(draft, seed)
    _place_authorities(draft, seed)
    text, loaded, kind = _configuration(draft, seed)
    return Composed(text, loaded, kind, tuple(draft.before), draft.credentials)


def _name_certificate(draft: Draft) -> None:
    """Where a way to a certificate is given, and no place for it."""
    uplink = draft.tables.get("uplink")
    if "enrolment" not in draft.tables or not isinstance(uplink, dict):
        return
    if "certificate" not in uplink and "key" not in uplink:
        place = draft.site.config.parent / CERTIFICATE
        own = {**uplink, "certificate": str(place), "key": {"credential": KEY}}
        draft.tables = {**draft.tables, "uplink": own}


def _place_secrets(draft: Draft, seed: Seed) -> None:
    certified = (draft.site.folder / CERTIFICATE).exists()
    for keys, secret in seed.secrets.items():
        base, content = credential_of(keys), f"{secret}\n".encode()
        name = credentials.name_for(base, content, draft.site.secrets)
        draft.credentials[keys] = name
        draft.tables = put_in(draft.tables, keys, {"credential": name})
        if not (certified and base == "enrolment-code"):  # it was good once
            draft.before.append(Change(draft.site.secrets / name, content, 0o600, SECRET))


def _place_authorities(draft: Draft, seed: Seed) -> None:
    copied: dict[str, bytes] = {}
    for keys, source in seed.files.items():
        try:
            content = source.read_bytes()
        except OSError as error:
            why = error.strerror or "it cannot be read"
            draft.tables = put_in(draft.tables, keys, str(source))
            draft.problems.append(_at(seed, keys, "a file beside the seed", f"{source}: {why}"))
            continue
        found = read_pem(content.decode("utf-8", "replace"))
        if not found:
            draft.problems.append(_at(seed, keys, "CA certificates in PEM form", str(source)))
            continue
        name = credentials.name_for(source.name, content, draft.site.folder, copied)
        draft.tables = put_in(draft.tables, keys, str(draft.site.config.parent / name))
        if copied.setdefault(name, content) is not content:  # it serves twice
            continue
        note = AUTHORITY.format(names=", ".join(each.name for each in found))
        draft.before.append(Change(draft.site.folder / name, content, note=note))


def _at(seed: Seed, keys: Keys, expected: str, got: str) -> Problem:
    origin = seed.placed(path_text(keys))
    return Problem(seed.file, path_text(keys), expected, got, line=origin.line if origin else 0)


def _configuration(draft: Draft, seed: Seed) -> tuple[str, Loaded, Station | None]:
    """The file's text and what it means together with conf.d/; the kind's rules need its channels first."""
    kind = _kind(draft)
    tables = draft.tables
    if kind is not None:
        tables = laying.settings(tables, kind, _elsewhere(draft.site))
    text, loaded = _loaded(tables, draft, seed)
    if kind is not None:
        judged = laying.judged(tables, kind, loaded.config, loaded.plan)
        if judged != tables:
            text, loaded = _loaded(judged, draft, seed)
    return text, loaded, kind


def _kind(draft: Draft) -> Station | None:
    station = draft.tables.get("station")
    name = station.get("kind") if isinstance(station, dict) else None
    try:
        return load_station(str(name), (draft.site.folder / "profiles",)) if name else None
    except ProfileError:  # it is told of with all the rest
        return None


def _elsewhere(site: Site) -> Mapping[str, Any]:
    """What the files of conf.d/ say, as far as it can be read: the loader tells of the rest."""
    said: dict[str, Any] = {}
    for file in sorted((site.folder / "conf.d").glob("*.toml")):
        try:
            tables = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError):
            continue
        for name, table in tables.items():
            said[name] = {**said.get(name, {}), **table} if isinstance(table, dict) else table
    return said


def _loaded(tables: Tables, draft: Draft, seed: Seed) -> tuple[str, Loaded]:
    """Through the real loader; what it has against the file to be written is told by the seed's lines.

    Raises:
        ConfigError: with what was found before, too.
    """
    file = draft.site.here
    text = confd.marked(HEAD, text_of(laying.in_order(tables)))
    found, loaded = list(draft.problems), None
    try:
        loaded = load(file, {file: text})
    except ConfigError as error:
        written = origins_of(text, str(file))
        found += [
            _told_by(seed, problem, written) if problem.file == str(file) else problem
            for problem in error.problems
        ]
        told = {problem.path for problem in found}
        found += [problem for problem in _unknown_names(draft, seed) if problem.path not in told]
    if loaded is None or found:
        raise ConfigError(sorted(found, key=lambda each: (each.file, each.line)))
    return text, loaded


def _unknown_names(draft: Draft, seed: Seed) -> Iterator[Problem]:
    """Profiles that there are not: the loader looks for them only once everything else is right."""
    station, devices = (draft.tables.get(name) for name in ("station", "devices"))
    asked: list[tuple[Keys, Callable[[str, Sequence[Path]], object]]] = []
    if isinstance(station, dict):
        asked += [(("station", "kind"), load_station), (("station", "board"), load_board)]
    if isinstance(devices, dict):
        asked += [(("devices", name, "instrument"), load_instrument) for name in devices]
    for keys, find in asked:
        table = draft.tables[str(keys[0])]
        inner = table if len(keys) == 2 else table[keys[1]]
        value = inner.get(keys[-1]) if isinstance(inner, dict) else None
        if isinstance(value, str) and value:
            try:
                find(value, (draft.site.folder / "profiles",))
            except ProfileError as error:
                origin = seed.placed(path_text(keys))
                line = origin.line if origin else 0
                yield Problem(seed.file, path_text(keys), hint=error.problems[0].hint, line=line)


def _told_by(seed: Seed, problem: Problem, written: Mapping[Keys, Origin]) -> Problem:
    """By the line in the seed of the key that stands on the problem's line in what was written."""
    there = [path_text(keys) for keys, origin in written.items() if origin.line == problem.line]
    path = problem.path if problem.path in there or not there else there[0]
    origin = seed.placed(path)
    line = origin.line if origin else 0
    return Problem(seed.file, problem.path, problem.expected, problem.got, problem.hint, line)
