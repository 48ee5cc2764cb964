"""The house keeps its shape: plain root packages that nobody else owns, and modules of a size to read."""

from __future__ import annotations

import ast
import importlib.metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("agent", "drivers", "pipelines", "buffer", "firmware_profiles")
SOURCES = sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_no_other_distribution_owns_our_room(room):
    owners = set(importlib.metadata.packages_distributions().get(room, []))
    assert owners <= {"polegate"}


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_modules_and_functions_can_be_read_in_one_go(file):
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < 60, (
                f"{node.name} has {node.end_lineno - node.lineno + 1} lines"
            )


def test_only_the_supervisor_swallows_everything():
    broad = set()
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.ExceptHandler)
                and _catches_all(node)
                and not isinstance(node.body[-1], ast.Raise)
            ):
                broad.add(str(file.relative_to(ROOT)))
    assert broad == {"agent/supervisor.py"}


def _catches_all(handler: ast.ExceptHandler) -> bool:
    named = handler.type.id if isinstance(handler.type, ast.Name) else ""
    return handler.type is None or named in ("Exception", "BaseException")


def test_only_the_clock_asks_for_the_time_of_day():
    asking = [
        str(file.relative_to(ROOT))
        for file in SOURCES
        if any(
            word in file.read_text(encoding="utf-8")
            for word in ("time.time(", "time_ns", "datetime.now", "utcnow")
        )
        and file.name != "clock.py"
    ]
    assert [file for file in asking if not file.startswith("agent/cli/")] == []
