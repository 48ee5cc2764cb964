"""polegate clock: what time it is here, who says so, and what becomes of readings by it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import RenderableType

from agent.amounts import instant, span
from agent.cli import doctor_texts, screen, texts
from agent.cli import keeping_texts as say
from agent.cli.exits import Exit

if TYPE_CHECKING:
    from agent.cli.checks.case import Case
    from agent.cli.checks.clock import Rtc
    from agent.cli.checks.findings import Finding
    from agent.cli.clock_sources import Source, System

JUMPS = 3
"""The latest, of the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that is shown; `daemon` is empty while none answers."""

    now_ms: int
    offset_min: int | None
    synced: bool
    error_s: float | None
    system: System
    services: list[str]
    sources: list[Source]
    rtcs: list[Rtc]
    daemon: Mapping[str, Any]
    faults: list[str]
    jumps: list[dict[str, Any]]
    findings: list[Finding]


@click.command("clock")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON.")
@click.pass_obj
def command(paths: dict[str, Path], as_json: bool) -> None:
    """What time it is here, who keeps the clock and how closely, and what becomes of readings by it.

    Nothing is set: the clock is the system's. Ends with 1 when it is wrong, or nobody keeps it.
    """
    from agent.cli.checks.case import gather
    from agent.cli.checks.findings import Verdict

    found = look(gather(paths["config"], paths["socket"]))
    screen.machine(facts(found)) if as_json else screen.show(*view(found))
    wrong = any(each.verdict is Verdict.FAIL for each in found.findings)
    sys.exit(Exit.PROBLEM if wrong else Exit.OK)


def look(case: Case) -> Facts:
    """Ask the kernel, the services, the real-time clocks and the daemon."""
    from agent.cli import clock_sources
    from agent.cli.checks import clock as checks
    from agent.cli.checks.findings import warn
    from agent.judge.config import offset_min

    system = clock_sources.system(case.machine)
    findings = list(checks.check(case))
    if system.local_rtc:
        findings.append(warn(doctor_texts.RTC_LOCAL, doctor_texts.RTC_LOCAL_WHY, doctor_texts.RTC_LOCAL_DO))
    return Facts(
        now_ms=case.now_ms,
        offset_min=offset_min(case.loaded.config.station.utc_offset) if case.loaded else None,
        synced=case.machine.synced(),
        error_s=clock_sources.kernel_error_s(),
        system=system,
        services=checks.services(case.machine),
        sources=clock_sources.sources(case.machine),
        rtcs=checks.look(case.machine, case.now_ms),
        daemon=case.status.get("clock", {}),
        faults=[each["message"] for each in case.status.get("faults", ()) if each["subject"] == "clock"],
        jumps=_jumps(case),
        findings=findings,
    )


def _jumps(case: Case) -> list[dict[str, Any]]:
    """When somebody set a clock that the daemon already trusted, by its log."""
    from agent.cli.checks.machine import SERVICE
    from agent.keeping.journal import of_line

    words = ["journalctl", f"--unit={SERVICE}", "--grep=kind=clock_stepped", "--output=json", "--no-pager"]
    lines = case.machine.run([*words, f"--lines={JUMPS}"]).splitlines()
    found = [of_line(line) for line in lines if "clock_stepped" in line]
    return [{"at_ms": each.at_ms, "message": each.facts.get("message", "")} for each in found]


def view(found: Facts) -> Iterator[RenderableType]:
    """From top to bottom; what is not well comes last, with what to do."""
    from agent.cli.checks.findings import Verdict
    from agent.cli.doctor import row

    yield screen.pairs(
        ("time", _time(found)),
        ("kernel", _kernel(found)),
        ("kept by", _kept_by(found)),
        ("rtc", "\n".join(_rtc(each) for each in found.rtcs)),
        ("daemon", _daemon(found)),
        ("set", "\n".join(_jump(each) for each in found.jumps)),
    )
    doubts = [each for each in found.findings if each.verdict is not Verdict.OK]
    if doubts:
        yield ""
        yield from (row("", each) for each in doubts)


def _time(found: Facts) -> str:
    words = instant(found.now_ms)
    if found.offset_min is not None:
        words += say.CLOCK_HERE.format(here=instant(found.now_ms + found.offset_min * 60_000)[11:19])
    return words + (say.CLOCK_ZONE.format(zone=found.system.zone) if found.system.zone else "")


def _kernel(found: Facts) -> str:
    words = say.CLOCK_SYNCED if found.synced else say.CLOCK_UNSYNCED
    if found.synced and found.error_s is not None:
        words += say.CLOCK_ERROR.format(error=span(found.error_s))
    return words


def _kept_by(found: Facts) -> str:
    lines = [_source(each) for each in found.sources]
    said = {each.service for each in found.sources}
    lines += [say.CLOCK_SILENT.format(service=each) for each in found.services if each not in said]
    if not lines:
        lines = [say.CLOCK_NOBODY]
    if found.system.ntp is False:
        lines.append(say.CLOCK_NTP_OFF)
    return "\n".join(lines)


def _source(source: Source) -> str:
    stratum = "" if source.stratum is None else say.CLOCK_STRATUM.format(stratum=source.stratum)
    if source.offset_s is None:
        return f"{source.service}: {source.server}{stratum}"
    offset = say.CLOCK_OFFSET.format(offset=span(abs(source.offset_s)) if source.offset_s else "0 s")
    return f"{source.service}: {source.server}{stratum}{offset}"


def _rtc(rtc: Rtc) -> str:
    at = say.CLOCK_RTC_SILENT if rtc.at_ms is None else instant(rtc.at_ms)[:19] + "Z"
    return f"{rtc.name}: {at}"


def _daemon(found: Facts) -> str:
    if not found.daemon:
        return say.CLOCK_NO_DAEMON
    words = texts.CLOCK_UNTRUSTED
    if found.daemon.get("trusted"):
        words = texts.CLOCK_TRUSTED.get(str(found.daemon.get("source")), "trusted")
    return "\n".join([words, *found.faults])


def _jump(jump: Mapping[str, Any]) -> str:
    at = "" if jump["at_ms"] is None else f"{instant(jump['at_ms'])[:19]}Z: "
    return f"{at}{jump['message']}"


def facts(found: Facts) -> dict[str, Any]:
    """For programs."""
    known = asdict(found) | {"daemon": dict(found.daemon)}
    known["system"] = {
        "ntp": found.system.ntp,
        "local_rtc": found.system.local_rtc,
        "zone": found.system.zone,
    }
    known["findings"] = [each.facts("clock") for each in found.findings]
    return known
