"""Cameras and the supply: what was open when the daemon stopped still slows them down."""

from __future__ import annotations

from typing import Any

import pytest

from agent.camera.cameras import Cameras
from agent.camera.watching import Watching
from agent.heart import Heart
from agent.telling import Message
from agent.wire import Leaf
from buffer.envelope import Priority


class Paced(Cameras):
    """Notes what it is told of the supply and of events."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def power(self, *, on_battery: bool) -> None:
        self.said.append(on_battery)

    def take(self, event: str, at_ms: int, device: str) -> None:
        self.said.append((event, at_ms, device))


def message(kind: str, state: str, event: str = "e1", **more: Any) -> Message:
    body = {"id": event, "kind": kind, "state": state, "subject": "level.water_level", **more}
    return Message(Leaf.EVENTS, Priority.ALARM, 1000, body)


@pytest.fixture
def watching():
    watching = Watching(None, Heart())  # type: ignore[arg-type]
    watching._cameras = Paced()
    return watching


def test_the_supply_slows_cameras_until_the_last_of_its_events_is_over(watching):
    watching.recall([{"id": "p1", "kind": "power_failed"}, {"id": "w1", "kind": "water_stage"}])
    watching.told(message("battery_low", "opened", "b1"))
    watching.told(message("power_failed", "closed", "p1"))
    watching.told(message("battery_low", "closed", "b1"))
    assert watching._cameras.said == [True, True, False]


def test_an_alarm_with_pictures_asks_the_cameras_that_watch_its_device(watching):
    watching.told(message("water_stage", "opened", "w1", pictures=True))
    watching.told(message("water_stage", "updated", "w1"))
    watching.told(message("water_stage", "closed", "w1", pictures=True))
    assert [said for said in watching._cameras.said if isinstance(said, tuple)] == [("w1", 1000, "level")]
