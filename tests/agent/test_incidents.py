"""What happens to the station, as the platform is told it: once when it begins, once when it ends."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from agent import incidents as module
from agent.faults import Faults
from agent.incidents import Incidents
from agent.supervisor import State
from agent.wire import Fault, Header, rfc3339
from buffer.envelope import Priority
from buffer.errors import OutboxCorrupt, OutboxFull
from buffer.recovery import Salvage
from buffer.retention import Depth, Loss, Reason
from drivers.bus import DeviceHealth
from firmware_profiles.declared import checked


class Station:
    """The incidents of one run, and what they published, checked against the wire contract."""

    def __init__(self) -> None:
        self.now = (1_800_000_000_000, True)
        self.bodies: list[dict] = []
        self.damaged = 0
        self.faults = Faults("aaaaaaaa.1", self._publish, lambda: self.now)
        self.incidents = Incidents(self.faults, Path("/var/lib/o.db"), self._on_damage)

    def told(self) -> list[tuple[str, str, str]]:
        return [(body["kind"], body["state"], body["reason"]) for body in self.bodies]

    def _publish(self, body, at) -> None:
        header = {
            "batch": "k",
            "at": rfc3339(at[0]),
            "sent": rfc3339(at[0]),
            "delivery": "live",
            "clock": "synced",
        }
        assert set(header) == {each.name for each in fields(Header)}
        checked(Fault, header | body)
        self.bodies.append(body)

    def _on_damage(self) -> None:
        self.damaged += 1


@pytest.fixture
def station():
    return Station()


def test_a_device_that_fails_changes_its_reason_and_comes_back_is_one_fault(station):
    for error, reason in (
        ("no answer", "timeout"),
        ("no answer", "timeout"),
        ("bad bytes", "garbled"),
        ("", ""),
    ):
        station.incidents.device_changed("gauge", DeviceHealth(error=error, reason=reason))
        station.now = (station.now[0] + 1000, True)
    assert station.told() == [
        ("device_unreadable", "opened", "timeout"),
        ("device_unreadable", "opened", "garbled"),
        ("device_unreadable", "closed", "garbled"),
    ]
    assert {body["id"] for body in station.bodies} == {"aaaaaaaa.1-f1"}
    assert station.bodies[-1]["lasted_ms"] == 3000
    assert not station.faults.open


def test_a_fault_begun_before_the_clock_was_trusted_has_no_length(station):
    station.now = (5_000, False)
    station.incidents.clock_untrusted()
    station.now = (1_800_000_000_000, True)
    station.incidents.clock_trusted(1_799_999_995_000)
    assert "lasted_ms" not in station.bodies[-1]
    assert "1799999995000 ms behind" in station.bodies[-1]["message"]


def test_a_store_that_refuses_is_told_once_and_a_damaged_one_asks_to_start_anew(station):
    for error in (OutboxFull("no room"), OutboxFull("no room"), None, None, OutboxCorrupt("bad page")):
        station.incidents.unwritable(error)
    assert station.told() == [
        ("store_unwritable", "opened", "full"),
        ("store_unwritable", "closed", "full"),
        ("store_unwritable", "opened", "damaged"),
    ]
    assert station.damaged == 1


def test_evictions_are_one_fault_with_their_sum(station, monkeypatch):
    lost = Depth(batches=1, items=400, size_bytes=9000)

    def loss(reason):
        return Loss(reason=reason, priority=Priority.READINGS, lost=lost, first_at_ms=1, last_at_ms=2)

    station.incidents.lost([loss(Reason.EXPIRED)])
    assert not station.bodies
    for _ in range(3):
        station.incidents.lost([loss(Reason.EVICTED)])
    station.incidents.look_at_losses()
    assert station.told() == [("store_evicted", "opened", "evicted")]
    monkeypatch.setattr(module, "LOSS_OVER_S", -1.0)
    station.incidents.look_at_losses()
    station.incidents.look_at_losses()
    assert station.told()[1:] == [("store_evicted", "closed", "evicted")]
    assert station.bodies[-1]["detail"] == {"readings": 1200}


def test_what_was_salvaged_is_told(station):
    salvage = Salvage(
        by_priority={Priority.READINGS: Depth(batches=7, items=70, size_bytes=900)}, damaged_rows=2, lost_pages=1,
        account_kept=True, incomplete="", quarantined=Path("/var/lib/o.db.corrupt-1"), removed=(),
    )  # fmt: skip
    station.incidents.recovered(salvage)
    (body,) = station.bodies
    assert (body["kind"], body["state"]) == ("store_recovered", "once")
    assert "7 messages were saved, 2 could not be" in body["message"]


def test_parts_clock_steps_and_configurations(station):
    station.incidents.part_changed("bus x", State.PARKED, "boom")
    station.incidents.part_changed("bus x", State.RUNNING, "")
    station.incidents.clock_stepped(-7000)
    station.incidents.device_removed("nobody")
    assert station.told() == [
        ("part_failed", "opened", "parked"),
        ("part_failed", "closed", "parked"),
        ("clock_stepped", "once", "stepped"),
    ]
    assert station.bodies[-1]["detail"] == {"step_ms": -7000}


def test_a_clock_that_nobody_keeps_any_more_is_a_fault_until_somebody_does(station):
    for kept in (True, False, False, True, True):
        station.incidents.clock_kept(kept=kept)
    assert station.told() == [("clock_unsynced", "opened", "left"), ("clock_unsynced", "closed", "left")]
    assert "polegate-clock" in station.bodies[0]["message"]
