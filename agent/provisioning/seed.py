"""A seed: a configuration with its secrets in it, as it lies on a boot partition. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from agent.config import Config
from agent.errors import ConfigError
from firmware_profiles.origins import Keys, Origin, origins_of
from firmware_profiles.problems import Problem, path_text
from firmware_profiles.toml import parsed
from firmware_profiles.validation import explain_syntax

Tables = dict[str, Any]

_FOREIGN = {
    "network": "addresses, routes and name servers are the system's (NetworkManager, netplan, ifupdown)",
    "wifi": "wireless networks are the system's (NetworkManager, wpa_supplicant)",
    "ntp": "the time server is the system's (systemd-timesyncd, chrony); polegate has [clock]",
    "time": "the time server is the system's (systemd-timesyncd, chrony); polegate has [clock]",
    "hostname": "the host's name is the system's (hostnamectl); polegate has station.gateway",
    "users": "users and their keys are the system's (useradd, ~/.ssh/authorized_keys)",
}


@dataclass(frozen=True, slots=True)
class Seed:
    """Tables of the configuration; the secrets in it by their keys, files to copy, what is not polegate's."""

    tables: Tables
    secrets: Mapping[Keys, str]
    files: Mapping[Keys, Path]
    file: str
    text: str = ""
    origins: Mapping[Keys, Origin] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def placed(self, path: str) -> Origin | None:
        """Where a key stands in the seed, or the closest table around it; None where it does not."""
        by_path = {path_text(keys): origin for keys, origin in self.origins.items()}
        while path:
            if path in by_path:
                return by_path[path]
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return None


def read_seed(text: str, file: Path) -> Seed:
    """What a seed says; relative paths of CA files count from its folder.

    Raises:
        ConfigError: it is no TOML.
    """
    try:
        tables = parsed(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([explain_syntax(error, str(file))]) from None
    origins = origins_of(text, str(file))
    problems = tuple(_foreign(tables, origins, str(file)))
    own = {name: table for name, table in tables.items() if name not in {each.path for each in problems}}
    made = made_of(own, file.absolute().parent, str(file))
    return replace(made, text=text, origins=origins, problems=problems)


def made_of(tables: Tables, folder: Path, name: str) -> Seed:
    """A seed of tables in which secrets stand, `name` in messages."""
    secrets, files = dict[Keys, str](), dict[Keys, Path]()
    for keys, value in _leaves(tables, ()):
        if _is_secret(keys) and isinstance(value, str) and value:
            secrets[keys] = value
        elif _is_ca(keys) and isinstance(value, str) and value and not Path(value).is_absolute():
            files[keys] = folder / value
    return Seed(dict(tables), secrets, files, name)


def put_in(tables: Tables, keys: Keys, value: object) -> Tables:
    """The tables with another value there."""
    first, *rest = keys
    inner = tables.get(str(first))
    deeper = put_in(inner if isinstance(inner, dict) else {}, tuple(rest), value) if rest else value
    return {**tables, str(first): deeper}


def credential_of(keys: Keys) -> str:
    """What the secret that stood there is called as a credential."""
    known = {("uplink", "password"): "mqtt-password", ("enrolment", "code"): "enrolment-code"}
    return known.get(keys[:2]) or f"camera-{keys[1]}"  # type: ignore[arg-type]  # texts, by _is_secret


def _is_secret(keys: Keys) -> bool:
    camera = len(keys) == 3 and keys[0] == "cameras" and keys[2] == "password"
    return keys in (("uplink", "password"), ("enrolment", "code")) or camera


def _is_ca(keys: Keys) -> bool:
    camera = len(keys) == 3 and keys[0] == "cameras" and keys[2] == "ca"
    return keys in (("uplink", "ca"), ("enrolment", "ca")) or camera


def _leaves(value: object, keys: Keys) -> Iterator[tuple[Keys, object]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(each, (*keys, key))
    else:
        yield keys, value


def _foreign(tables: Mapping[str, Any], origins: Mapping[Keys, Origin], file: str) -> Iterator[Problem]:
    for name in tables:
        if name in _FOREIGN and name not in [each.name for each in fields(Config)]:
            yield Problem(file, name, hint=f"{_FOREIGN[name]}; take it out", line=origins[name,].line)
