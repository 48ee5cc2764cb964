"""Cameras, by what the daemon says of them, and the part of polegate that serves them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from agent.camera.cameras import PACKAGES
from agent.cli import doctor_texts as say
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding, fail, ok, unknown, warn


def check(case: Case) -> Iterator[Finding]:
    """The part they need, then each camera."""
    configured = tuple(case.loaded.config.cameras) if case.loaded else ()
    known = {each["camera"]: each for each in case.status.get("cameras", ())}
    if not configured and not known:
        yield ok(say.NO_CAMERAS) if case.loaded else unknown(say.NO_CONFIG)
        return
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        found = say.CAMERA_PART.format(packages=", ".join(missing))
        yield fail(found, say.CAMERA_PART_WHY, say.CAMERA_PART_DO)
    if not case.status:
        yield unknown(say.NO_DAEMON)
        return
    for camera in known.values():
        yield judge(camera)
    for name in configured:
        if name not in known:
            found = say.CAMERA_UNSEEN.format(camera=name)
            yield warn(found, say.CAMERA_UNSEEN_WHY, say.CAMERA_UNSEEN_DO)


def judge(camera: Mapping[str, Any]) -> Finding:
    """By the step of the ladder that it stands on."""
    name, step, reason = camera["camera"], camera["step"], camera["reason"]
    if step == "starting" and not reason:
        return ok(say.CAMERA_STARTING.format(camera=name))
    if step != "changing":
        message = f": {camera['message']}" if camera["message"] else ""
        found = say.CAMERA_FAILING.format(camera=name, step=step, reason=reason or step, message=message)
        do = say.CAMERA_STEPS.get(step, say.CAMERA_DO).format(camera=name)
        return fail(found, say.CAMERA_WHY, do)
    if camera["faults"]:
        faults = "; ".join(camera["reasons"].get(fault, fault) for fault in camera["faults"])
        found = say.CAMERA_FAULTY.format(camera=name, faults=faults)
        return fail(found, say.CAMERA_FAULTY_WHY, say.CAMERA_FAULTY_DO.format(camera=name))
    score = "" if camera["score"] is None else f", score {camera['score']}"
    return ok(say.CAMERA_OK.format(camera=name, score=score))
