"""The platform's connection to the broker, which comes back after every outage."""

from __future__ import annotations

import asyncio
import time
from typing import NoReturn

import aiomqtt

from scripts.demonstration.broker import HOST, PLATFORM, TOPICS, Broker
from scripts.demonstration.platform import Platform

AGAIN_S = 0.2


async def subscribe(broker: Broker, platform: Platform) -> NoReturn:
    """Hand every message to the platform, for ever."""
    password = await asyncio.to_thread(broker.password.read_text, "ascii")
    while True:
        try:
            async with aiomqtt.Client(
                HOST,
                broker.port,
                username=PLATFORM,
                password=password.strip(),
                identifier=PLATFORM,
                protocol=aiomqtt.ProtocolVersion.V311,
                clean_session=False,
                timeout=5.0,
            ) as client:
                await client.subscribe(TOPICS, qos=1)
                async for message in client.messages:
                    platform.receive(str(message.topic), bytes(message.payload), time.time_ns() // 1_000_000)
        except aiomqtt.MqttError:
            await asyncio.sleep(AGAIN_S)
