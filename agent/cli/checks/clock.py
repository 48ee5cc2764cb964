"""The clock: right, kept right by somebody, and remembered over a power cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from agent.amounts import listed, moment, span
from agent.cli import doctor_texts as say
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding, fail, ok, warn
from agent.cli.checks.machine import Machine
from agent.clock import BUILT_MS

SERVICES = {
    "systemd-timesyn": "systemd-timesyncd", "chronyd": "chronyd", "ntpd": "ntpd", "ntpsec": "ntpsec",
    "openntpd": "openntpd", "ptp4l": "ptp4l", "phc2sys": "phc2sys", "gpsd": "gpsd",
}  # fmt: skip
"""By /proc/PID/comm, which keeps 15 letters."""

LATEST_YEARS = 20
YEAR_MS = 365 * 86_400_000
RTC_WITHIN_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rtc:
    """A real-time clock, its time and how far that is from the system's, s; None where it does not say."""

    name: str
    apart_s: int | None
    at_ms: int | None


def check(case: Case) -> Iterator[Finding]:
    """The system's clock, then the battery-backed one."""
    source = case.loaded.config.clock.source if case.loaded else "ntp"
    names = services(case.machine)
    yield judge(case.now_ms, synced=case.machine.synced(), source=source, services=names)
    yield from judge_rtc(look(case.machine, case.now_ms), source)


def services(machine: Machine) -> list[str]:
    """Time services that run."""
    running = {machine.read(process / "comm") for process in machine.processes()}
    return sorted(SERVICES[name] for name in running & SERVICES.keys())


def judge(now_ms: int, *, synced: bool, source: Literal["ntp", "system"], services: Sequence[str]) -> Finding:
    """No true time is before the build, and none long after it."""
    now = moment(now_ms)
    if now_ms < BUILT_MS:
        found = say.CLOCK_EARLY.format(now=now, built=moment(BUILT_MS)[:10])
        return fail(found, say.CLOCK_EARLY_WHY, say.CLOCK_SET_DO)
    if now_ms > BUILT_MS + LATEST_YEARS * YEAR_MS:
        found = say.CLOCK_LATE.format(now=now, years=LATEST_YEARS)
        return fail(found, say.CLOCK_LATE_WHY, say.CLOCK_SET_DO)
    by = say.CLOCK_BY.format(names=listed(services)) if services else ""
    if synced:
        return ok(say.CLOCK_OK.format(now=now, source=by))
    if source == "system":
        return ok(say.CLOCK_SYSTEM.format(now=now, source=by))
    found = say.CLOCK_UNSYNCED.format(now=now, source=by or say.CLOCK_NOBODY)
    return fail(found, say.CLOCK_UNSYNCED_WHY, say.CLOCK_UNSYNCED_DO if services else say.CLOCK_NO_SERVICE_DO)


def look(machine: Machine, now_ms: int) -> list[Rtc]:
    """Each real-time clock; /sys/class/rtc/rtcN/since_epoch takes it for UTC, as it should be."""
    found = []
    for place in machine.folders("sys/class/rtc/rtc[0-9]*"):
        at_s = machine.number(place / "since_epoch")
        apart_s = None if at_s is None else at_s - now_ms // 1000
        at_ms = None if at_s is None else at_s * 1000
        found.append(Rtc(name=machine.read(place / "name") or place.name, apart_s=apart_s, at_ms=at_ms))
    return found


def judge_rtc(clocks: Sequence[Rtc], source: Literal["ntp", "system"]) -> Iterator[Finding]:
    """One that is far off is worse than none, as it is believed."""
    if not clocks:
        why = say.RTC_NONE_SYSTEM_WHY if source == "system" else say.RTC_NONE_WHY
        yield warn(say.RTC_NONE, why, say.RTC_NONE_DO)
    for rtc in clocks:
        apart = "" if rtc.apart_s is None else span(abs(rtc.apart_s))
        if rtc.at_ms is not None and rtc.at_ms < BUILT_MS:
            found = say.RTC_EMPTY.format(name=rtc.name, now=moment(rtc.at_ms))
            yield warn(found, say.RTC_OFF_WHY, say.RTC_EMPTY_DO)
        elif rtc.apart_s is not None and abs(rtc.apart_s) > RTC_WITHIN_S:
            yield warn(say.RTC_OFF.format(name=rtc.name, apart=apart), say.RTC_OFF_WHY, say.RTC_OFF_DO)
        else:
            yield ok(
                say.RTC_OK.format(name=rtc.name, apart=say.RTC_APART.format(apart=apart) if apart else "")
            )
