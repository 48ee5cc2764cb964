"""The demonstration: its verification can fail, its gauges are honest, its broker keeps what it took, it ends cleanly."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest
from fakes.waiting import wait_until, wait_until_async
from rich.console import Console

from agent import wire
from agent.wire import Leaf
from buffer.envelope import Envelope, Priority
from drivers.modbus.codec import compile_block
from drivers.modbus.plan import plan_blocks
from drivers.readings import Quality, Reading, Sample
from drivers.serialframes.fields import compile_fields
from drivers.serialframes.framing import Framer
from firmware_profiles.loader import load_instrument
from scripts.demonstration import report, stations
from scripts.demonstration.broker import HOST, PLATFORM, USER, Broker
from scripts.demonstration.gateway import Farewell
from scripts.demonstration.gauges import RegisterGauge, WindGauge
from scripts.demonstration.ledger import LAST_WORDS_MS, Numbers, Run, Told
from scripts.demonstration.nature import DAY_S, Nature
from scripts.demonstration.platform import Platform
from scripts.demonstration.subscriber import subscribe
from scripts.demonstration.verdict import Check, verify

ROOT = Path(__file__).parents[2]
BEGAN_MS = 1_800_000_000_000
EPOCH, BOOT_2 = "kq3x7m2a.1", "kq3x7m2a.2"
GATEWAY = stations.RIVER


class Station:
    """A daemon's words on both ways: what it says it has read, and the messages it sends."""

    def __init__(self) -> None:
        self.platform = Platform()
        self.sent: list[bytes] = []
        self.shown = (0.0, 0.0)
        self._key = 0

    def read(self, *seqs: int, epoch: str = EPOCH) -> None:
        """Read these samples and send them in a message."""
        samples = [self._sample(seq) for seq in seqs]
        for sample in samples:
            values = tuple((r.channel, r.value, int(r.quality)) for r in sample.readings)
            self.platform.ledger.read(Run(GATEWAY, epoch, "level"), sample.seq, Told(sample.at_ms, values))
        body = wire.encode_readings(samples, samples[0].at_ms)
        self.sent.append(self._sealed(body, samples[0].at_ms, epoch))

    def fault(self, state: str) -> None:
        body = {
            "id": "f1",
            "kind": "device_unreadable",
            "subject": "rain",
            "state": state,
            "severity": "warning",
            "reason": "timeout",
        }
        self.sent.append(self._sealed(wire.encode(body | {"message": "silent"}), BEGAN_MS, EPOCH))

    def flood(self, *states: str, event: str = "9f86d081884c7d65") -> None:
        """Messages about one flood, a second apart, sent at once."""
        for number, state in enumerate(states):
            body = {"id": event, "kind": "water_stage", "subject": "level.water_level", "state": state}
            body |= {"severity": "warning", "message": "the river is high", "rule": "flood", "version": 1}
            sealed = self._sealed(wire.encode(body), BEGAN_MS + 1000 * number, EPOCH)
            self.platform.receive(wire.topic(stations.SITE, GATEWAY, Leaf.EVENTS), sealed, BEGAN_MS)

    def status(self, epoch: str) -> None:
        """Connect in this epoch."""
        status = wire.Status(
            state="online",
            reason="connected",
            version="0",
            epoch=epoch,
            at=wire.rfc3339(BEGAN_MS),
            clock="synced",
        )
        topic = wire.topic(stations.SITE, GATEWAY, Leaf.STATUS)
        self.platform.receive(topic, wire.encode(status), BEGAN_MS)

    def deliver(self, *payloads: bytes) -> None:
        for payload in payloads or self.sent:
            leaf = Leaf.READINGS if b'"devices"' in payload else Leaf.FAULTS
            topic = wire.topic(stations.SITE, GATEWAY, leaf)
            self.platform.receive(topic, payload, BEGAN_MS)

    def verified(
        self, *, left: int = 0, exit_code: int = 0, samples: int = 1, floods: int = 0
    ) -> list[Check]:
        farewell = Farewell(
            gateway=GATEWAY,
            epoch=EPOCH,
            samples={"level": samples},
            exit_code=exit_code,
            left=left,
            given_up={},
        )
        return verify(self.platform, [farewell], [(GATEWAY, "level", "water_level", *self.shown)], 1, floods)

    def _sample(self, seq: int) -> Sample:
        level = 1.0 + seq / 1000
        self.shown = (1.0, max(level, self.shown[1]))
        reading = Reading("water_level", level, Quality.NOT_EVALUATED)
        return Sample("level", BEGAN_MS + 1000 * seq, settled=True, seq=seq, readings=(reading,))

    def _sealed(self, body: bytes, at_ms: int, epoch: str) -> bytes:
        self._key += 1
        envelope = Envelope(
            key=f"{epoch}-{self._key}", topic="", priority=Priority.READINGS, at_ms=at_ms, settled=True,
            items=1, expires_ms=None, body=body,
        )  # fmt: skip
        return wire.seal(envelope, at_ms)


@pytest.fixture
def station() -> Station:
    """Two messages of two samples, and the rain gauge's fault, sent."""
    station = Station()
    station.status(EPOCH)
    station.read(1, 2)
    station.read(3, 4)
    station.fault("opened")
    station.fault("closed")
    return station


def failed(checks: list[Check]) -> list[str]:
    """What does not hold; the report's own verdict must say the same."""
    out = io.StringIO()
    holds = report.close(Console(file=out, width=80), Platform().ledger, checks)
    claims = [check.claim for check in checks if not check.holds]
    assert holds is not bool(claims)
    assert ("FAILED" in out.getvalue()) is bool(claims)
    return claims


def found(checks: list[Check]) -> str:
    return "\n".join(check.found for check in checks)


def test_all_checks_hold_when_all_has_arrived(station):
    station.deliver()
    assert failed(station.verified(samples=4)) == []


def test_nothing_seen_is_nothing_verified():
    assert len(failed(verify(Platform(), [], [], 0, 0))) >= 6


def test_a_message_that_never_arrived_is_a_hole(station):
    station.deliver(station.sent[0], *station.sent[2:])
    checks = station.verified(samples=4)
    assert failed(checks) == [
        "every sample that was on disk has arrived",
        "as many samples as the daemons counted",
    ]
    assert "2 holes: river-3 level (boot 1) sample 3; river-3 level (boot 1) sample 4" in found(checks)


def test_a_hole_in_the_middle_is_seen_by_the_platform_alone(station):
    station.read(5)
    station.deliver(station.sent[0], *station.sent[2:])
    assert station.platform.ledger.holes() == 2
    assert "every sample that was on disk has arrived" in failed(station.verified())


def test_a_repeat_with_the_same_key_and_content_is_dropped(station):
    station.deliver(*station.sent, *station.sent)
    assert station.platform.repeats == 4
    assert station.platform.readings == 4
    assert failed(station.verified(samples=4)) == []


def test_a_repeat_may_differ_in_when_it_was_sent_and_in_nothing_else(station):
    late = json.loads(station.sent[0]) | {"sent": "2027-01-15T08:59:00.000Z", "delivery": "backfill"}
    station.deliver(*station.sent, json.dumps(late).encode())
    assert failed(station.verified()) == []
    late["devices"][0]["rows"][0][2] = 9.9
    station.deliver(json.dumps(late).encode())
    assert failed(station.verified()) == ["each sample once; a repeat has the same key and content"]


def test_the_same_sample_under_two_keys_is_a_duplicate_nobody_would_drop(station):
    again = station.sent[0].replace(b"kq3x7m2a.1-1", b"kq3x7m2a.1-99")
    station.deliver(*station.sent, again)
    assert failed(station.verified()) == ["each sample once; a repeat has the same key and content"]


@pytest.mark.parametrize(
    "damage", [(b"[1,0,1.001]", b"[1,0,1.002]"), (b"[1,0,", b"[1,7,"), (b'"quality":2', b'"quality":1')]
)
def test_a_value_time_or_quality_changed_on_the_way_is_noticed(station, damage):
    damaged = station.sent[0].replace(*damage)
    assert damaged != station.sent[0]
    station.deliver(damaged, *station.sent[1:])
    assert failed(station.verified(samples=4)) == ["times and values are those that were read"]


def test_a_sample_the_daemon_never_spoke_of_is_noticed(station):
    station.deliver()
    station.deliver(station.sent[1].replace(b"[4,", b"[5,").replace(b"-2", b"-77").replace(b"[3,", b"[6,"))
    assert "times and values are those that were read" in failed(station.verified())


def test_a_value_no_gauge_has_shown_is_noticed(station):
    station.deliver()
    station.shown = (1.0, 1.003)
    checks = station.verified()
    assert failed(checks) == ["values are the simulated gauges' own"]
    assert "level water_level: 1.001 to 1.004, shown 1 to 1.003" in found(checks)


def test_a_message_against_the_contract_is_noticed(station):
    station.deliver()
    topic = wire.topic(stations.SITE, GATEWAY, Leaf.READINGS)
    for wrong in (b"{}", b"no json", station.sent[0].replace(b'"sent"', b'"when"')):
        station.platform.receive(topic, wrong, BEGAN_MS)
    station.platform.receive("polegate/1/x/y/weather", station.sent[0], BEGAN_MS)
    assert failed(station.verified()) == ["every message keeps the wire contract"]
    assert len(station.platform.invalid) == 4


def test_readings_left_on_disk_and_unclean_ends_are_noticed(station):
    station.deliver()
    assert failed(station.verified(left=3)) == ["daemons stopped cleanly, outboxes empty"]
    assert failed(station.verified(exit_code=-9)) == ["daemons stopped cleanly, outboxes empty"]


def test_a_fault_never_reported_or_never_closed_is_noticed(station):
    station.deliver(*station.sent[:3])
    assert failed(station.verified()) == ["unplugged gauges were reported, and their return"]


def test_a_new_epoch_ends_the_faults_of_the_earlier(station):
    station.deliver(*station.sent[:3])
    assert [fault.id for fault in station.platform.open_faults] == ["f1"]
    station.status(BOOT_2)
    assert station.platform.open_faults == []


TOLD_ONCE = "each event was told once: its beginning and its end"


def test_a_flood_is_one_event_from_its_beginning_to_its_end(station):
    station.deliver()
    station.flood("opened", "updated")
    assert [event.state for event in station.platform.open_floods] == ["updated"]
    assert TOLD_ONCE in failed(station.verified(samples=4)), "it is not over"
    station.platform.events.clear()
    station.flood("opened", "updated", "closed")
    assert (station.platform.open_floods, station.platform.floods_over) == ([], 1)
    assert failed(station.verified(samples=4, floods=1)) == []
    assert failed(station.verified(samples=4, floods=2)) == [TOLD_ONCE], "one was missed"


@pytest.mark.parametrize(
    "states", [("opened", "opened", "closed"), ("opened", "closed", "closed"), ("closed",)]
)
def test_an_event_told_twice_or_by_half_is_noticed(station, states):
    station.deliver()
    station.flood(*states)
    assert failed(station.verified(samples=4)) == [TOLD_ONCE]


def test_what_was_judged_wrong_with_a_sensor_goes_on_in_a_new_epoch(station):
    station.deliver()
    body = {
        "id": "6c2f77b4c8f0f86b",
        "kind": "battery_low",
        "subject": "box.voltage.battery",
        "state": "opened",
    }
    body |= {"severity": "warning", "message": "low", "rule": "supply", "version": 1, "reason": "battery_low"}
    station.deliver(station._sealed(wire.encode(body), BEGAN_MS, EPOCH))
    station.status(BOOT_2)
    assert [fault.kind for fault in station.platform.open_faults] == ["battery_low"]


def test_only_the_last_moments_of_a_killed_daemon_may_be_missing(station):
    station.read(5)
    station.deliver(*station.sent[:4])
    ledger = station.platform.ledger
    assert "every sample that was on disk has arrived" in failed(station.verified())
    ledger.killed(EPOCH, BEGAN_MS + 5000 + LAST_WORDS_MS)
    assert "every sample that was on disk has arrived" in failed(station.verified())
    ledger.killed(EPOCH, BEGAN_MS + 5000 + LAST_WORDS_MS - 1)
    assert failed(station.verified()) == []
    assert ledger.died() == 1


def test_a_killed_daemon_does_not_excuse_a_hole_before_what_arrived(station):
    station.read(5)
    station.deliver(station.sent[0], *station.sent[2:])
    station.platform.ledger.killed(EPOCH, BEGAN_MS + 3500)
    assert "every sample that was on disk has arrived" in failed(station.verified())


def test_each_boot_counts_from_one(station):
    station.read(1, 2, epoch=BOOT_2)
    station.deliver()
    assert failed(station.verified(samples=4)) == []


def test_numbers_join_in_any_order():
    numbers = Numbers()
    assert [numbers.add(n) for n in (5, 1, 2, 4, 2, 3, 9)] == [True, True, True, True, False, True, True]
    assert (numbers.firsts, numbers.lasts) == ([1, 9], [5, 9])
    assert (numbers.count(), numbers.highest) == (6, 9)
    assert list(numbers.missing(11)) == [6, 7, 8, 10, 11]


@pytest.mark.parametrize(
    ("profile", "quantities"),
    [
        ("renke-rs-fsxcs", stations.weather),
        ("eastron-sdm120", stations.mains),
        ("keller-36x", stations.level),
        ("rika-rk400-04-rain", stations.rain),
    ],
)
def test_the_driver_decodes_what_the_gauges_encode(profile, quantities):
    nature, instrument = Nature(seed=1), load_instrument(profile)
    gauge = RegisterGauge(profile, 1, lambda: quantities(nature))
    for _ in range(200):
        nature.advance(DAY_S / 200)
        words = gauge.registers()
        registers = {address + i: word for address, block in words.items() for i, word in enumerate(block)}
        for block in plan_blocks(instrument.points, instrument.modbus):
            numbers = [registers.get(block.address + i, 0) for i in range(block.count)]
            data = b"".join(number.to_bytes(2, "big") for number in numbers)
            for reading in compile_block(block)(data):
                if reading.channel in quantities(nature):
                    low, high = gauge.shown.ranges[reading.channel]
                    assert low <= reading.value <= high
                    scale = next(p.scale for p in block.points if p.channel == reading.channel)
                    truth = quantities(nature)[reading.channel]
                    assert reading.value == pytest.approx(truth, abs=scale if scale != 1 else 0.51, rel=1e-6)


def test_the_driver_decodes_the_wind_sensors_lines():
    nature, instrument = Nature(seed=2), load_instrument("gill-windsonic")
    gauge = WindGauge(lambda: stations.wind(nature))
    framer, decode = Framer(instrument.frames), compile_fields(instrument.frames, instrument.points)
    for _ in range(200):
        nature.advance(1.0)
        (frame,) = framer.feed(gauge.line())
        values = {reading.channel: reading.value for reading in decode(frame)}
        assert values["wind_speed"] == pytest.approx(nature.wind_m_s, abs=0.0051)
        assert (
            values["wind_direction"] == pytest.approx(nature.wind_deg % 360, abs=0.51)
            or nature.wind_deg > 359
        )


def test_the_river_rises_after_the_rain_and_falls_again():
    nature = Nature(seed=3)
    dry_m = nature.stage_m
    rained, stages = [], []
    for _ in range(200):
        nature.advance(0.2)
        rained.append(nature.rain_mm)
        stages.append(nature.stage_m)
    peak = stages.index(max(stages))
    assert rained == sorted(rained)
    assert max(stages) - dry_m > 0.3
    assert rained[peak] == pytest.approx(rained[-1], abs=1.0), "the peak comes after the rain"
    assert stages[-1] < max(stages) - 0.2


def test_the_lamp_follows_the_light_and_the_meter_the_lamp():
    nature = Nature(seed=4)
    for _ in range(int(2 * DAY_S)):
        nature.advance(1.0)
        assert (nature.lamp > 0) or nature.daylight_lx > 100
        assert nature.power_w == pytest.approx(3.1 + 72 * nature.lamp)


async def _publish(broker: Broker, numbers: range) -> None:
    """A gateway that sends, has its acknowledgements, and is gone."""
    password = broker.password.read_text("ascii").strip()
    async with aiomqtt.Client(
        HOST, broker.port, username=USER, password=password, identifier="gw",
        protocol=aiomqtt.ProtocolVersion.V311,
    ) as client:  # fmt: skip
        await asyncio.gather(*[client.publish(f"polegate/{n}", b"{}", qos=1) for n in numbers])


def _arrived(platform: Platform) -> set[str]:
    return {text.partition(":")[0] for text in platform.invalid}


async def test_the_broker_keeps_what_it_has_acknowledged(tmp_path):
    broker, platform = Broker(tmp_path), Platform()
    await broker.start()
    await _publish(broker, range(200))  # the platform is away
    platform_task = asyncio.create_task(subscribe(broker, platform))
    try:
        await wait_until_async(lambda: len(_arrived(platform)) == 200)
        await _publish(broker, range(200, 400))
        await broker.stop()
        assert len(_arrived(platform)) == 400, "acknowledged before the broker went away"
        await broker.start()
        await _publish(broker, range(400, 500))
        await wait_until_async(lambda: len(_arrived(platform)) == 500)
    finally:
        await broker.stop()  # before the platform goes: it acknowledges the rest
        platform_task.cancel()
        await asyncio.wait([platform_task])


def _packet(first: int, body: bytes) -> bytes:
    """An MQTT 3.1.1 packet (2.2); the remaining length in one byte."""
    assert len(body) < 128
    return bytes([first, len(body)]) + body


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


async def _publish_and_hang_up(broker: Broker, count: int) -> int:
    """Send `count` messages at once and hang up at the first PUBACKs; how many were acknowledged."""
    reader, writer = await asyncio.open_connection(HOST, broker.port)
    password = broker.password.read_text("ascii").strip()
    writer.write(
        _packet(0x10, _text("MQTT") + b"\x04\xc2\x00\x3c" + _text("gw") + _text(USER) + _text(password))
    )
    assert (await reader.readexactly(4))[3] == 0
    for number in range(1, count + 1):
        writer.write(_packet(0x32, _text(f"polegate/{number}") + number.to_bytes(2, "big") + b"{}"))
    acknowledged = len(await reader.read(65536)) // 4
    writer.transport.abort()
    return acknowledged


async def test_what_a_gateway_leaves_behind_reaches_the_platform(tmp_path):
    broker, platform = Broker(tmp_path), Platform()
    await broker.start()
    platform_task = asyncio.create_task(subscribe(broker, platform))
    try:
        await _publish(broker, range(1))
        await wait_until_async(lambda: _arrived(platform))
        acknowledged = await _publish_and_hang_up(broker, 500)
        assert acknowledged > 0
        await broker.stop()
        assert {f"polegate/{n}" for n in range(1, acknowledged + 1)} <= _arrived(platform)
    finally:
        await broker.stop()  # before the platform goes: it acknowledges the rest
        platform_task.cancel()
        await asyncio.wait([platform_task])


async def test_the_broker_wants_a_password(tmp_path):
    broker = Broker(tmp_path)
    await broker.start()
    try:
        for user in (None, PLATFORM):
            with pytest.raises(aiomqtt.MqttError):
                async with aiomqtt.Client(
                    HOST, broker.port, username=user, password="wrong", protocol=aiomqtt.ProtocolVersion.V311
                ):
                    pass
    finally:
        await broker.stop()


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for temporary files with a space in its name, short enough for sockets in it."""
    folder = tmp_path_factory.mktemp("d") / "a b"
    folder.mkdir()
    return folder


@pytest.fixture
def demonstration(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """scripts/demo without its set-up, in a session of its own, as in a terminal that knows nothing."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT}/tests", "TMPDIR": str(folder), "TERM": "dumb"}
    process = subprocess.Popen(
        [sys.executable, "-P", "-u", "-m", "scripts.demonstration"], cwd=folder, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    with process:
        yield process
        process.kill()


def _hear(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout
    heard = []
    while line := process.stdout.readline():
        heard.append(line)
        if words in line:
            return
    pytest.fail(f"{words!r} was not said: {''.join(heard)}")


def test_ctrl_c_delivers_verifies_and_leaves_nothing(demonstration, folder):
    _hear(demonstration, "every gauge is heard")
    os.killpg(demonstration.pid, signal.SIGINT)  # as a terminal does: to everybody
    said = demonstration.stdout.read()
    assert demonstration.wait(30) == 0, said
    assert "All 9 checks hold." in said
    assert list(folder.iterdir()) == []


def test_the_second_ctrl_c_ends_it_at_once(demonstration, folder):
    _hear(demonstration, "every gauge is heard")
    os.killpg(demonstration.pid, signal.SIGINT)
    _hear(demonstration, "once more")
    os.killpg(demonstration.pid, signal.SIGINT)
    said = demonstration.stdout.read()
    assert demonstration.wait(30) == 130, said
    assert "Traceback" not in said
    assert list(folder.iterdir()) == []


def test_a_daemon_that_dies_by_itself_ends_it_with_its_last_words(demonstration, folder):
    _hear(demonstration, "every gauge is heard")
    children = Path(f"/proc/{demonstration.pid}/task/{demonstration.pid}/children").read_text("ascii").split()
    daemon = next(pid for pid in children if b"river-3" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(int(daemon), signal.SIGKILL)
    said = demonstration.stdout.read()
    assert demonstration.wait(30) == 1, said
    assert "river-3: the daemon ended by itself with exit code -9" in said
    assert "Traceback" not in said
    wait_until(lambda: list(folder.iterdir()) == [])
