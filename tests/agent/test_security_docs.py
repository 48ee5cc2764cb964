"""docs/security.md names no test that is not there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_test_it_points_to_is_there() -> None:
    named = re.findall(r"tests/[\w/]+\.py", TEXT)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_table_has_its_columns_in_every_row() -> None:
    for table in re.findall(r"(?:^\|.*\n)+", TEXT, re.MULTILINE):
        assert len({row.count("|") for row in table.splitlines()}) == 1, table.splitlines()[0]
