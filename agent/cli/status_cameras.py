"""The cameras' part of polegate status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from agent.amounts import ago, many, size
from agent.cli import screen
from agent.cli.screen import BAD, BUSY, DIM, GOOD

Facts = Mapping[str, Any]


def table(cameras: Sequence[Facts], now_ms: int) -> RenderableType:
    """A row a camera: how far it got, when it was last seen, how good its picture is, and how it is taken."""
    whole = ("state", "last picture", "score")
    right = whole[1:]
    rows = screen.table("camera", "state", "last picture", "score", "", right=right, whole=whole)
    for camera in cameras:
        state = camera["state"]
        style = {"ok": GOOD, "starting": BUSY}.get(state, BAD)
        score = "-" if camera["score"] is None else str(camera["score"])
        last = ago(camera["last_ms"], now_ms)
        rows.add_row(camera["camera"], Text(state, style), last, score, _words(camera))
    return rows


def _words(camera: Facts) -> Text:
    """What is wrong, else how pictures are taken and why so."""
    reasons = camera["reasons"]
    if camera["message"]:
        said = Text(camera["message"])
    elif camera["faults"]:
        said = Text(reasons.get(camera["faults"][0], ", ".join(camera["faults"])))
    else:
        said = Text()
    figures = camera["figures"]
    if camera["way"] and camera["step"] in ("streaming", "changing"):
        how = f"{camera['way']} each {figures['every_s']:g} s: {camera['why']}"
        said.append(f"\n{how}" if said else how, style=DIM)
    if figures.get("failed"):
        said.append(f"\nnot sent: {figures['failed']}", style=BAD)
    if refused := figures.get("refused"):
        said.append(f"\n{many(refused, 'picture')} not sent: more than its budget", style=DIM)
    return said


def pictures(held: Facts, worker: Facts) -> str:
    """What waits for the platform, and what the worker costs; "" where there are no cameras."""
    if not held:
        return ""
    spool = held["spool"]
    waiting = f"{many(spool['waiting'], 'picture')} waiting, {size(spool['waiting_bytes'])}"
    lost = sum(held["lost"].values())
    parts = [waiting, f"{held['added']:,} taken over and {held['delivered']:,} sent since the start"]
    if lost:
        parts.append(f"{lost:,} lost: {', '.join(held['lost'])}")
    if worker:
        cost = f"{size(worker['pss_bytes'])} of memory, {worker['cpu_s']:g} s of CPU"
        decoders = f" and {many(worker['decoders'], 'decoder')}" if worker["decoders"] else ""
        parts.append(f"\nworker{decoders}: {cost}")
    return ", ".join(parts[:-1]) + parts[-1] if worker else ", ".join(parts)
