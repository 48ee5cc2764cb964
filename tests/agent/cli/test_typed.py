"""The command that people are told to type is one that works."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.cli.main import DEFAULT_CONFIG
from agent.cli.typed import polegate


@pytest.mark.parametrize(
    ("config", "command"),
    [
        (DEFAULT_CONFIG, "polegate"),
        (Path("/srv/polegate.toml"), "polegate -c /srv/polegate.toml"),
        (Path("a b/polegate.toml"), "polegate -c 'a b/polegate.toml'"),
    ],
)
def test_it_names_a_configuration_of_ones_own(config: Path, command: str) -> None:
    assert polegate(config) == command
