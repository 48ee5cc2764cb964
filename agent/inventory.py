"""What the station has: each device and what its channels' numbers mean."""

from __future__ import annotations

from collections.abc import Container
from importlib.metadata import version
from typing import Any

from agent.plan import DevicePlan, StationPlan
from agent.wire import ChannelFacts, DeviceFacts, Inventory
from firmware_profiles.properties import property_of


def inventory(plan: StationPlan) -> Inventory:
    """The retained message that readings need not repeat."""
    return Inventory(
        version=version("polegate"), devices={name: _facts(device) for name, device in plan.devices.items()}
    )


def units(plan: StationPlan, devices: Container[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Unit and sensible decimals of each channel of these devices."""
    return {
        name: {channel: _unit(channel) for channel in device.channels}
        for name, device in plan.devices.items()
        if name in devices
    }


def _unit(channel: str) -> dict[str, Any]:
    known = property_of(channel)
    return {"unit": known.unit, "decimals": known.decimals}


def _facts(device: DevicePlan) -> DeviceFacts:
    return DeviceFacts(
        instrument=device.profile,
        title=device.title,
        every_s=device.timing.every_s,
        channels={channel: _channel(channel) for channel in device.channels},
    )


def _channel(channel: str) -> ChannelFacts:
    known = property_of(channel)
    return ChannelFacts(
        title=known.title, unit=known.unit, kind=known.kind,
        cf=known.cf, sl651=known.sl651, hj212=known.hj212, weighting=known.weighting,
    )  # fmt: skip
