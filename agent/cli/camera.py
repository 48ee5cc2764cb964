"""polegate camera: from the box to a graded picture. Verbs import what is heavy when they are called."""

from __future__ import annotations

import click

from agent.cli.camera_accept import accept
from agent.cli.camera_add import add, probe
from agent.cli.camera_aim import command as aim
from agent.cli.camera_export import export
from agent.cli.camera_find import find
from agent.cli.camera_mask import mask
from agent.cli.camera_orders import imaging, ptz, reboot, set_time
from agent.cli.camera_shown import list_, schema, show
from agent.cli.camera_snapshot import snapshot


@click.group("camera")
def command() -> None:
    """Find cameras, look through them, keep their files."""


for _verb in (
    find, probe, add, list_, show, snapshot, aim, mask, accept, ptz, imaging, set_time, reboot, export, schema
):  # fmt: skip
    command.add_command(_verb)
