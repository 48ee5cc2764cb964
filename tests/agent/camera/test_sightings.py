"""From what the worker says to faults, records and pictures of the station."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from fakes.judged import checked
from fakes.waiting import wait_until_async

from agent.camera.cameras import CameraHealth
from agent.camera.config import Camera, CameraFile
from agent.camera.pictures import Pictures
from agent.camera.sightings import FAILING, MOST_FOUND, PICTURE_FAULTS, Sightings
from agent.faults import Faults
from agent.plan import CameraPlan
from agent.store import Store
from agent.telling import Message
from agent.vision.ladder import Step
from agent.wire import FaultKind, Leaf
from buffer.contents import deposit
from buffer.envelope import Envelope, Priority
from buffer.errors import OutboxFull
from drivers.readings import Sample
from pipelines.vision.quality.faults import PictureFault

NOW_MS = 1_795_420_800_000


class Desk:
    """Sightings with the real faults; what is told is kept."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.told: list[tuple[Leaf, dict[str, Any]]] = []
        self.bodies: list[dict[str, Any]] = []
        self.faults = Faults("e.1", lambda body, _at: self.bodies.append(body), self._now)
        self.sightings = Sightings(self.faults, self._now, self.samples.append, self._tell)

    def _now(self) -> tuple[int, bool]:
        return NOW_MS, True

    def _tell(self, leaf: Leaf, body: dict[str, Any], **_: object) -> None:
        self.told.append((leaf, body))

    @property
    def open(self) -> list[tuple[str, str]]:
        return [(fault.kind, fault.reason) for fault in self.faults.open.values()]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_every_rung_and_every_fault_of_pictures_has_its_words():
    assert FAILING.keys() == {step.name.lower() for step in Step if step is not Step.CHANGING}
    assert PICTURE_FAULTS.keys() == {str(fault) for fault in PictureFault}
    for text in (*FAILING.values(), *PICTURE_FAULTS.values()):
        assert "{camera}" in text


def test_a_fall_opens_one_fault_whose_reason_follows_and_the_top_closes_it(desk):
    health = CameraHealth(step="starting")
    desk.sightings.stepped("bank", health)
    assert desk.open == []
    for step, reason in (
        ("unreachable", "timeout"),
        ("reachable", "unauthorised"),
        ("reachable", "unauthorised"),
    ):
        health.step, health.reason, health.message = step, reason, "m"
        desk.sightings.stepped("bank", health)
    assert desk.open == [(FaultKind.CAMERA_FAILING, "unauthorised")]
    health.step, health.reason = "streaming", ""
    desk.sightings.stepped("bank", health)
    assert desk.open != []
    health.step = "changing"
    desk.sightings.stepped("bank", health)
    assert desk.open == []
    assert [body["state"] for body in desk.bodies] == ["opened", "opened", "closed"]
    assert len({body["id"] for body in desk.bodies}) == 1


def test_of_faults_in_a_picture_the_first_is_told_and_a_missing_picture_is_the_ladder_s(desk):
    for faults, wanted in (
        (("no_signal",), []),
        (("no_signal", "black", "noise"), [(FaultKind.PICTURE_FAULTY, "black")]),
        (("noise",), [(FaultKind.PICTURE_FAULTY, "noise")]),
        ((), []),
    ):
        desk.sightings.graded("bank", CameraHealth(faults=faults))
        assert desk.open == wanted


def test_a_camera_taken_out_has_no_faults(desk):
    desk.sightings.stepped("bank", CameraHealth(step="unreachable", reason="closed", message="m"))
    desk.sightings.graded("bank", CameraHealth(faults=("black",)))
    desk.sightings.tampered("bank", CameraHealth(tampered=True))
    desk.sightings.tampered("square", CameraHealth(tampered=True))
    desk.sightings.removed("bank")
    assert list(desk.faults.open) == [(FaultKind.CAMERA_TAMPERED, "square")]
    closed = [body for body in desk.bodies if body["state"] == "closed"]
    assert {body["message"] for body in closed} == {"the camera was taken out of the configuration"}
    desk.sightings.tampered("square", CameraHealth(tampered=False))
    assert desk.open == []


def test_a_record_keeps_the_contract_with_and_without_a_picture(desk):
    file = CameraFile(id="44010501001320000001")
    desk.sightings.plans = {"bank": CameraPlan("bank", Camera(host="h", file=file))}
    record = {
        "at_ms": NOW_MS, "score": 0, "learning": False, "figures": {"mean": 4.0},
        "faults": [{"fault": "black", "strength": 2.0, "since": -5, "reason": "dark", "lasting": True}],
        "reference": {"pictures": 3, "days": 1}, "thumbnail": "AAAA", "way": "hold",
        "period": {"begin": -9, "end": 0, "pictures": 2, "bad": 2, "available": 0.5},
    }  # fmt: skip
    desk.sightings.recorded("bank", record)
    desk.sightings.recorded("square", record | {"thumbnail": "", "way": "", "faults": [], "figures": {}})
    (leaf, first), (_, second) = desk.told
    for body in (first, second):
        seen = checked(Message(leaf=leaf, body=body, priority=Priority.HEALTH, at_ms=NOW_MS))
        assert (seen.score, seen.reference_pictures) == (0, 3)
    assert (leaf, first["gb28181"], first["thumbnail"]) == (Leaf.PICTURE_QUALITY, file.id, "AAAA")
    assert second.keys().isdisjoint({"gb28181", "thumbnail", "way", "faults", "figures"})


def told_picture(name: str) -> dict[str, Any]:
    return {
        "id": name, "at_ms": NOW_MS, "width": 64, "height": 48, "why": "event", "way": "hold", "masked": True,
        "event": "e1", "score": 88, "faults": ["noise"], "bytes": 3,
    }  # fmt: skip


async def test_pictures_are_taken_over_and_one_that_is_not_there_costs_only_itself(
    desk, tmp_path: Path, caplog
):
    caplog.set_level(logging.WARNING)
    posted: list[Envelope] = []

    class Postbox:
        def post(self, envelopes: Any) -> None:
            posted.extend(envelopes)

    spool = tmp_path / "spool"
    async with Store.open(tmp_path / "o.db", max_bytes=2**24, now=lambda: (NOW_MS, True)) as store:
        opening = Pictures.open(
            spool, store, Postbox(), topic="t", max_bytes=10**6, max_files=10, keep_free_bytes=0
        )
        async with opening as pictures:
            task = asyncio.create_task(desk.sightings.index(pictures, lambda _s: None))
            desk.sightings.pictured("bank", told_picture("0" * 64))
            stored = deposit(spool, b"abc")
            desk.sightings.pictured("bank", told_picture(stored.hash))
            await wait_until_async(lambda: posted)
            task.cancel()
            await asyncio.wait([task])
    assert b'"event":"e1"' in posted[0].body
    assert len(posted) == 2
    assert sum("picture lost" in record.getMessage() for record in caplog.records) == 1


def test_more_pictures_than_may_wait_are_said_to_be_lost(desk, caplog):
    caplog.set_level(logging.WARNING)
    for _ in range(MOST_FOUND + 2):
        desk.sightings.pictured("bank", told_picture("0" * 64))
    assert sum("too many wait" in record.getMessage() for record in caplog.records) == 2


async def test_a_full_spool_is_a_fault_until_a_picture_fits_again(desk):
    class Spool:
        """Refuses once, then takes."""

        def __init__(self) -> None:
            self.refusals = [OutboxFull("no room")]

        async def add(self, _picture) -> None:
            if self.refusals:
                raise self.refusals.pop()

    task = asyncio.create_task(desk.sightings.index(Spool(), lambda _s: None))
    desk.sightings.pictured("bank", told_picture("0" * 64))
    await wait_until_async(lambda: desk.faults.open)
    ((kind, subject),) = desk.faults.open
    assert (kind, subject) == (FaultKind.STORE_UNWRITABLE, "pictures")
    desk.sightings.pictured("bank", told_picture("1" * 64))
    await wait_until_async(lambda: not desk.faults.open)
    task.cancel()
    await asyncio.wait([task])
