"""Taking the secrets out of a seed's text, with everything else as it stands. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from agent.provisioning import confd
from agent.provisioning.seed import Tables, put_in
from firmware_profiles.origins import Keys, origins_of

_TEXT = r"""("(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""


def blanked(text: str, places: Mapping[Keys, Mapping[str, str]]) -> str | None:
    """The text with a reference instead of each secret; None where that cannot be done for certain."""
    wanted: Tables = tomllib.loads(text)
    origins = origins_of(text, "")
    lines = text.split("\n")
    for keys, place in places.items():
        wanted = put_in(wanted, keys, dict(place))
        at = origins[keys].line - 1
        lines[at] = _replaced(lines[at], str(keys[-1]), _at(tomllib.loads(text), keys), place)
    done = "\n".join(lines)
    try:
        return done if tomllib.loads(done) == wanted else None
    except tomllib.TOMLDecodeError:
        return None


def _replaced(line: str, key: str, secret: object, place: Mapping[str, str]) -> str:
    """The first `key = "secret"` of the line that holds this very secret."""

    def other(found: re.Match[str]) -> str:
        holds = tomllib.loads(f"x = {found[2]}")["x"] == secret
        return f"{found[1]}{confd.toml(place)}" if holds else found[0]

    return re.sub(rf"""((?:^|[\s,{{.])["']?{re.escape(key)}["']?\s*=\s*){_TEXT}""", other, line, count=1)


def _at(tables: Any, keys: Keys) -> object:  # noqa: ANN401  tables and what is in them
    for key in keys:
        tables = tables[key]
    return tables
