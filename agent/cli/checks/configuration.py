"""The configuration, as polegate config check looks at it."""

from __future__ import annotations

from collections.abc import Iterator

from agent.amounts import listed, many
from agent.cli import doctor_texts as say
from agent.cli import texts
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding, fail, ok, warn
from agent.cli.config_warnings import warnings_of


def check(case: Case) -> Iterator[Finding]:
    """Every problem and every warning."""
    if case.loaded is None:
        for problem in case.problems:
            yield fail(problem, say.CONFIG_WHY, say.CONFIG_DO)
        return
    plan = case.loaded.plan
    devices, buses = many(len(plan.devices), "device"), many(len(plan.buses), "bus", "buses")
    cameras = f", {many(len(plan.cameras), 'camera')}" if plan.cameras else ""
    files = listed(map(str, case.loaded.files))
    yield ok(texts.CONFIG_OK.format(files=files, devices=devices, buses=buses, cameras=cameras))
    for warning in warnings_of(case.loaded):
        yield warn(warning, say.WARNING_WHY, say.WARNING_DO)
