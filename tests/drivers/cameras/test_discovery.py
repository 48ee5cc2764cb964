"""Cameras found by their announcements, over multicast on the loopback interface.

Loopback has no IPv6 multicast: that is tried on another interface, with a random port, where there is one.
"""

from __future__ import annotations

import socket
import time

import pytest
from fakes.ws_discovery import Device, responding

from drivers.cameras import discovery
from drivers.cameras.discovery import Announced, announced, discover, usable_interfaces
from drivers.errors import BadConfig, LinkClosed

NORTH = Device(
    endpoint="urn:uuid:00000000-0000-4000-8000-00000000000A",
    scopes=(
        "onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/name/River%20North "
        "onvif://www.onvif.org/hardware/IPC-T2 onvif://www.onvif.org/location/country/china "
        "onvif://www.onvif.org/location/city/shenzhen http://elsewhere.example/name/not-this"
    ),
    addresses="http://192.0.2.9:8899/onvif/device_service http://[fe80::2]:8899/onvif/device_service",
)
SOUTH = Device(endpoint="urn:uuid:b", type="Device")


async def found(port: int, interface: str = "lo", within_s: float = 0.4) -> list[Announced]:
    return [one async for one in discover([interface], within_s=within_s, port=port)]


async def test_what_a_camera_says_of_itself():
    async with responding(NORTH) as responder:
        (north,) = await found(responder.port)
    assert (north.name, north.hardware, north.location) == (
        "River North",
        "IPC-T2",
        "country/china/city/shenzhen",
    )
    assert north.endpoint == "urn:uuid:00000000-0000-4000-8000-00000000000a"
    assert north.types == ("NetworkVideoTransmitter",)
    assert len(north.scopes) == 6
    assert north.addresses == tuple(NORTH.addresses.split())
    assert north.at == (north.sender, 8899, False)


async def test_each_kind_is_asked_for_and_each_device_told_once():
    async with responding(NORTH, SOUTH) as responder:
        devices = await found(responder.port, within_s=0.7)
        assert sorted(responder.probes) == sorted(2 * ["dn:NetworkVideoTransmitter", "tds:Device", ""])
    assert sorted(one.endpoint[-1] for one in devices) == ["a", "b"]


async def test_answers_are_told_as_they_come():
    async with responding(NORTH) as responder:
        began_s = time.monotonic()
        async for one in discover(["lo"], within_s=30, port=responder.port):
            assert one.name == "River North"
            break
        assert time.monotonic() - began_s < 5


async def test_whoever_answers_twice_is_told_once():
    async with responding(Device(times=20)) as responder:
        assert len(await found(responder.port)) == 1


async def test_nonsense_is_passed_over():
    raw = [
        b"",
        b"\x00\xff",
        b"<",
        b"<s:Envelope/>",
        b"<html>hello</html>",
        b"<a><b></a>",
        b"\xef\xbb\xbf<?xml version='1.0' encoding='x'?><a/>",
    ]
    async with responding(*(Device(raw=each) for each in raw), NORTH) as responder:
        assert [one.name for one in await found(responder.port)] == ["River North"]


async def test_nobody_there():
    async with responding() as responder:
        began_s = time.monotonic()
        assert await found(responder.port) == []
        assert 0.4 <= time.monotonic() - began_s < 2


async def test_an_interface_that_is_not_there_is_named():
    with pytest.raises(BadConfig, match=r"no interface 'eth99'; there are .*lo"):
        await anext(discover(["eth99"]))


async def test_no_interface_at_all():
    with pytest.raises(LinkClosed, match="cannot ask for cameras"):
        await anext(discover([]))


def test_the_loopback_is_not_looked_on_by_itself():
    assert "lo" not in usable_interfaces()


def _interface_with_ipv6() -> str | None:
    for name in usable_interfaces():
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            try:
                sock.connect(("ff02::c", 9, 0, socket.if_nametoindex(name)))
            except OSError:
                continue
            return name
    return None


@pytest.mark.skipif(_interface_with_ipv6() is None, reason="no interface with IPv6 multicast here")
async def test_over_ipv6():
    interface = _interface_with_ipv6()
    async with responding(NORTH, interface=interface, family=socket.AF_INET6) as responder:
        (north,) = await found(responder.port, interface)
    assert north.name == "River North"
    assert ":" in north.sender
    if north.sender.startswith("fe80"):
        assert north.sender.endswith(f"%{interface}")
    assert north.at == (north.sender, 8899, False)


def one(sender: str, device: Device) -> Announced:
    (answer,) = announced(device.answer("uuid:1"), sender)
    return answer


@pytest.mark.parametrize(
    ("sender", "addresses", "at"),
    [
        ("192.0.2.9", "http://192.0.2.9/onvif/device_service", ("192.0.2.9", 80, False)),
        ("192.0.2.9", "http://169.254.7.7:81/x http://192.0.2.9:8000/x", ("192.0.2.9", 8000, False)),
        ("192.0.2.9", "https://192.0.2.9/x", ("192.0.2.9", 443, True)),
        ("192.0.2.9", "http://10.0.0.1:8081/x", ("192.0.2.9", 8081, False)),
        ("fd00::9", "http://192.0.2.9:81/x http://[fd00::9]:8000/x", ("fd00::9", 8000, False)),
        ("192.0.2.9", "", ("192.0.2.9", 80, False)),
        ("192.0.2.9", "http://192.0.2.9:eighty/x http://[oops/x soap.udp://192.0.2.9:3702 http://:1", ("192.0.2.9", 80, False)),
    ],
)  # fmt: skip
def test_it_is_reached_where_it_answered_from(sender, addresses, at):
    assert one(sender, Device(addresses=addresses)).at == at


def test_one_endpoint_in_several_cameras_is_several_and_in_two_families_one():
    seen = discovery._Seen()
    answers = [
        one("192.0.2.9", Device(addresses="http://192.0.2.9/x")),
        one("192.0.2.10", Device(addresses="http://192.0.2.10/x")),
        one("fd00::9", Device(addresses="http://[fd00::9]/x")),
        one("10.0.0.9", Device(addresses="http://192.0.2.9/x http://10.0.0.9/x")),
    ]
    assert [seen.is_new(each) for each in answers] == [True, True, False, False]


def test_a_name_holds_nothing_that_steers_a_terminal():
    evil = Device(endpoint="urn:uuid:c", scopes="onvif://www.onvif.org/name/%1b%5b2JRiver%0aSouth%c2%9b")
    (answer,) = announced(evil.answer("uuid:1"), "192.0.2.9")
    assert answer.name == "[2JRiverSouth"
