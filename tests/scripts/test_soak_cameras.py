"""scripts/soak-cameras for a quarter of a minute, so that it does not rot: three cameras, small troubles."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder():
    """A short path: there are sockets in it."""
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        yield Path(name)


@pytest.fixture
def soaked(folder):
    command = [
        sys.executable, str(ROOT / "scripts" / "soak-cameras"),
        "--minutes", "0.25", "--cameras", "3", "--seed", "1",
    ]  # fmt: skip
    environment = os.environ | {"TMPDIR": str(folder)}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


def test_a_short_soak_has_troubles_and_ends_well(soaked, folder):
    assert soaked.returncode == 0, soaked.stdout + soaked.stderr
    assert soaked.stdout.endswith("nothing missing, all back, nothing left\n")
    over = re.findall(r"^\d\d:\d\d:\d\d (\w+): .* for \d+ s: ", soaked.stdout, re.MULTILINE)
    assert len(over) >= 3, soaked.stdout
    counted = re.search(r"(\d+) samples of 3 cameras, (\d+) pictures whole, 0 lost", soaked.stdout)
    assert counted, soaked.stdout
    assert int(counted[1]) >= 10
    assert int(counted[2]) >= 3
    assert list(folder.iterdir()) == []
