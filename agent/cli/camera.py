"""polegate camera: from the box to a graded picture. Verbs import what is heavy when they are called."""

from __future__ import annotations

import click

from agent.cli.cameras.accept import accept
from agent.cli.cameras.add import add, probe
from agent.cli.cameras.aim import command as aim
from agent.cli.cameras.export import export
from agent.cli.cameras.find import find
from agent.cli.cameras.mask import mask
from agent.cli.cameras.orders import imaging, ptz, reboot, set_time
from agent.cli.cameras.shown import list_, schema, show
from agent.cli.cameras.snapshot import snapshot


@click.group("camera")
def command() -> None:
    """Find cameras, look through them, keep their files."""


for _verb in (
    find, probe, add, list_, show, snapshot, aim, mask, accept, ptz, imaging, set_time, reboot, export, schema
):  # fmt: skip
    command.add_command(_verb)
