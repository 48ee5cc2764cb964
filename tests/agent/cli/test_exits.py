"""How verbs give up, in one place."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from agent.cli.exits import Exit, unwritten


@pytest.mark.parametrize(
    ("otherwise", "expected"),
    [
        ("", "/x cannot be written: No space left on device"),
        ("; --out takes another", "/x cannot be written: No space left on device; --out takes another"),
    ],
)
def test_what_cannot_be_written(otherwise: str, expected: str) -> None:
    failed = unwritten(Path("/x"), OSError(errno.ENOSPC, "No space left on device"), otherwise)
    assert (failed.message, failed.exit_code) == (expected, Exit.PROBLEM)


def test_a_reason_of_our_own() -> None:
    assert unwritten(Path("/x"), OSError("a changed")).message == "/x cannot be written: a changed"


def test_the_words_stand_in_one_place() -> None:
    words = "cannot be written: {why}"
    texts = Path(__file__).parents[3].glob("agent/cli/**/*.py")
    assert [file.name for file in texts if words in file.read_text(encoding="utf-8")] == ["texts.py"]
