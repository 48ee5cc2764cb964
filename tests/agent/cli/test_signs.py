"""The signs follow the locale the person gave, by the precedence POSIX has for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from agent.cli.signs import utf8


@pytest.mark.parametrize(
    ("environment", "known"),
    [
        ({}, False),
        ({"LANG": "C"}, False),
        ({"LANG": "POSIX"}, False),
        ({"LANG": "en_GB.ISO-8859-1"}, False),
        ({"LANG": "zh_CN"}, False),
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "zh_CN.utf8"}, True),
        ({"LANG": "de_DE.UTF-8@euro"}, True),
        ({"LANG": "C", "LC_CTYPE": "UTF-8"}, True),
        ({"LANG": "zh_CN.UTF-8", "LC_CTYPE": "C"}, False),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "zh_CN.UTF-8", "LC_CTYPE": "", "LC_ALL": ""}, True),
        ({"LC_ALL": "C.UTF-8", "LC_CTYPE": "C", "LANG": "C"}, True),
    ],
)
def test_the_first_that_is_set_decides(environment: dict[str, str], known: bool) -> None:
    assert utf8(environment) is known


@pytest.mark.parametrize(("locale", "known"), [("C", "False"), ("C.UTF-8", "True")])
def test_what_python_makes_of_it_does_not_count(locale: str, known: str) -> None:
    others = {
        name: text for name, text in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHONUTF8"))
    }
    run = subprocess.run(
        [sys.executable, "-c", "from agent.cli.signs import utf8; print(utf8())"],
        capture_output=True, text=True, check=True, env={**others, "LANG": locale},
    )  # fmt: skip
    assert run.stdout.strip() == known
