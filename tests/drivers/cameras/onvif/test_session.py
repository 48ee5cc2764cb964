from __future__ import annotations

import asyncio

import aiohttp
import pytest
from fakes.onvif_camera import PASSWORD, USER
from fakes.waiting import wait_until_async

from drivers.cameras.access import Credentials
from drivers.cameras.onvif.envelope import SoapFault, envelope
from drivers.cameras.onvif.signing import username_token
from drivers.errors import LinkError, Refused, Unauthorised

HOUR_S = 3600.0


@pytest.mark.parametrize("ahead_s", [0.0, HOUR_S, -HOUR_S, -86400.0 * 180])
async def test_a_clock_that_is_off_is_signed_by(fake, client, ahead_s):
    fake.quirks.clock_s = ahead_s
    facts = await (await client(fake)).connect()
    assert facts.clock_source == "utc"
    assert abs(facts.clock_offset_ms - ahead_s * 1000) < 1500
    assert fake.refusals == []


async def test_a_camera_that_tells_local_time_as_utc_is_signed_by_our_own_clock(fake, client):
    fake.quirks.zone_s, fake.quirks.local_as_utc = 8 * HOUR_S, True
    facts = await (await client(fake)).connect()
    assert (facts.clock_source, facts.clock_offset_ms) == ("none", 0)
    assert len(fake.refusals) == 1


async def test_a_camera_that_checks_by_local_time(fake, client):
    fake.quirks.zone_s, fake.quirks.checks_local = 8 * HOUR_S, True
    facts = await (await client(fake)).connect()
    assert facts.clock_source == "local"
    assert abs(facts.clock_offset_ms - 8 * HOUR_S * 1000) < 1500


async def test_a_camera_that_tells_no_utc_is_signed_by_its_local_time(fake, client):
    fake.quirks.no_utc = True
    fake.quirks.clock_s = HOUR_S
    assert (await (await client(fake)).connect()).clock_source == "local"


async def test_a_camera_that_tells_its_time_to_nobody_is_signed_by_our_own(fake, client):
    fake.quirks.time_signed = True
    facts = await (await client(fake)).connect()
    assert (facts.clock_source, facts.clock_offset_ms) == ("none", 0)


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
async def test_the_clock_is_read_anew_when_the_camera_refuses_later(fake, client, jump_s):
    camera = await client(fake)
    await camera.connect()
    fake.quirks.clock_s = jump_s
    assert await camera.profiles()
    assert len(fake.refusals) == 1
    assert "signed" in fake.refusals[0]
    await camera.profiles()
    assert len(fake.refusals) == 1


async def test_a_camera_that_rebooted_to_1970_is_found_again(fake, client):
    camera = await client(fake)
    await camera.connect()
    fake.quirks.clock_lost = True
    await fake.reboot()
    assert await camera.profiles()
    assert camera.time_ms() < 86_400_000


async def test_during_a_reboot_the_camera_is_away_and_then_back(fake, client):
    camera = await client(fake)
    await camera.connect()
    fake.quirks.reboot_s = 0.3
    await camera.reboot()
    await wait_until_async(lambda: fake.reboots == 1)
    with pytest.raises(LinkError, match="connection refused"):
        await camera.profiles()
    await wait_until_async(lambda: fake.is_on)
    assert await camera.profiles()
    assert fake.requests["SystemReboot"] == 1


async def test_a_wrong_password_is_tried_once_where_nothing_else_differs(fake, client):
    camera = await client(fake, password="wrong-secret")
    with pytest.raises(Unauthorised) as refused:
        await camera.connect()
    assert fake.refusals[:2] == ["a wrong password", "no UsernameToken"]
    assert len(fake.refusals) == 2
    message = str(refused.value)
    assert "Sender not Authorized" in message
    assert (
        f"user '{USER}' was tried with a token by the camera's UTC time (+0 s to ours), HTTP digest"
        in message
    )
    assert "Check the password" in message
    assert "wrong-secret" not in message + repr(refused.value)


async def test_the_refusal_names_every_clock_that_was_tried(fake, client):
    fake.quirks.zone_s, fake.quirks.clock_s = 8 * HOUR_S, HOUR_S
    with pytest.raises(Unauthorised) as refused:
        await (await client(fake, password="wrong")).connect()
    for way in ("UTC time (+3600 s", "local time (+32400 s", "our own clock", "HTTP digest"):
        assert way in str(refused.value)


async def test_a_rotated_password_is_refused_and_the_new_one_taken(fake, client):
    camera = await client(fake)
    await camera.connect()
    fake.password = "new"
    with pytest.raises(Unauthorised):
        await camera.profiles()
    assert await (await client(fake, password="new")).connect()
    fake.password = PASSWORD
    assert await camera.profiles()


@pytest.mark.parametrize("auth", ["token", "digest", "both", "none"])
@pytest.mark.parametrize("bare_401", [False, True])
async def test_each_way_to_sign_in(fake, client, auth, bare_401):
    fake.quirks.auth, fake.quirks.bare_401 = auth, bare_401
    camera = await client(fake)
    await camera.connect()
    before = len(fake.refusals)
    assert await camera.profiles()
    assert len(fake.refusals) == before
    assert not any("password" in refusal for refusal in fake.refusals)


async def test_digest_needs_no_clock(fake, client):
    fake.quirks.auth, fake.quirks.zone_s, fake.quirks.clock_s = "digest", HOUR_S, -86400.0
    facts = await (await client(fake)).connect()
    assert facts.clock_source == "utc"
    assert abs(facts.clock_offset_ms + 86_400_000) < 1500


async def test_a_digest_nonce_that_went_stale_is_renewed(fake, client):
    fake.quirks.auth, fake.quirks.reboot_s = "digest", 0.0
    camera = await client(fake)
    await camera.connect()
    await fake.reboot()
    assert await camera.profiles()


async def test_digest_with_a_wrong_password_says_so(fake, client):
    fake.quirks.auth = "digest"
    with pytest.raises(Unauthorised, match=r"HTTP 401; user .* HTTP digest"):
        await (await client(fake, password="wrong")).connect()


async def test_without_a_user_only_an_open_camera_answers(fake, client):
    with pytest.raises(Unauthorised, match="no user is configured"):
        await (await client(fake, user=None)).connect()
    fake.quirks.auth = "none"
    assert (await (await client(fake, user=None)).connect()).serial == "LB0001"


async def test_the_camera_takes_no_nonce_twice(fake, client):
    token = username_token(Credentials(USER, PASSWORD), fake.clock_ms())
    data = envelope("<tds:GetDeviceInformation/>", token)
    async with aiohttp.ClientSession() as session:
        for status in (200, 400):
            url = f"http://{fake.host}:{fake.port}/onvif/device_service"
            async with session.post(url, data=data) as response:
                assert response.status == status
    assert fake.refusals == ["a nonce used before"]
    camera = await client(fake)
    await camera.connect()
    await asyncio.gather(*(camera.profiles() for _ in range(10)))
    assert len(fake.refusals) == 1


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_a_fault_is_read_whatever_its_http_status(fake, client, status):
    fake.quirks.fault_status = status
    camera = await client(fake)
    await camera.connect()
    with pytest.raises(SoapFault, match="Profile token nowhere does not exist") as fault:
        await camera.stream_uri("nowhere")
    assert (fault.value.subcodes, fault.value.code) == (("NoProfile",), status)
    with pytest.raises(Unauthorised):
        await (await client(fake, password="wrong")).connect()


async def test_the_door_for_other_services(fake, client):
    camera = await client(fake)
    facts = await camera.connect()
    namespace = "http://www.onvif.org/ver10/events/wsdl"
    with pytest.raises(Refused, match="No event service"):
        await camera.soap(
            facts.services[namespace], f"{namespace}/GetEventProperties", "<tev:GetEventProperties/>"
        )
    answer = await camera.soap("http://10.9.8.7/onvif/device_service", "a", "<tds:GetDNS/>", repeat=False)
    assert answer.tag.endswith("GetDNSResponse")


async def test_setting_the_time_ends_the_offset(fake, client):
    fake.quirks.clock_s, fake.quirks.refuses_zone = -HOUR_S, True
    fake.by_ntp = True
    camera = await client(fake)
    assert (await camera.connect()).clock_by_ntp
    await camera.set_time(round(fake.clock_ms() + HOUR_S * 1000))
    assert not fake.by_ntp
    assert abs((await camera.connect()).clock_offset_ms) < 2500
    assert fake.refusals == []
