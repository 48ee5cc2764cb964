"""polegate camera list, show and schema: what is known without asking a camera."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from agent.camera.file import json_schema
from agent.cli import screen
from agent.cli.cameras import texts as camera_texts
from agent.cli.cameras.known import Known, check_name, json_option, known
from agent.cli.cameras.view import file_view, list_view
from agent.cli.exits import Exit
from firmware_profiles.declared import plain


@click.command("list")
@json_option
@click.pass_obj
def list_(paths: Mapping[str, Path], as_json: bool) -> None:
    """All cameras: how far each has got, how its pictures are taken and how good they are.

    Ends with 0 when all is well, 1 when a camera is not, 3 when no daemon runs to ask.
    """
    found = known(paths)
    if as_json:
        listed = [
            {"camera": name, "title": camera.title or name, **found.of(name)}
            for name, camera in found.cameras.items()
        ]
        screen.machine({"daemon": found.status is not None, "cameras": listed})
    elif not found.cameras:
        screen.line(camera_texts.NONE)
    else:
        screen.show(*list_view(found))
    if found.status is None and found.cameras:
        click.echo(camera_texts.NO_DAEMON.format(path=paths["socket"]), err=True)
        sys.exit(Exit.NOT_RUNNING)
    sys.exit(Exit.PROBLEM if any(_is_troubled(found.of(name)) for name in found.cameras) else Exit.OK)


def _is_troubled(status: Mapping[str, object]) -> bool:
    """As `polegate status` sees it: anything but ok, the worker that is down too."""
    return status.get("state", "ok") not in ("ok", "starting")


@click.command("show")
@click.argument("name")
@click.option("--ask", is_flag=True, help="Ask the camera itself, and grade a picture of now.")
@click.option("--json", "as_json", is_flag=True, help="The camera's file as a line of JSON.")
@click.pass_obj
def show(paths: Mapping[str, Path], name: str, ask: bool, as_json: bool) -> None:
    """The camera's file: what is configured, what it says of itself, how good its pictures are."""
    found = known(paths)
    check_name(found.loaded, name)
    file = found.file(name, _asked(found, name) if ask else None)
    if as_json:
        screen.machine(plain(file))
        return
    screen.show(*file_view(file))
    if found.status is None and not ask:
        click.echo(camera_texts.NO_DAEMON.format(path=paths["socket"]), err=True)


def _asked(found: Known, name: str) -> dict[str, Any]:
    from agent.cli.cameras.snapshot import take

    return take(name, found.cameras[name], found.cameras[name].way).status(found.of(name))


@click.command("schema")
@json_option
def schema(as_json: bool) -> None:
    """JSON Schema of the camera's file, that `show --json` and `export` give."""
    import json

    screen.machine(json_schema()) if as_json else screen.line(json.dumps(json_schema(), indent=2))
