"""Pan, tilt and zoom (ONVIF PTZ 2.0)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from xml.sax.saxutils import escape

from drivers.cameras.onvif.envelope import Element, every, find, text
from drivers.cameras.onvif.services import Services

LONGEST_MOVE_S = 60.0
"""A move that is asked to last longer is stopped after this."""

STOP_ITSELF_S = 2.0
"""A camera that never hears our stop is told to stop by itself this long after it was due."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A position the camera remembers."""

    token: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PtzStatus:
    """Where the camera points, in its generic space: pan and tilt -1 to 1, zoom 0 to 1; None: not told.

    `moving`: None where it does not tell that.
    """

    pan: float | None
    tilt: float | None
    zoom: float | None
    moving: bool | None


async def presets(services: Services, profile: str) -> tuple[Preset, ...]:
    """All presets, in the camera's order."""
    answer = await services.ask("tptz", "GetPresets", _profile(profile))
    return tuple(Preset(one.get("token", ""), text(one, "Name")) for one in every(answer, "Preset"))


async def goto(services: Services, profile: str, preset: str) -> None:
    """Start to move to the preset with this token."""
    inside = f"{_profile(profile)}<tptz:PresetToken>{escape(preset)}</tptz:PresetToken>"
    await services.ask("tptz", "GotoPreset", inside)


async def move(
    services: Services, profile: str, *, pan: float, tilt: float, zoom: float, for_s: float
) -> None:
    """Move at these speeds, -1 to 1, for `for_s`, then stop; stop too when it is cancelled or goes wrong."""
    for_s = min(for_s, LONGEST_MOVE_S)
    speed = ""
    if pan or tilt:
        speed += f'<tt:PanTilt x="{_speed(pan)}" y="{_speed(tilt)}"/>'
    if zoom:
        speed += f'<tt:Zoom x="{_speed(zoom)}"/>'
    timeout = f"<tptz:Timeout>PT{for_s + STOP_ITSELF_S:.1f}S</tptz:Timeout>"
    moving = f"{_profile(profile)}<tptz:Velocity>{speed}</tptz:Velocity>{timeout}"
    try:
        await services.ask("tptz", "ContinuousMove", moving)
        await asyncio.sleep(for_s)
    finally:
        await stop(services, profile)


async def stop(services: Services, profile: str) -> None:
    """Stop every movement."""
    both = "<tptz:PanTilt>true</tptz:PanTilt><tptz:Zoom>true</tptz:Zoom>"
    await services.ask("tptz", "Stop", f"{_profile(profile)}{both}")


async def status(services: Services, profile: str) -> PtzStatus:
    """Where it points now."""
    answer = find(await services.ask("tptz", "GetStatus", _profile(profile)), "PTZStatus")
    pan_tilt, zoom = find(answer, "Position/PanTilt"), find(answer, "Position/Zoom")
    states = {text(answer, f"MoveStatus/{axis}").upper() for axis in ("PanTilt", "Zoom")} - {"", "UNKNOWN"}
    return PtzStatus(
        pan=_position(pan_tilt, "x"),
        tilt=_position(pan_tilt, "y"),
        zoom=_position(zoom, "x"),
        moving="MOVING" in states if states else None,
    )


def _profile(token: str) -> str:
    return f"<tptz:ProfileToken>{escape(token)}</tptz:ProfileToken>"


def _speed(value: float) -> str:
    return f"{max(-1.0, min(1.0, value)):.3f}"


def _position(element: Element | None, axis: str) -> float | None:
    try:
        return None if element is None else float(element.get(axis, ""))
    except ValueError:
        return None
