"""polegate camera accept: what a camera sees now is right."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from agent.cli import client, screen, texts
from agent.cli.cameras import texts as camera_texts
from agent.cli.cameras.known import json_option
from agent.cli.exits import Exit, Failed, talking

TIMEOUT_S = 60.0


@click.command("accept")
@click.argument("name")
@json_option
@click.pass_obj
def accept(paths: Mapping[str, Path], /, *, name: str, as_json: bool) -> None:
    """Tell the running daemon that what a camera sees now is right.

    What was usual is forgotten and learnt anew from its next picture on: after it was turned on purpose. Its
    water zones are dry in that picture, and its staffs stand where their marks were set.
    """
    with talking(paths["socket"]):
        asked = {"camera": name, "by": client.login()}
        answer = next(client.stream(paths["socket"], "accept", timeout_s=TIMEOUT_S, **asked), None)
    if answer is None:
        raise Failed(texts.HUNG_UP.format(path=paths["socket"]), Exit.NOT_RUNNING)
    if not answer["ok"]:
        raise Failed(answer["error"].removeprefix("accept: "), Exit.PROBLEM)
    screen.machine(answer) if as_json else screen.line(camera_texts.ACCEPTED.format(name=name))
