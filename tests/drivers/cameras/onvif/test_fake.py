"""The fake camera is judged by a client that is not ours, which checks each answer against the WSDL."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest
from fakes import onvif_client_child
from fakes.onvif_camera import PASSWORD, USER


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
async def test_onvif_zeep_async_understands_the_fake(fake, password):
    fake.quirks.clock_s = 3600.0
    told, errors = await _child(fake, password)
    if password != PASSWORD:
        assert b"Sender not Authorized" in errors
        return
    assert json.loads(told) == {
        "model": "Pole & River 2",
        "profiles": ["main", "sub"],
        "width": 1920,
        "stream": "rtsp://127.0.0.1:554/main",
        "snapshot": f"http://127.0.0.1:{fake.port}/snapshot.jpg",
        "presets": ["Home", "Staff gauge"],
        "pan": 0.0,
        "brightness": 50.0,
        "address": "192.0.2.31",
        "capabilities": ["Device", "Events", "Imaging", "Media", "PTZ"],
    }
    assert fake.refusals == []


async def _child(fake, password):
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", onvif_client_child.__file__, fake.host, str(fake.port), USER, password),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(20):
            return await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
