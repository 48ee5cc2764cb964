"""What systemd says of the unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agent.amounts import many
from agent.cli import doctor_texts as say
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding, fail, ok, unknown, warn
from agent.cli.checks.machine import SERVICE
from agent.errors import EXIT_CONFIG

ASKED = (
    "LoadState", "ActiveState", "SubState", "UnitFileState", "NRestarts", "Result", "ExecMainStatus",
    "NeedDaemonReload", "StatusText",
)  # fmt: skip
UP = ("active", "reloading")
CLOCK = "polegate-clock.service"
AT_BOOT = ("enabled", "enabled-runtime", "static", "linked", "alias", "generated")


def check(case: Case) -> Iterator[Finding]:
    """Running, started at boot, not restarted, as its files say; the clock's unit beside it."""
    if not case.systemd:
        yield unknown(say.NO_SYSTEMD, say.NO_SYSTEMD_DO)
        return
    answer = case.machine.run(["systemctl", "show", SERVICE, f"--property={','.join(ASKED)}"])
    unit = dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)
    yield from judge(unit)
    if unit.get("ActiveState") in UP and _clock_is_down(case):
        yield warn(say.CLOCK_UNIT_DOWN, say.CLOCK_UNIT_WHY, say.CLOCK_UNIT_DO)


def _clock_is_down(case: Case) -> bool:
    by_ntp = not case.loaded or case.loaded.config.clock.source == "ntp"
    return by_ntp and case.machine.run(["systemctl", "is-active", CLOCK]).strip() in ("inactive", "failed")


def judge(unit: Mapping[str, str]) -> Iterator[Finding]:
    """From the properties of systemctl show."""
    if not unit:
        yield unknown(say.UNIT_SILENT)
        return
    if unit["LoadState"] == "not-found":
        yield fail(say.UNIT_ABSENT, say.UNIT_ABSENT_WHY, say.UNIT_ABSENT_DO)
        return
    state = f"{unit['ActiveState']} ({unit['SubState']})"
    restarts = int(unit.get("NRestarts") or 0)
    if unit["ActiveState"] not in UP:
        yield _down(unit, state)
    elif unit["UnitFileState"] in AT_BOOT:
        yield ok(say.UNIT_UP.format(state=state, restarts="" if restarts else ", never restarted"))
    if unit["UnitFileState"] not in AT_BOOT:
        found = say.UNIT_DISABLED.format(state=unit["UnitFileState"] or "in no state")
        yield fail(found, say.UNIT_DISABLED_WHY, say.UNIT_DISABLED_DO)
    if restarts:
        found = say.UNIT_RESTARTED.format(count=many(restarts, "time"))
        yield warn(found, say.UNIT_RESTARTED_WHY, say.UNIT_RESTARTED_DO)
    if unit.get("NeedDaemonReload") == "yes":
        yield warn(say.UNIT_STALE, say.UNIT_STALE_WHY, say.UNIT_STALE_DO)


def _down(unit: Mapping[str, str], state: str) -> Finding:
    bad_config = unit.get("ExecMainStatus") == str(EXIT_CONFIG)
    result = f", {unit['Result']}" if unit.get("Result", "success") != "success" else ""
    if unit.get("ExecMainStatus", "0") != "0":
        result += f", it ended with {unit['ExecMainStatus']}"
    if said := unit.get("StatusText"):
        result += f": {said}"
    do = say.UNIT_CONFIG_DO if bad_config else say.DAEMON_DO
    return fail(say.UNIT_DOWN.format(state=state, result=result), say.DAEMON_WHY, do)
