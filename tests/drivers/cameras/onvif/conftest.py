from __future__ import annotations

import time
from contextlib import AsyncExitStack

import pytest
from fakes.onvif_camera import PASSWORD, USER, FakeCamera

from drivers.cameras.access import Credentials, Trust
from drivers.cameras.onvif.camera import OnvifCamera


def now_ms():
    return time.time_ns() // 1_000_000


@pytest.fixture
async def fake():
    async with FakeCamera() as camera:
        yield camera


@pytest.fixture
async def client():
    """Makes clients of a fake camera, closed at the end of the test."""
    async with AsyncExitStack() as stack:

        async def make(
            fake, *, password=PASSWORD, user=USER, timeout_s=2.0, trust=None, https=False, host=None
        ):
            credentials = Credentials(user, password) if user else None
            camera = OnvifCamera(
                host or fake.host,
                fake.port,
                https=https,
                credentials=credentials,
                trust=trust or Trust(),
                now=now_ms,
                timeout_s=timeout_s,
            )
            return await stack.enter_async_context(camera)

        yield make
