"""The questions of `polegate provision`, each checked as it is answered; they make a seed's tables."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from agent.camera.config import Latitude, Longitude
from agent.cli import provision_texts as say
from agent.cli import screen
from agent.config import Enrolment, Uplink
from agent.config_words import Name
from firmware_profiles.declared import checked, told
from firmware_profiles.loader import list_boards, list_stations, load_board, load_station

Tables = dict[str, Any]

_MODEL = Path("/proc/device-tree/model")
_NONE = "-"
_LASTING = (Path("/etc"), Path("/usr"))


def ask(present: Mapping[str, Any], folder: Path) -> Tables:
    """Ask for what a station must know; `present` is what it was told before, and is offered again.

    Files that do not lie where they will stay are named without the first `/`, to be copied into `folder`.
    """
    places = (folder / "profiles",)
    screen.line(say.INTRO)
    station, uplink = dict(present.get("station", {})), dict(present.get("uplink", {}))
    tables: Tables = {**present, "station": _station(station, places)}
    gateway = str(tables["station"]["gateway"])
    uplink["url"] = _asked(say.URL, uplink.get("url"), _url)
    _file(uplink, "ca", say.CA, folder)
    tables["uplink"] = uplink
    _access(tables, gateway, folder)
    return tables


def _station(station: Tables, places: Sequence[Path]) -> Tables:
    kinds = {name: load_station(name, places).title for name in list_stations(places)}
    station["kind"] = _chosen(say.KIND, kinds, station.get("kind"))
    station["site"] = _asked(say.SITE, station.get("site"), _name)
    station["gateway"] = _asked(say.GATEWAY, station.get("gateway") or _host(), _name)
    station["title"] = _asked(say.TITLE, station.get("title", ""), str)
    known = f"{station['latitude']}, {station['longitude']}" if "latitude" in station else _NONE
    position = _asked(say.POSITION, known, _position)
    if position is None:
        station.pop("latitude", None)
        station.pop("longitude", None)
    else:
        station["latitude"], station["longitude"] = position
    boards = {name: load_board(name, places).title for name in list_boards(places)}
    station["board"] = _chosen(say.BOARD, boards, station.get("board") or board_here(boards))
    return station


def _access(tables: Tables, gateway: str, folder: Path) -> None:
    """How the broker knows the station: what was told before of other ways is dropped."""
    uplink, enrolment = tables["uplink"], dict(tables.pop("enrolment", {}))
    by = enrolment.get("by", "request") if enrolment else "password" if "password" in uplink else None
    by = _chosen(say.ACCESS, say.ACCESS_KINDS, by)
    if by == "password":
        uplink["username"] = _asked(say.USERNAME, uplink.get("username") or gateway, str)
        if secret := _twice(say.PASSWORD):
            uplink["password"] = secret
    else:
        uplink.pop("username", None)
        uplink.pop("password", None)
    if by in ("password", "none"):
        uplink.pop("certificate", None)
        uplink.pop("key", None)
        return
    enrolment["by"] = by
    if by == "request":
        enrolment = {key: enrolment[key] for key in ("by", "key_type") if key in enrolment}
    else:
        _server(enrolment, folder)
    tables["enrolment"] = enrolment


def _server(enrolment: Tables, folder: Path) -> None:
    enrolment["url"] = _asked(say.SERVER, enrolment.get("url"), _https)
    if enrolment["by"] == "est":
        _file(enrolment, "ca", say.SERVER_CA, folder)
    if secret := _hidden(say.CODE):
        enrolment["code"] = secret


def board_here(titles: Mapping[str, str], model: Path = _MODEL) -> str:
    """The board whose title the device tree's model begins with, else the generic one."""
    try:
        found = model.read_text(encoding="utf-8", errors="replace").strip("\0 \n")
    except OSError:
        return "generic"
    return next((name for name, title in titles.items() if found.startswith(title)), "generic")


def _host() -> str | None:
    name = platform.node().partition(".")[0].lower()
    try:
        return _name(name)
    except click.BadParameter:
        return None


def _asked(question: str, known: Any, check: Callable[[str], Any]) -> Any:  # noqa: ANN401  what `check` makes
    return click.prompt(question, default=known, value_proc=check)


def _chosen(question: str, choices: Mapping[str, str], known: str | None) -> str:
    for name, title in choices.items():
        screen.line(f"  {name:<16} {title}")
    choice = click.Choice(list(choices))
    return str(click.prompt(question, default=known, type=choice, show_choices=False))


def _hidden(question: str) -> str:
    return str(click.prompt(question, default="", hide_input=True, show_default=False))


def _twice(question: str) -> str:
    """What nobody sees and nobody checks at once is typed until it is the same twice."""
    while secret := _hidden(question):
        if _hidden(say.AGAIN) == secret:
            break
        screen.line(say.DIFFER)
    return secret


def _file(table: Tables, key: str, question: str, folder: Path) -> None:
    path = _asked(question, table.get(key) or _NONE, _path)
    if path is None:
        table.pop(key, None)
    elif any(path.is_relative_to(place) for place in (folder, *_LASTING)):
        table[key] = str(path)
    else:
        table[key] = str(path.relative_to("/"))


def _path(text: str) -> Path | None:
    if text == _NONE:
        return None
    if not Path(text).is_file():
        raise click.BadParameter(say.NO_FILE.format(path=text))
    return Path(text).absolute()


def _name(text: str) -> str:
    return str(_checked(lambda: checked(Name, text)))


def _url(text: str) -> str:
    _checked(lambda: checked(Uplink, {"url": text}))
    return text


def _https(text: str) -> str:
    _checked(lambda: checked(Enrolment, {"by": "est", "url": text}))
    return text


def _position(text: str) -> tuple[float, float] | None:
    if text == _NONE:
        return None
    try:
        latitude, longitude = text.split(",")
        return checked(Latitude, float(latitude)), checked(Longitude, float(longitude))
    except ValueError:
        raise click.BadParameter(say.POSITION_FORM) from None


def _checked(check: Callable[[], object]) -> object:
    try:
        return check()
    except ValidationError as error:
        raise click.BadParameter(told(error)) from None
