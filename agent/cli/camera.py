"""polegate camera: from the box to a graded picture. Verbs import what is heavy when they are called."""

from __future__ import annotations

import click

from agent.cli.camera_export import export
from agent.cli.camera_mask import mask
from agent.cli.camera_shown import list_, schema, show
from agent.cli.camera_snapshot import snapshot


@click.group("camera")
def command() -> None:
    """Find cameras, look through them, keep their files."""


for _verb in (list_, show, snapshot, mask, export, schema):
    command.add_command(_verb)
