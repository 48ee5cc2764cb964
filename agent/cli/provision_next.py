"""What is left to do after provisioning: certificate, gauges, the start; and what is the system's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import RenderableType

from agent.cli import provision_texts as say
from agent.cli import provision_view
from agent.cli.checks import clock, network
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding, Verdict
from agent.cli.checks.machine import Machine
from agent.cli.typed import polegate
from agent.clock import Clock
from agent.enrolment.ours import file_of
from agent.provisioning.plan import Plan
from agent.provisioning.site import Site
from agent.uplink.diagnosis import Circumstances


def can_enrol(plan: Plan, site: Site) -> bool:
    """Whether a server is named, and the code for it is there."""
    enrolment = plan.loaded.config.enrolment
    return enrolment.url is not None and bool(enrolment.code) and _code(plan, site).exists()


def view(plan: Plan, site: Site, *, dry: bool) -> Iterator[RenderableType]:
    """What to print at the end."""
    missing = "\n".join(provision_view.missing_view(plan, polegate(site.config)))
    if missing:
        yield f"\n{missing}"
    if dry:
        return
    if not site.offline:
        yield f"\n{say.SYSTEM}"
        yield from (f"  {line}" for line in _system(plan, site))
    yield f"\n{say.NEXT}"
    yield from (f"  {number}. {step}" for number, step in enumerate(steps(plan, site), start=1))


def steps(plan: Plan, site: Site) -> list[str]:
    """What a person does next, in order."""
    return [step.format(polegate=polegate(site.config), path=path) for step, path in _steps(plan, site)]


def _steps(plan: Plan, site: Site) -> Iterator[tuple[str, Path | None]]:
    """Each text, with the file it speaks of."""
    for file in plan.absent:
        yield say.NEXT_SECRET, file
    if plan.wants_certificate:
        if site.offline:
            yield say.OFFLINE_KEY, None
        elif plan.loaded.config.enrolment.by == "request":
            yield say.NEXT_REQUEST, plan.ours.request
        else:
            yield say.NEXT_ENROL, None
    if any(change.path == site.unit_file for change in plan.changes) and not site.offline:
        yield say.NEXT_RELOAD, None
    if plan.loaded.config.enrolment.url is not None:
        yield (say.NEXT_RENEW if site.unit_file else say.NEXT_RENEW_OWN), None
    yield (say.NEXT_START if site.unit_file else say.NEXT_START_OWN), None
    yield say.NEXT_LOOK, None


def _system(plan: Plan, site: Site) -> Iterator[str]:
    """Time and network, by the doctor's own checks."""
    config, now_ms = plan.loaded.config, Clock().now()[0]
    case = Case(machine=Machine(), config=site.here, socket=Path("/"), now_ms=now_ms, loaded=plan.loaded)
    for finding in clock.check(case):
        yield _line(say.SYSTEM_CLOCK, finding)
    around = Circumstances(config.uplink, config.uplink.known_as(config.station.gateway), now_ms)
    yield _line(say.SYSTEM_NETWORK, network.addresses(around)[1])
    yield say.SYSTEM_DO


def _line(text: str, finding: Finding) -> str:
    said = text.format(found=finding.found)
    return said if finding.verdict is Verdict.OK or not finding.do else f"{said}\n    {finding.do}"


def _code(plan: Plan, site: Site) -> Path:
    code = plan.loaded.config.enrolment.code
    return file_of(code, site.folder, site.root) if code else Path("/nowhere")
