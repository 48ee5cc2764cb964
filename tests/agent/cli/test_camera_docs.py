"""The page for field engineers gives commands that there are, and tables that are read as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from agent.camera.config import Camera
from agent.cli.camera import command
from firmware_profiles.declared import checked

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "field-engineer" / "cameras.md").read_text(encoding="utf-8")
CALLS = re.findall(r"polegate camera ([a-z-]+)((?: [^`\n|]*)?)", PAGE.replace("\\\n", " "))
HEAVY = {"numpy", "cv2", "av", "aiohttp", "lxml"}


@pytest.mark.parametrize(("verb", "words"), CALLS)
def test_a_command_and_its_options_are_there(verb: str, words: str) -> None:
    known = {
        name for each in command.commands[verb].params for name in each.opts if isinstance(each, click.Option)
    }
    assert set(re.findall(r"(?<= )--?[a-z-]+", words)) <= known


@pytest.mark.parametrize("example", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_a_table_is_one_of_a_camera(example: str) -> None:
    for camera in tomllib.loads(example)["cameras"].values():
        checked(Camera, {"host": "192.168.1.64", **camera})


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)", PAGE))
def test_a_link_leads_somewhere(target: str) -> None:
    assert (DOCS / "field-engineer" / target).exists()


def test_the_verbs_are_at_hand_without_what_is_heavy() -> None:
    """The help of `polegate camera` on a gateway answers at once, and without the camera libraries."""
    code = f"import sys, agent.cli.camera; print(sorted({HEAVY!r} & sys.modules.keys()))"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert said.stdout == "[]\n"
