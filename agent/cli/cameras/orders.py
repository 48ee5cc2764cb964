"""polegate camera ptz, imaging, set-time and reboot: what a camera is told to do."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from agent.amounts import span
from agent.cli import screen
from agent.cli.cameras import texts as camera_texts
from agent.cli.cameras.known import configured, json_option, now_ms
from agent.cli.cameras.view import clock
from agent.cli.exits import Exit, Failed, no_such

if TYPE_CHECKING:
    from drivers.cameras.onvif.camera import OnvifCamera
    from drivers.cameras.onvif.clock import ClockReading

T = TypeVar("T")
_SPEED = click.FloatRange(-1, 1)
_LEVELS = ("brightness", "contrast", "saturation", "sharpness")
_IR_CUT = ("on", "off", "auto")


@click.command("ptz")
@click.argument("name")
@click.argument("action", metavar="ACTION", type=click.Choice(["presets", "goto", "move", "stop", "status"]))
@click.argument("preset", required=False)
@click.option("--pan", type=_SPEED, default=0.0, help="Speed to the right, -1 to 1.")
@click.option("--tilt", type=_SPEED, default=0.0, help="Speed upwards, -1 to 1.")
@click.option("--zoom", type=_SPEED, default=0.0, help="Speed nearer, -1 to 1.")
@click.option("--for", "for_s", type=click.FloatRange(0.05, 60), default=1.0, show_default=True,
              metavar="S", help="Move so many seconds, then stop.")  # fmt: skip
@json_option
@click.pass_obj
def ptz(paths: Mapping[str, Path], /, *, name: str, action: str, preset: str | None, as_json: bool,
        **speeds: float) -> None:  # fmt: skip
    """Turn a camera: its presets, to one of them, a short move, stop, or where it points.

    The daemon takes a turned view for one that was moved: use the camera's own home position for good.
    """
    if action == "goto" and not preset:
        raise click.UsageError(camera_texts.GOTO_WHICH.format(name=name))
    if action == "move" and not (speeds["pan"] or speeds["tilt"] or speeds["zoom"]):
        raise click.UsageError(camera_texts.MOVE_WHERE)
    work: Callable[[OnvifCamera], Coroutine[Any, Any, tuple[Any, str]]] = {
        "presets": _presets,
        "goto": lambda onvif: _goto(onvif, str(preset)),
        "move": lambda onvif: _move(onvif, speeds),
        "stop": _stop,
        "status": _status,
    }[action]
    facts, said = _told(paths, name, work)
    screen.machine({"camera": name, **facts}) if as_json else screen.line(said)


async def _presets(onvif: OnvifCamera) -> tuple[Any, str]:
    known = await onvif.presets()
    said = "\n".join(f"{each.token}: {each.name}" for each in known) or camera_texts.NO_PRESETS
    return {"presets": [asdict(each) for each in known]}, said


async def _goto(onvif: OnvifCamera, wanted: str) -> tuple[Any, str]:
    known = await onvif.presets()
    found = next((each for each in known if wanted in (each.token, each.name)), None)
    if found is None:
        raise no_such("preset", wanted, [each.name or each.token for each in known])
    await onvif.goto(found.token)
    return {"goto": asdict(found)}, camera_texts.GONE_TO.format(preset=found.name or found.token)


async def _move(onvif: OnvifCamera, speeds: Mapping[str, float]) -> tuple[Any, str]:
    await onvif.move(speeds["pan"], speeds["tilt"], speeds["zoom"], for_s=speeds["for_s"])
    return {"moved": dict(speeds)}, camera_texts.MOVED.format(took=span(speeds["for_s"]))


async def _stop(onvif: OnvifCamera) -> tuple[Any, str]:
    await onvif.stop()
    return {"stopped": True}, camera_texts.STOPPED_MOVING


async def _status(onvif: OnvifCamera) -> tuple[Any, str]:
    at = await onvif.status()
    axes = [f"{name} {value:+.2f}" for name, value in (("pan", at.pan), ("tilt", at.tilt), ("zoom", at.zoom))
            if value is not None]  # fmt: skip
    moving = {True: "moving", False: "still", None: ""}[at.moving]
    return asdict(at), ", ".join(filter(None, [*axes, moving])) or camera_texts.NO_POSITION


@click.command("imaging")
@click.argument("name")
@click.argument("settings", metavar="[KEY=VALUE]...", nargs=-1)
@json_option
@click.pass_obj
def imaging(paths: Mapping[str, Path], name: str, settings: tuple[str, ...], as_json: bool) -> None:
    """How a camera's picture is set, or set it: brightness, contrast, saturation, sharpness, ir_cut.

    Ends with 1 when the camera made something else of a value.
    """
    wanted = _settings(settings)

    async def work(onvif: OnvifCamera) -> Any:  # noqa: ANN401  ImagingSettings, not imported here
        return await (onvif.set_imaging(**wanted) if wanted else onvif.imaging())

    found = asdict(_told(paths, name, work))
    if as_json:
        screen.machine({"camera": name, **found})
    else:
        shown = {key: _shown(value) for key, value in found.items() if value is not None}
        screen.show(screen.pairs(*shown.items()))
    differs = [
        camera_texts.DIFFERS.format(key=key, got=found[key], wanted=value)
        for key, value in wanted.items()
        if found[key] != value
    ]
    if differs:
        raise Failed("\n".join(differs), Exit.PROBLEM)


def _settings(given: tuple[str, ...]) -> dict[str, Any]:
    """`brightness=50 ir_cut=auto` by key.

    Raises:
        click.UsageError: another form, key or value.
    """
    kinds: dict[str, Callable[[str], Any]] = {**dict.fromkeys(_LEVELS, float), "ir_cut": _ir_cut}
    found: dict[str, Any] = {}
    for each in given:
        key, _, text = each.partition("=")
        try:
            found[key] = kinds[key](text)
        except (KeyError, ValueError):
            keys = ", ".join((*_LEVELS, f"ir_cut ({'|'.join(_IR_CUT)})"))
            raise click.UsageError(camera_texts.SETTING.format(got=each, keys=keys)) from None
    return found


def _shown(value: float | str) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else f"{value:g}"


def _ir_cut(text: str) -> str:
    if text not in _IR_CUT:
        raise ValueError(text)
    return text


@click.command("set-time")
@click.argument("name")
@click.option("--anyway", is_flag=True, help="Even if this gateway's clock is not synchronised.")
@json_option
@click.pass_obj
def set_time(paths: Mapping[str, Path], name: str, anyway: bool, as_json: bool) -> None:
    """Set a camera's clock to this gateway's; it keeps its zone, and asks no time server from then on."""
    from agent.clock import kernel_synced

    configured(paths, name)
    if not anyway and not kernel_synced():
        raise Failed(camera_texts.CLOCK_UNTRUSTED, Exit.PROBLEM)

    async def work(onvif: OnvifCamera) -> tuple[int, ClockReading]:
        before_ms = (await onvif.connect()).clock_offset_ms
        return before_ms, await onvif.set_time(now_ms())

    before_ms, reading = _told(paths, name, work)
    shown = reading.time_ms("utc")
    after_ms = 0 if shown is None else shown - now_ms()
    if as_json:
        screen.machine({"camera": name, "before_ms": before_ms, "after_ms": after_ms})
    else:
        said = camera_texts.CLOCK_SET.format(name=name, before=clock(before_ms), after=clock(after_ms))
        screen.line(said)


@click.command("reboot")
@click.argument("name")
@click.option("--yes", is_flag=True, help="That is meant.")
@json_option
@click.pass_obj
def reboot(paths: Mapping[str, Path], name: str, yes: bool, as_json: bool) -> None:
    """Restart a camera; the daemon finds it again by itself."""
    configured(paths, name)
    if not yes:
        raise click.UsageError(camera_texts.REBOOT_SURE.format(name=name))
    _told(paths, name, lambda onvif: onvif.reboot())
    screen.machine({"camera": name}) if as_json else screen.line(camera_texts.REBOOTING.format(name=name))


def _told(paths: Mapping[str, Path], name: str, work: Callable[[OnvifCamera], Coroutine[Any, Any, T]]) -> T:
    """Sign in to the camera and do the work."""
    from agent.cli.cameras.eye import check_libraries, finish, signed_in

    async def done() -> T:
        async with signed_in(paths, name) as onvif:
            return await work(onvif)

    _, camera = configured(paths, name)
    check_libraries()
    return finish(done(), camera, name)
