"""The two drivers against gauges on real ptys: frames, noise, silence, echo, unplugging, and coming back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress

import pytest
from fakes.line_gauge import LineGauge
from fakes.pty_bus import PtyBus
from fakes.waiting import wait_until_async

from drivers.endpoints import SerialEndpoint, TcpEndpoint
from drivers.errors import Garbled, LinkClosed, LinkTimeout
from drivers.links import LONGEST_UNREAD, Link, open_link
from drivers.protocol import Listener, Unit
from drivers.readings import Quality, Reading, Value
from drivers.serialframes.driver import FrameListener, FrameUnit
from firmware_profiles.loader import load_instrument
from firmware_profiles.points import LineSettings, Timing
from firmware_profiles.schema import FrameInstrument

DUST = bytes.fromhex("AAC0D4043A0AA1601DAB")
TORN = bytes.fromhex("AAC0D4043A0AA16000AB")
WIND = b"$IIMWV,344.0,R,005.9,M,A*31\r\n"
HEAT = b"$WIMTA,010.0,C*2A\r\n"
WEIGHT = b"$WIMMB,29.92,I,1.013,B*54\r\n"
PLACE = b"$GPGGA,,*56\r\n"
RAIN = b"Acc  0.01 mm, EventAcc  2.07 mm, TotalAcc 54.85 mm, RInt  2.89 mmph\r\n"
RAIN_CUT = b"Acc  0.01 mm, EventAcc  2.07 m"
ALL_42 = bytes.fromhex(
    "7E0003002842280000422800004228000042280000422800004228000042280000422800004228000042280000B07E"
)
START, STARTED = bytes.fromhex("7E0000020103F97E"), bytes.fromhex("7E00000000FF7E")
READ = bytes.fromhex("7E000300FC7E")

StartGauge = Callable[..., LineGauge]


def profile(name: str) -> FrameInstrument:
    instrument = load_instrument(name)
    assert isinstance(instrument, FrameInstrument)
    return instrument


def listener(name: str, **timing: float) -> FrameListener:
    instrument = profile(name)
    return FrameListener("gauge", instrument, instrument.points, Timing(**timing))


def unit(name: str, timeout_s: float = 0.2) -> FrameUnit:
    instrument = profile(name)
    return FrameUnit("gauge", instrument, instrument.points, Timing(timeout_s=timeout_s))


@asynccontextmanager
async def linked(path: object) -> AsyncIterator[Link]:
    async with open_link(SerialEndpoint(str(path), LineSettings())) as link:
        yield link


async def sets(driver: FrameListener, link: Link, count: int) -> list[Sequence[Reading]]:
    found = []
    async with aclosing(driver.stream(link)) as stream:
        async for readings in stream:
            found.append(readings)
            if len(found) == count:
                return found
    raise AssertionError("a stream never ends by itself")


async def exhaust(stream: AsyncIterator[object]) -> None:
    async for _ in stream:
        pass


def values(readings: Sequence[Reading]) -> dict[str, Value | None]:
    return {reading.channel: reading.value for reading in readings}


def test_they_have_the_two_shapes_of_a_driver() -> None:
    listens: Listener = listener("nova-sds011")
    asks: Unit = unit("hydreon-rg15")
    assert (listens.device, listens.channels) == ("gauge", ("pm2_5", "pm10"))
    assert asks.channels == ("rainfall_total", "rain_intensity")


async def test_a_listener_hands_on_what_the_gauge_pushes(line_gauge: StartGauge) -> None:
    gauge = line_gauge(frames=[DUST], interval_s=0.01)
    async with linked(gauge.path) as link:
        found = await sets(listener("nova-sds011", every_s=0.01, timeout_s=5), link, 3)
    assert [values(readings) for readings in found] == [{"pm2_5": 123.6, "pm10": 261.8}] * 3


async def test_a_listener_hands_on_one_set_an_interval(line_gauge: StartGauge) -> None:
    gauge = line_gauge(frames=[DUST], interval_s=0.005)
    async with linked(gauge.path) as link:
        began = time.monotonic()
        await sets(listener("nova-sds011", every_s=0.1, timeout_s=5), link, 4)
        took = time.monotonic() - began
    assert took >= 0.29, "the first at once, three more an interval apart, the last a tenth early"
    assert gauge.pushed > 20


async def test_sentences_of_one_interval_make_one_set(line_gauge: StartGauge) -> None:
    gauge = line_gauge(frames=[WIND, HEAT, PLACE, WEIGHT], interval_s=0.005)
    driver = listener("nmea0183-weather", every_s=0.05, timeout_s=5)
    async with linked(gauge.path) as link:
        for readings in await sets(driver, link, 2):
            assert tuple(reading.channel for reading in readings) == driver.channels
            assert [reading.value for reading in readings] == [344.0, 5.9, 10.0, 1013.0]
    assert driver.garbled <= 1, "at most the sentence under way when the link was opened"


async def test_a_sentence_that_never_comes_is_missing(line_gauge: StartGauge) -> None:
    gauge = line_gauge(frames=[WIND], interval_s=0.01)
    async with linked(gauge.path) as link:
        (readings,) = await sets(listener("nmea0183-weather", every_s=0.05, timeout_s=0.1), link, 1)
    assert values(readings)["wind_speed"] == 5.9
    assert readings[2] == Reading("air_temperature", None, Quality.MISSING, "not_received")


async def test_nothing_is_handed_on_while_the_gauge_warms_up(line_gauge: StartGauge) -> None:
    gauge = line_gauge(frames=[DUST], interval_s=0.01)
    async with linked(gauge.path) as link:
        began = time.monotonic()
        await sets(listener("nova-sds011", every_s=0.05, timeout_s=5, warm_up_s=0.2), link, 1)
        assert time.monotonic() - began >= 0.195


async def test_noise_is_counted_and_the_frames_between_it_still_come(line_gauge: StartGauge) -> None:
    gauge = line_gauge(frames=[b"\x00\xaa" + DUST, TORN, DUST + b"\xaa\xc0"], interval_s=0.01)
    driver = listener("nova-sds011", every_s=0.01, timeout_s=5)
    async with linked(gauge.path) as link:
        found = await sets(driver, link, 6)
    assert all(values(readings) == {"pm2_5": 123.6, "pm10": 261.8} for readings in found)
    assert driver.garbled >= 3


async def test_frames_that_are_all_damaged_are_garbled(line_gauge: StartGauge) -> None:
    gauge = line_gauge(frames=[TORN], interval_s=0.01)
    driver = listener("nova-sds011", every_s=0.01, timeout_s=0.15)
    async with linked(gauge.path) as link:
        with pytest.raises(Garbled, match=r"no frame of its profile within 0\.15 s, .* check baud") as caught:
            await sets(driver, link, 1)
    assert TORN in caught.value.data
    assert len(caught.value.data) <= profile("nova-sds011").frames.max_size
    assert driver.garbled == 1


async def test_valid_frames_of_something_else_are_no_answer(line_gauge: StartGauge) -> None:
    gauge = line_gauge(frames=[PLACE], interval_s=0.01)
    async with linked(gauge.path) as link:
        with pytest.raises(Garbled):
            await sets(listener("nmea0183-weather", timeout_s=0.1), link, 1)


async def test_a_silent_gauge_is_a_timeout_and_may_come_back(line_gauge: StartGauge) -> None:
    gauge = line_gauge()
    driver = listener("nova-sds011", every_s=0.01, timeout_s=0.1)
    async with linked(gauge.path) as link:
        with pytest.raises(LinkTimeout, match=r"gauge: not a byte within 0\.1 s"):
            await sets(driver, link, 1)
        gauge.push([DUST], interval_s=0.01)
        assert await sets(driver, link, 1)


async def test_half_a_frame_before_a_silence_does_not_spoil_what_comes_after(line_gauge: StartGauge) -> None:
    gauge = line_gauge()
    driver = listener("nova-sds011", every_s=0.01, timeout_s=0.1)
    async with linked(gauge.path) as link:
        gauge.push([DUST[:6]], interval_s=60)
        with pytest.raises(Garbled):
            await sets(driver, link, 1)
        gauge.push([DUST], interval_s=0.01)
        assert await sets(driver, link, 1)
    assert driver.garbled == 1


async def test_unplugging_ends_the_stream(line_gauge: StartGauge) -> None:
    gauge = line_gauge(frames=[DUST], interval_s=0.01)
    driver = listener("nova-sds011", every_s=0.01, timeout_s=5)
    async with linked(gauge.path) as link, aclosing(driver.stream(link)) as stream:
        assert await anext(stream)
        gauge.close()
        with pytest.raises(LinkClosed):
            await exhaust(stream)


async def test_plugged_in_again_it_listens_again(pty_bus: PtyBus, line_gauge: StartGauge) -> None:
    line_gauge(pty_bus.slave_path, frames=[DUST], interval_s=0.01)
    driver = listener("nova-sds011", every_s=0.01, timeout_s=5)
    for _ in range(2):
        async with linked(pty_bus.master_path) as link:
            assert await sets(driver, link, 1)
            pty_bus.unplug()
            with pytest.raises(LinkClosed):
                await sets(driver, link, 1000)
        pty_bus.plug()


async def test_a_unit_asks_and_reads_the_answer(line_gauge: StartGauge) -> None:
    gauge = line_gauge(answers={b"R\n": RAIN})
    async with linked(gauge.path) as link:
        readings = await unit("hydreon-rg15").read(link)
    assert values(readings) == {"rainfall_total": 54.85, "rain_intensity": 2.89}
    assert gauge.heard == b"R\n"


async def test_several_requests_make_one_sample(line_gauge: StartGauge) -> None:
    gauge = line_gauge(answers={START: STARTED, READ: ALL_42})
    async with linked(gauge.path) as link:
        readings = await unit("sensirion-sps30").read(link)
    assert values(readings) == {"pm1": 42.0, "pm2_5": 42.0, "pm10": 42.0}
    assert gauge.heard == START + READ


async def test_after_a_silence_the_rest_is_not_asked(line_gauge: StartGauge) -> None:
    gauge = line_gauge(answers={b"0r1\r\n": b"0r1,Sn=0.1M,Sm=0.1M,Sx=0.1MGOG\r\n"})
    async with linked(gauge.path) as link:
        readings = await unit("vaisala-wxt530", timeout_s=0.1).read(link)
    assert readings[0] == Reading("wind_direction", None, Quality.MISSING, "empty")
    assert readings[1] == Reading("wind_speed", 0.1)
    assert {reading.test for reading in readings[3:]} == {"timeout"}
    assert gauge.heard == b"0r1\r\n0r2\r\n"


async def test_a_garbled_answer_is_asked_for_once_more(line_gauge: StartGauge) -> None:
    answers = iter([RAIN_CUT, RAIN])
    gauge = line_gauge(answers=lambda heard: next(answers) if heard.endswith(b"R\n") else None)
    driver = unit("hydreon-rg15")
    async with linked(gauge.path) as link:
        readings = await driver.read(link)
    assert values(readings)["rainfall_total"] == 54.85
    assert driver.garbled == 1


async def test_an_answer_garbled_twice_is_an_error(line_gauge: StartGauge) -> None:
    gauge = line_gauge(answers={b"R\n": RAIN_CUT})
    driver = unit("hydreon-rg15", timeout_s=0.1)
    async with linked(gauge.path) as link:
        with pytest.raises(Garbled) as caught:
            await driver.read(link)
    assert caught.value.data == RAIN_CUT
    assert (driver.garbled, gauge.heard) == (2, b"R\nR\n")


async def test_a_unit_that_is_silent_times_out_and_may_come_back(line_gauge: StartGauge) -> None:
    answering: list[bytes] = []
    gauge = line_gauge(answers=lambda heard: answering[0] if answering and heard.endswith(b"R\n") else None)
    driver = unit("hydreon-rg15", timeout_s=0.1)
    async with linked(gauge.path) as link:
        with pytest.raises(LinkTimeout, match=r"gauge: not a byte within 0\.1 s"):
            await driver.read(link)
        with pytest.raises(LinkTimeout):
            await driver.probe(link)
        answering.append(RAIN)
        await driver.probe(link)
        assert values(await driver.read(link))["rainfall_total"] == 54.85


async def test_what_came_before_the_request_is_not_its_answer(line_gauge: StartGauge) -> None:
    gauge = line_gauge(answers={b"R\n": RAIN})
    async with linked(gauge.path) as link:
        gauge.send(RAIN.replace(b"54.85", b"11.11") + b"Acc ")
        await wait_until_async(lambda: link._received.endswith(b"Acc "))
        assert values(await unit("hydreon-rg15").read(link))["rainfall_total"] == 54.85


async def test_an_adapter_that_hears_itself_is_learnt(pty_bus: PtyBus, line_gauge: StartGauge) -> None:
    pty_bus.echo(True)
    line_gauge(pty_bus.slave_path, answers={START: STARTED, READ: ALL_42})
    driver = unit("sensirion-sps30")
    async with linked(pty_bus.master_path) as link:
        assert values(await driver.read(link))["pm2_5"] == 42.0
        assert link.echoes
    assert driver.garbled == 0


async def test_only_its_own_echo_is_a_timeout(pty_bus: PtyBus) -> None:
    pty_bus.echo(True)
    async with linked(pty_bus.master_path) as link:
        with pytest.raises(LinkTimeout):
            await unit("sensirion-sps30", timeout_s=0.1).read(link)


async def test_an_answer_may_come_as_slowly_as_the_line_is(pty_bus: PtyBus, line_gauge: StartGauge) -> None:
    pty_bus.pace(2400)  # 71 characters: 0.3 s, against a timeout of 0.1 s for the first
    line_gauge(pty_bus.slave_path, answers={b"R\n": RAIN})
    async with open_link(SerialEndpoint(str(pty_bus.master_path), LineSettings(baud=2400))) as link:
        readings = await unit("hydreon-rg15", timeout_s=0.1).read(link)
    assert values(readings)["rainfall_total"] == 54.85


async def test_unplugging_is_no_timeout(line_gauge: StartGauge) -> None:
    gauge = line_gauge(answers={b"R\n": RAIN})
    driver = unit("hydreon-rg15", timeout_s=5)
    async with linked(gauge.path) as link:
        await driver.read(link)
        gauge.close()
        with pytest.raises(LinkClosed):
            await driver.read(link)


async def test_a_unit_hears_of_a_flood_only_so_much_as_may_hold_the_answer() -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while await reader.read(100):
                for _ in range(100):
                    writer.write(b"x" * 10_000)
                    await writer.drain()
        writer.close()

    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening, open_link(TcpEndpoint("127.0.0.1", port)) as link:
        with pytest.raises(Garbled, match="no frame of its profile") as caught:
            await unit("hydreon-rg15").probe(link)
        assert len(caught.value.data) <= 2 * LONGEST_UNREAD
