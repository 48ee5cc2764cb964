"""The running daemon: whether it answers, and what it says is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from agent.amounts import ago, size, span
from agent.cli import doctor_texts as say
from agent.cli import texts
from agent.cli.checks.case import Case, Facts
from agent.cli.checks.findings import Finding, fail, ok, unknown, warn

TOLD_ELSEWHERE = ("device_unreadable", "camera_failing", "picture_faulty")
"""Faults of devices and cameras: the checks of buses and cameras tell them."""


def check(case: Case) -> Iterator[Finding]:
    """It answers, its version and configuration are those meant, and no fault is open but on the line."""
    if not case.status:
        yield _silent(case)
        return
    status = case.status
    yield ok(
        say.DAEMON_UP.format(
            version=status["version"],
            pid=status["pid"],
            up=span(status["uptime_s"]),
            memory=size(status["process"]["rss_bytes"]),
        )
    )
    yield from _mismatches(status, version("polegate"), case.config)
    yield from troubles(status)


def troubles(status: Facts) -> Iterator[Finding]:
    """A refused reload, open faults but for those told elsewhere, parts that rest."""
    for fault in status["faults"]:
        if fault["kind"] in TOLD_ELSEWHERE:
            continue
        message = f": {fault['message']}" if fault["message"] else ""
        since = ago(fault["began_ms"], status["now_ms"])
        found = say.FAULT.format(kind=fault["kind"], subject=fault["subject"], since=since, message=message)
        yield fail(found, say.FAULT_WHY, texts.advice(fault["kind"], fault["reason"], fault["subject"]))
    told = {fault["subject"] for fault in status["faults"]}
    if status["config"]["refused"] and not any(f["kind"] == "config_refused" for f in status["faults"]):
        problem = status["config"]["refused"]
        yield fail(say.REFUSED.format(problem=problem), say.CONFIG_WHY, say.CONFIG_DO)
    for name, part in status["parts"].items():
        if part["state"] != "running" and name not in told:
            found = say.PART.format(name=name, state=part["state"], error=part["error"])
            yield fail(found, say.PART_WHY, say.PART_DO)


def _silent(case: Case) -> Finding:
    found, _, advice = case.unheard.partition("\n")
    if case.forbidden:
        return unknown(found, say.DAEMON_FORBIDDEN_DO)
    return fail(found, say.DAEMON_WHY, say.DAEMON_DO if advice else say.HUNG_DO)


def _mismatches(status: Facts, installed: str, asked: Path) -> Iterator[Finding]:
    if status["version"] != installed:
        found = say.OTHER_VERSION.format(running=status["version"], installed=installed)
        yield warn(found, say.OTHER_VERSION_WHY, say.OTHER_VERSION_DO)
    running = next(iter(status["config"]["files"]), str(asked))
    if Path(running).absolute() != asked.absolute():
        found = say.OTHER_CONFIG.format(running=running, asked=asked)
        yield warn(found, say.OTHER_CONFIG_WHY, say.OTHER_CONFIG_DO.format(running=running))
