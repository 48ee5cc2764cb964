from __future__ import annotations

import asyncio
import socket
import time

import pytest
from fakes.certificates import Authority
from fakes.onvif_camera import FakeCamera
from fakes.ports import free_port, listen

from drivers.cameras.access import Trust
from drivers.cameras.onvif.envelope import SoapFault, opened
from drivers.cameras.onvif.wire import Wire
from drivers.errors import BadConfig, Garbled, LinkClosed, LinkTimeout, Refused


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


async def test_reaching_is_a_plain_connection(fake, client):
    await (await client(fake)).reach()
    assert not fake.requests


async def test_a_port_nobody_listens_at(fake, client):
    fake.port = free_port(fake.host)
    camera = await client(fake)
    for call in (camera.reach, camera.connect):
        with pytest.raises(LinkClosed, match=r"127.0.0.1:\d+: connection refused: is the camera up"):
            await call()


async def test_a_host_without_a_name_or_way(fake, client):
    with pytest.raises(LinkClosed, match=r"nowhere\.invalid"):
        await (await client(fake, host="nowhere.invalid")).reach()


async def test_a_camera_that_accepts_and_says_nothing(fake, client):
    with listen("127.0.0.1") as mute:
        fake.port = mute.getsockname()[1]
        camera = await client(fake, timeout_s=0.2)
        began_s = time.monotonic()
        with pytest.raises(LinkTimeout, match=r"no answer within 0.2 s"):
            await camera.connect()
        assert time.monotonic() - began_s < 1.5


async def test_a_slow_answer_has_a_deadline_of_its_own(fake, client):
    camera = await client(fake, timeout_s=0.2)
    await camera.connect()
    fake.quirks.slow_s = 0.4
    with pytest.raises(LinkTimeout, match=r"no answer within 0\.2 s"):
        await camera.profiles()
    assert await camera.soap("/onvif/device_service", "a", "<tds:GetDNS/>", timeout_s=3.0) is not None


async def test_an_answer_of_8_mb_is_not_read(fake, client):
    camera = await client(fake)
    await camera.connect()
    fake.quirks.huge = 8 << 20
    with pytest.raises(Garbled, match="an answer of more than 2 MiB"):
        await camera.profiles()
    fake.quirks.huge = 0
    assert await camera.profiles()


async def test_an_answer_cut_short_is_not_taken_for_a_whole_one(fake, client):
    camera = await client(fake)
    await camera.connect()
    fake.quirks.truncated = True
    with pytest.raises(Garbled, match="no whole SOAP envelope"):
        await camera.profiles()


async def test_a_web_page_is_no_answer(fake, client):
    fake.quirks.web_page = True
    with pytest.raises(Garbled, match="answered with a web page; is this the ONVIF port"):
        await (await client(fake)).connect()


async def test_attributes_without_quotes_are_put_up_with(fake, client):
    fake.quirks.unquoted = True
    camera = await client(fake)
    await camera.connect()
    assert [profile.token for profile in await camera.profiles()] == ["main", "sub"]


def test_a_long_run_without_quotes_does_not_hold_up_the_others():
    body = b"<Body><Answer y=1 " + b"=a" * 40_000 + b'"/></Body>'
    began_s = time.monotonic()
    opened(b"<Envelope>" + body + b"</Envelope>", 200, "camera")
    assert time.monotonic() - began_s < 2


def test_of_a_long_fault_the_beginning_is_told():
    fault = (
        b"<Fault><Code><Value>Sender</Value></Code><Reason><Text>"
        + b"no " * 500_000
        + b"</Text></Reason></Fault>"
    )
    with pytest.raises(SoapFault) as refused:
        opened(b"<Envelope><Body>" + fault + b"</Body></Envelope>", 400, "camera")
    assert str(refused.value).startswith("camera: no no no")
    assert len(str(refused.value)) < 400


async def test_what_is_no_http(fake, client):
    async def babble(reader, writer):
        await reader.read(1000)
        writer.write(b"SSH-2.0-dropbear\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, sock=listen("127.0.0.1"))
    async with server:
        fake.port = server.sockets[0].getsockname()[1]
        camera = await client(fake)
        with pytest.raises(Garbled, match="no HTTP answer"):
            await camera.connect()


async def test_a_connection_that_was_hung_up_is_made_again_once(fake, client):
    camera = await client(fake)
    await camera.connect()
    fake.quirks.hangs_up = 1
    assert await camera.profiles()
    fake.quirks.hangs_up = 2
    with pytest.raises(LinkClosed, match="hung up before it answered"):
        await camera.profiles()


async def test_what_must_not_happen_twice_is_not_sent_again(fake, client):
    camera = await client(fake)
    await camera.connect()
    fake.quirks.hangs_up = 1
    with pytest.raises(LinkClosed):
        await camera.reboot()
    assert fake.reboots == 0


async def test_closing_leaves_no_connection(fake, client):
    camera = await client(fake)
    async with camera:
        await camera.connect()
        assert fake.connections == 1
    async with camera:
        await camera.connect()


async def test_a_self_signed_chain_needs_our_trust(authority, client):
    async with FakeCamera(tls=authority.server(hosts=["camera.example"])) as fake:
        with pytest.raises(
            LinkClosed, match=r"certificate is not trusted: .*Name its certificate as the camera's ca"
        ):
            await (await client(fake, https=True)).connect()
        for trust in (Trust(verify=False), Trust(ca=authority.ca)):
            assert (await (await client(fake, https=True, trust=trust)).connect()).serial == "LB0001"


async def test_the_cameras_own_certificate_may_be_the_one_that_is_trusted(authority, client):
    own, other = authority.server(), authority.server()
    async with FakeCamera(tls=own) as fake:
        assert await (await client(fake, https=True, trust=Trust(ca=own.certificate))).connect()
        with pytest.raises(LinkClosed, match="not trusted"):
            await (await client(fake, https=True, trust=Trust(ca=other.certificate))).connect()


async def test_a_certificate_file_that_is_none(fake, client, tmp_path):
    with pytest.raises(BadConfig, match="CA file"):
        await (await client(fake, https=True, trust=Trust(ca=tmp_path / "none.pem"))).connect()


async def test_tls_to_a_port_without(fake, client):
    with pytest.raises(LinkClosed, match="is this its HTTPS port"):
        await (await client(fake, https=True)).connect()


async def test_a_port_that_sends_elsewhere(client, authority):
    async with FakeCamera(tls=authority.server()) as fake:
        with pytest.raises((Garbled, Refused, LinkClosed)):
            await (await client(fake)).connect()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/onvif/ptz", "http://192.0.2.7:8000/onvif/ptz"),
        ("http://10.0.0.1/onvif/ptz?x=1", "http://192.0.2.7:8000/onvif/ptz?x=1"),
        ("http://10.0.0.1:8106/sub", "http://192.0.2.7:8106/sub"),
        ("http://10.0.0.1:8106:8106/sub?Idx=43", "http://192.0.2.7:8106/sub?Idx=43"),
        ("http://[fe80::1]:81/sub", "http://192.0.2.7:81/sub"),
        ("http://10.0.0.1", "http://192.0.2.7:8000/"),
    ],
)
def test_addresses_are_reached_where_the_camera_is(address, expected):
    assert Wire("192.0.2.7", 8000, https=False, trust=Trust(), timeout_s=1).url(address) == expected


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_an_address_that_is_none_is_the_cameras_fault():
    with pytest.raises(Garbled, match="for an address"):
        Wire("127.0.0.1", 80, https=False, trust=Trust(), timeout_s=1).url("http://[fe80::1/onvif")


async def test_a_camera_by_ipv6(client):
    async with FakeCamera(host="::1") as fake:
        camera = await client(fake)
        await camera.reach()
        await camera.connect()
        assert (await camera.snapshot_uri("main")).startswith(f"http://[::1]:{fake.port}/")
