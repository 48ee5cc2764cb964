"""Messages of each kind as the code makes them, for the documents of the wire contract."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from agent import commands, wire
from agent.camera.pictures import Picture, announcement, farewell
from agent.faults import Faults
from agent.telling import Message
from agent.wire import FaultKind, Leaf
from buffer.envelope import Envelope, Priority
from drivers.readings import Quality, Reading, Sample
from firmware_profiles.declared import Strict, checked
from firmware_profiles.properties import property_of
from scripts.documents.health import healthy
from scripts.documents.river import Morning

AT_MS = 1_795_420_800_123  # 2026-11-23T08:00:00.123Z
EPOCH = "kq3x7m2a.12"


def examples() -> dict[str, Any]:
    """Messages as the code makes them, by file name: {leaf}.{what it shows}."""
    samples = [
        _sample("level", 1201, 0, water_level=2.315, water_temperature=11.4),
        _sample("level", 1202, 1000, water_level=2.318, water_temperature=11.4),
        _sample("level", 1203, 2000, water_level=2.31, water_temperature=None),
        _sample("weather", 240, 400, wind_speed=3.2, pm2_5=18.0, noise_level=54.1),
    ]
    unread = Sample(
        device="rain", at_ms=AT_MS + 700, settled=True, seq=77,
        readings=(Reading("rainfall_total", None, Quality.MISSING, "timeout"),),
    )  # fmt: skip
    first = samples[:2]
    bodies: list[tuple[dict[str, object], tuple[int, bool]]] = []
    faults = Faults(
        EPOCH, lambda body, at: bodies.append((body, at)), lambda: (AT_MS + 60_000 * len(bodies), True)
    )
    faults.begin(
        FaultKind.DEVICE_UNREADABLE, "rain", "timeout",
        "rain did not answer for 3 polls; check its supply, its wiring and its unit id",
    )  # fmt: skip
    faults.end(FaultKind.DEVICE_UNREADABLE, "rain")
    told = Morning(AT_MS).last
    return {
        "readings.live": _sealed(Leaf.READINGS, 4711, wire.encode_readings([*samples, unread], AT_MS), 350),
        "readings.backfill": _sealed(Leaf.READINGS, 4712, wire.encode_readings(first, AT_MS), 5_400_000),
        "readings.unsynced": _sealed(
            Leaf.READINGS, 3, wire.encode_readings(first, AT_MS), 300_000, settled=False
        ),
        "faults.opened": _sealed(Leaf.FAULTS, 4713, wire.encode(bodies[0][0]), 40, at_ms=bodies[0][1][0]),
        "faults.closed": _sealed(Leaf.FAULTS, 4790, wire.encode(bodies[1][0]), 40, at_ms=bodies[1][1][0]),
        "faults.judged": _told(told(Leaf.FAULTS, kind="battery_low"), 4795),
        "events.opened": _told(told(Leaf.EVENTS, kind="water_stage", state="opened"), 4720),
        "events.updated": _told(told(Leaf.EVENTS, kind="water_stage", severity="critical"), 4724),
        "events.closed": _told(told(Leaf.EVENTS, kind="water_stage", state="closed"), 4781),
        "revisions": _told(told(Leaf.REVISIONS), 4717),
        "aggregates": _told(told(Leaf.AGGREGATES), 4730),
        **_pictures(),
        "health": _sealed(Leaf.HEALTH, 4714, wire.encode(healthy()), 25),
        "status.online": _retained(_status("online", "connected")),
        "status.offline": _retained(_status("offline", "connection_lost")),
        "inventory": _retained(_inventory()),
        **_commands(),
    }


def _pictures() -> dict[str, Any]:
    """One manifest of each state, and the record of a camera whose lens is going out of focus."""
    taken = Picture(
        id="2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", camera="bridge", at_ms=AT_MS,
        settled=True, width=1280, height=720, why="event", way="snapshot", masked=True,
        event="9f86d081884c7d65", score=71.5, faults=("defocus",),
    )  # fmt: skip
    body = {
        "camera": "bridge", "gb28181": "33010600001310000007", "score": 71.5,
        "faults": [
            {"fault": "defocus", "strength": 1.42, "since": -5_400_000, "lasting": True,
             "reason": "sharpness 0.58 of the usual at this hour; 0.75 is the limit"},
        ],
        "figures": {"sharpness": 0.58, "brightness": 101.3}, "learning": False, "way": "snapshot",
        "reference_pictures": 840, "thumbnail": "/9j/4AAQSkZJRgABAQAAAQABAAD/2Q==",
        "period": {"begin": -3_600_000, "end": 0, "pictures": 60, "bad": 57, "available": 0.9972},
    }  # fmt: skip
    return {
        "frames.announced": _sealed(Leaf.FRAMES, 4721, wire.encode(announcement(taken, 98_304, 32_768)), 60),
        "frames.lost": _sealed(
            Leaf.FRAMES, 4799, wire.encode(farewell(taken.id, "bridge", "evicted")), 7_200_000
        ),
        "picture_quality": _sealed(Leaf.PICTURE_QUALITY, 4803, wire.encode(body), 200),
    }


def _told(message: Message, sequence: int) -> object:
    return _sealed(message.leaf, sequence, wire.encode(message.body), 40, at_ms=message.at_ms)


def _commands() -> dict[str, Any]:
    times = {"issued": wire.rfc3339(AT_MS - 800), "expires": wire.rfc3339(AT_MS + 600_000)}
    acknowledge = {
        "id": "5f0c2d1e-77aa", "verb": "acknowledge", "by": "l.chen", **times,
        "event": "9f86d081884c7d65", "reason": "crew is on its way",
    }  # fmt: skip
    shelve = {
        "id": "5f0c2d1e-77ab", "verb": "shelve", "by": "l.chen", **times,
        "rule": "river_rising", "source": "level.water_level", "for_s": 7200, "reason": "gate test upstream",
    }  # fmt: skip
    desk = commands.Commands(
        {"acknowledge": lambda command: f"event {command.event} is acknowledged", "shelve": str},
        lambda: (AT_MS + 1_200_000 * desk.performed, True),
    )
    topic = commands.topic("riverside", "pole-7", "events")
    bodies = [
        wire.encode(desk.receive(topic, json.dumps(order).encode(), retained=False))
        for order in (acknowledge, shelve)
    ]
    return {
        "command.acknowledge": acknowledge,
        "command.shelve": shelve,
        "replies.done": _sealed(Leaf.REPLIES, 4801, bodies[0], 30),
        "replies.refused": _sealed(Leaf.REPLIES, 4802, bodies[1], 30, at_ms=AT_MS + 1_200_000),
    }


def _sample(device: str, seq: int, after_ms: int, /, **values: float | None) -> Sample:
    absent = None, Quality.MISSING, "not_installed"
    return Sample(
        device=device,
        at_ms=AT_MS + after_ms,
        settled=True,
        seq=seq,
        readings=tuple(
            Reading(name, *(absent if value is None else (value, Quality.GOOD)))
            for name, value in values.items()
        ),
    )


def _sealed(
    leaf: Leaf, sequence: int, body: bytes, later_ms: int, *, settled: bool = True, at_ms: int = AT_MS
) -> object:
    envelope = Envelope(
        key=f"{EPOCH}-{sequence}", topic=wire.topic("riverside", "pole-7", leaf), priority=Priority.READINGS,
        at_ms=at_ms, settled=settled, items=0, expires_ms=None, body=body,
    )  # fmt: skip
    return json.loads(wire.seal(envelope, at_ms + later_ms))


def _retained(payload: Strict) -> object:
    return json.loads(wire.encode(payload))


def _status(state: str, reason: str) -> wire.Status:
    facts = {"state": state, "reason": reason, "version": "0.1.0", "epoch": EPOCH, "clock": "synced"}
    return checked(wire.Status, {**facts, "at": wire.rfc3339(AT_MS)})


def _inventory() -> wire.Inventory:
    named = {"level": ("water_level", "water_temperature"), "weather": ("wind_speed", "pm2_5", "noise_level")}
    return wire.Inventory(
        version="0.1.0",
        devices={
            device: wire.DeviceFacts(
                instrument="custom", title=device.capitalize(), every_s=1.0,
                channels={name: _facts(name) for name in names},
            )
            for device, names in named.items()
        },
    )  # fmt: skip


def _facts(channel: str) -> wire.ChannelFacts:
    known = property_of(channel)
    keys = [each.name for each in fields(wire.ChannelFacts) if hasattr(known, each.name)]
    return wire.ChannelFacts(**{key: getattr(known, key) for key in keys})
