"""polegate camera probe and add: everything about a camera, and its table of the configuration."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from pydantic import ValidationError

from agent.camera.config import Camera
from agent.cli import screen
from agent.cli.cameras import texts as camera_texts
from agent.cli.cameras.fragment import camera_path, camera_text
from agent.cli.cameras.known import json_option
from agent.cli.exits import Exit, Failed, load_config
from agent.cli.laying import check_whole, lay
from firmware_profiles.declared import checked, told

if TYPE_CHECKING:
    from agent.cli.cameras.probing import Probing, Step

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--username", help="A user of its ONVIF service."),
    click.option("--password-file", type=click.Path(path_type=Path, dir_okay=False), metavar="F",
                 help="The file that holds the user's password."),
    click.option("--https", is_flag=True, help="Its ONVIF service by HTTPS."),
    click.option("--ca", type=click.Path(path_type=Path, dir_okay=False), metavar="PEM",
                 help="Its certificate, or that of who signed it."),
    click.option("--no-verify", is_flag=True, help="Do not check its certificate: anybody may pose as it."),
    click.option("--profile", help="Media profile; default: the least of 640 pixels."),
    click.option("--way", type=click.Choice(["snapshot", "connect", "hold"]), help="Default: the cheapest."),
    click.option("--every", "every_s", type=click.FloatRange(0.5, 86400), metavar="S",
                 help="Seconds between pictures; default: 60."),
)  # fmt: skip


def _reaching(command: Command) -> Command:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("probe")
@click.argument("host", metavar="HOST")
@_reaching
@json_option
@click.pass_obj
def probe(paths: Mapping[str, Path], /, *, host: str, as_json: bool, **given: Any) -> None:  # noqa: ANN401
    """Ask a camera for everything: HOST is one of the configuration, host[:port], or where pictures are.

    Step by step: reachable, authorised, streaming, changing. Ends with 0 when pictures come, 1 when not.
    """
    cameras = _configured(paths["config"])
    camera = cameras.get(host) if not _is_reached_by(given) else None
    name = host if camera else "camera"
    keys = {} if camera else _keys(host, given)
    probing = _probe(name, camera or _checked(keys), quiet=as_json, configured=camera is not None)
    text = camera_text(name, keys, _said(probing)) if keys and probing.ok else ""
    if as_json:
        screen.machine({"camera": host, "ok": probing.ok, **probing.facts_of_all(), "fragment": text})
    else:
        _show(probing, host if camera else "NAME")
        if keys and not probing.steps[0].ok and _is_a_word(host, cameras):
            screen.line(camera_texts.NO_CAMERA.format(host=host, known=", ".join(cameras)))
        elif keys:
            screen.line(_how_to_add(host, given, text))
    sys.exit(Exit.OK if probing.ok else Exit.PROBLEM)


@click.command("add")
@click.argument("name")
@click.argument("host")
@click.option("--title", help="For people: Left bank, downstream.")
@_reaching
@click.option("--offline", is_flag=True, help="Do not ask the camera; take what is given.")
@click.option("--replace", is_flag=True, help="Overwrite the fragment if there is one.")
@click.option("--dry-run", is_flag=True, help="Check and show it, write nothing.")
@json_option
@click.pass_obj
def add(
    paths: Mapping[str, Path], /, *, name: str, host: str, offline: bool, replace: bool, dry_run: bool,
    as_json: bool, **given: Any,  # noqa: ANN401  click's options
) -> None:  # fmt: skip
    """Probe a camera and write conf.d/NAME.toml, if it holds together with all the rest.

    HOST is host[:port] of its ONVIF service, or the address of a snapshot (http://) or stream (rtsp://).
    Ends with 1 when no picture came, 78 when the configuration would not hold; nothing is written then.
    """
    _check_name(name)
    file = camera_path(paths["config"], name)
    if file.exists() and not replace:
        raise Failed(camera_texts.EXISTS.format(path=file), Exit.PROBLEM)
    keys = _keys(host, given)
    camera = _checked(keys)
    check_whole(paths["config"], file, camera_text(name, keys), camera_texts.REFUSED)
    probing = None if offline else _probe(name, camera, quiet=as_json)
    if probing is not None and not probing.ok:
        if as_json:
            screen.machine({"file": str(file), "written": False, **probing.facts_of_all()})
        raise Failed(_not_added(name, camera, probing), Exit.PROBLEM)
    text = camera_text(name, keys, _said(probing) if probing else ())
    if not dry_run:
        lay(file, text)
    if as_json:
        screen.machine({"file": str(file), "written": not dry_run, "text": text})
    else:
        screen.line(f"{file}:\n{text}")
        screen.line(camera_texts.DRY if dry_run else camera_texts.ADDED.format(name=name))


def _how_to_add(host: str, given: Mapping[str, Any], text: str) -> str:
    """The command with what was given, and what it would write; offline where no picture came."""
    words = [host]
    for option, value in given.items():
        flag = f"--{option.removesuffix('_s').replace('_', '-')}"
        words += [] if value in (None, False) else [flag] if value is True else [flag, str(value)]
    command = shlex.join(words)
    if not text:
        return camera_texts.ADD_OFFLINE.format(words=command)
    table = text.partition("\n")[2].replace("[cameras.camera]", "[cameras.NAME]").rstrip()
    return camera_texts.ADD.format(words=command, table=table)


def _not_added(name: str, camera: Camera, probing: Probing) -> str:
    """Where another way might do, the one that was asked for and what is wrong with it."""
    last = probing.steps[-1]
    if camera.way == "auto" or last.name != "streaming":
        return camera_texts.NOT_ADDED.format(name=name)
    return camera_texts.WAY_FAILS.format(way=camera.way, why=last.message)


def _is_reached_by(given: Mapping[str, Any]) -> bool:
    return any(given.values())


def _configured(config: Path) -> Mapping[str, Camera]:
    """Cameras by name; none where no configuration could be read."""
    try:
        return load_config(config).config.cameras
    except Failed:
        return {}


def _is_a_word(host: str, cameras: Mapping[str, Camera]) -> bool:
    """Whether it may be meant for the name of one of these, and is none."""
    return bool(cameras) and not any(sign in host for sign in ".:/") and host not in cameras


def _keys(host: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The camera's table from the options."""
    if (given["username"] is None) != (given["password_file"] is None):
        raise click.UsageError(camera_texts.PASSWORD_FILE)
    scheme = host.partition("://")[0] if "://" in host else ""
    where = {"rtsp": "stream", "http": "snapshot", "https": "snapshot"}.get(scheme, "host")
    keys: dict[str, Any] = {where: host, "title": given.get("title"), "https": given["https"] or None}
    if given["username"] is not None:
        keys["username"] = given["username"]
        keys["password"] = {"file": str(given["password_file"].absolute())}
    keys["verify"] = False if given["no_verify"] else None
    keys["ca"] = str(given["ca"].absolute()) if given["ca"] else None
    keys |= {key: given[key] for key in ("profile", "way", "every_s")}
    return {key: value for key, value in keys.items() if value is not None}


def _checked(keys: Mapping[str, Any]) -> Camera:
    """Raises click.UsageError: an address that is none."""
    try:
        return checked(Camera, keys)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "camera"
        raise click.UsageError(f"{where}: {told(error)}") from None


def _check_name(name: str) -> None:
    from agent.config_words import Name

    try:
        checked(Name, name)
    except ValidationError as error:
        raise click.UsageError(f"NAME: {told(error)}, got {name!r}") from None


def _probe(name: str, camera: Camera, *, quiet: bool, configured: bool = False) -> Probing:
    """Asked step by step, each told unless `quiet`; where it is not configured, advice is in options."""
    from agent.cli.cameras.eye import check_libraries, finish

    check_libraries()
    from agent.cli.cameras import probing as camera_probing
    from agent.cli.cameras.probe_view import step_line

    def tell(step: Step) -> None:
        if not quiet:
            screen.line(step_line(step, camera, name, configured=configured))

    return finish(camera_probing.probe(name, camera, tell), camera, name, configured=configured)


def _show(probing: Probing, name: str) -> None:
    from agent.cli.cameras.probe_view import probe_view

    screen.show(*probe_view(probing, name))


def _said(probing: Probing) -> tuple[str, ...]:
    facts = probing.facts
    words = [str(facts.get(key) or "") for key in ("manufacturer", "model")]
    numbers = [f"{key} {facts[key]}" for key in ("firmware", "serial", "mac") if facts.get(key)]
    said = ", ".join(filter(None, [" ".join(filter(None, words)), *numbers]))
    return (said,) if said else ()
