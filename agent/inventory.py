"""What the station has: each device and what its channels' numbers mean."""

from __future__ import annotations

from collections.abc import Container, Mapping
from importlib.metadata import version
from typing import Any

from agent.judge.judgement import ChannelPlan
from agent.plan import Measuring, StationPlan
from agent.wire import ChannelFacts, DeviceFacts, Inventory
from firmware_profiles.properties import property_of
from pipelines.events import Source


def inventory(plan: StationPlan) -> Inventory:
    """The retained message that readings need not repeat."""
    return Inventory(
        version=version("polegate"),
        devices={name: _facts(device, plan.judgement.by_source) for name, device in plan.measuring.items()},
    )


def units(plan: StationPlan, devices: Container[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Unit and sensible decimals of each channel of these devices."""
    return {
        name: {channel: _unit(channel) for channel in device.channels}
        for name, device in plan.measuring.items()
        if name in devices
    }


def _unit(channel: str) -> dict[str, Any]:
    known = property_of(channel)
    return {"unit": known.unit, "decimals": known.decimals}


def _facts(device: Measuring, judged: Mapping[Source, ChannelPlan]) -> DeviceFacts:
    return DeviceFacts(
        instrument=device.profile,
        title=device.title,
        every_s=device.every_s,
        channels={
            channel: _channel(channel, judged.get(Source(device.name, channel)))
            for channel in device.channels
        },
    )


def _channel(channel: str, plan: ChannelPlan | None) -> ChannelFacts:
    known = property_of(channel)
    report, windows = (plan.deadband, plan.aggregate) if plan else (None, None)
    return ChannelFacts(
        title=known.title, unit=known.unit, kind=known.kind,
        cf=known.cf, sl651=known.sl651, hj212=known.hj212, weighting=known.weighting,
        deadband=report.absolute if report else None,
        at_least_s=report.at_least_ms / 1000 if report else None,
        window_s=windows.window_ms // 1000 if windows else None,
    )  # fmt: skip
