"""How much of a serial line's time its devices take. Pure.

One request takes its own characters, 3.5 of silence, the device's turnaround, the answer's characters, and
3.5 of silence (Modbus over Serial Line V1.02, 2.5.1.1).
"""

from __future__ import annotations

from agent.plan import BusPlan, DevicePlan
from drivers.endpoints import SerialEndpoint
from drivers.modbus.plan import Block, plan_blocks
from drivers.modbus.transaction import silence
from firmware_profiles.schema import FrameInstrument, ModbusInstrument

TURNAROUND_S = 0.010
"""What gauges usually take to answer; a slow one takes more."""

REQUEST_CHARS = 8
"""Unit id, function, address (2), count (2), CRC (2)."""

ANSWER_CHARS = 5
"""Unit id, function, byte count, CRC (2): what stands around the data of an answer."""

FULL = 0.7
"""Above this share a retry or a probe makes the next device late."""


def requests(device: DevicePlan) -> int:
    """Requests a sample takes; 0 for a device that pushes."""
    if isinstance(device.instrument, ModbusInstrument):
        return len(plan_blocks(device.instrument.points, device.instrument.modbus))
    return len(device.instrument.frames.requests)


def sample_s(device: DevicePlan) -> float | None:
    """Seconds of line time a sample takes; None over TCP, where the line is not ours, and for what pushes."""
    if not isinstance(device.endpoint, SerialEndpoint) or device.listens:
        return None
    char_s, gap_s = device.endpoint.char_s, device.timing.gap_ms / 1000
    if isinstance(device.instrument, ModbusInstrument):
        blocks = plan_blocks(device.instrument.points, device.instrument.modbus)
        quiet_s = 2 * silence(char_s) + TURNAROUND_S + gap_s
        return sum((REQUEST_CHARS + ANSWER_CHARS + _data_chars(block)) * char_s + quiet_s for block in blocks)
    return _frames_s(device.instrument, char_s, gap_s)


def device_load(device: DevicePlan) -> float | None:
    """Share of the line's time; None where there is no line of ours."""
    line_s = sample_s(device)
    return None if line_s is None else line_s / device.timing.every_s


def bus_load(bus: BusPlan) -> float | None:
    """Share of the line's time that all its devices take together."""
    loads = [load for device in bus.devices if (load := device_load(device)) is not None]
    return sum(loads) if loads else None


def _data_chars(block: Block) -> int:
    return (block.count + 7) // 8 if block.table in ("coil", "discrete") else 2 * block.count


def _frames_s(instrument: FrameInstrument, char_s: float, gap_s: float) -> float:
    """The answer at its longest: its size, or the most it may have."""
    frames = instrument.frames
    answer = (frames.size or frames.max_size) * char_s + TURNAROUND_S + gap_s
    return sum(len(frames.octets(request)) * char_s + answer for request in frames.requests)
