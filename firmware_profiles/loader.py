"""Finding and reading profiles of instruments, boards, stations: a site's own first, then built-in ones."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from firmware_profiles.declared import checked
from firmware_profiles.origins import origins_of
from firmware_profiles.problems import Problem, did_you_mean
from firmware_profiles.schema import AnyInstrument, Board, FrameInstrument, ModbusInstrument
from firmware_profiles.stations import Station
from firmware_profiles.toml import parsed
from firmware_profiles.validation import explain, explain_syntax, explain_unread

Kind = Literal["instruments", "boards", "stations"]
T = TypeVar("T")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class ProfileError(Exception):
    """A profile that cannot be found, read or understood; `problems` says what to mend, one by one."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def load_instrument(name: str, directories: Sequence[Path] = ()) -> ModbusInstrument | FrameInstrument:
    """The instrument profile called `name`, from the first of `directories` that has it or built in.

    A directory holds `instruments/NAME.toml`, `boards/NAME.toml` and `stations/NAME.toml`.

    Raises:
        ProfileError: no such profile (with the nearest name), or it is not valid.
    """
    return _load("instruments", name, directories, parse_instrument)


def load_board(name: str, directories: Sequence[Path] = ()) -> Board:
    """The board profile called `name`; see load_instrument.

    Raises:
        ProfileError: no such profile (with the nearest name), or it is not valid.
    """
    return _load("boards", name, directories, parse_board)


def load_station(name: str, directories: Sequence[Path] = ()) -> Station:
    """The station profile called `name`; see load_instrument.

    Raises:
        ProfileError: no such profile (with the nearest name), or it is not valid.
    """
    return _load("stations", name, directories, parse_station)


def list_instruments(directories: Sequence[Path] = ()) -> dict[str, Traversable]:
    """The file of each instrument by name, in the order of names; nothing is parsed."""
    return _list("instruments", directories)


def list_boards(directories: Sequence[Path] = ()) -> dict[str, Traversable]:
    """The file of each board by name, in the order of names; nothing is parsed."""
    return _list("boards", directories)


def list_stations(directories: Sequence[Path] = ()) -> dict[str, Traversable]:
    """The file of each station kind by name, in the order of names; nothing is parsed."""
    return _list("stations", directories)


def parse_instrument(text: str, file: str) -> ModbusInstrument | FrameInstrument:
    """The instrument a TOML text describes; `file` is its name in messages.

    Raises:
        ProfileError: not TOML, or not a valid profile.
    """
    found: ModbusInstrument | FrameInstrument = _parse(text, file, AnyInstrument)
    return found


def parse_board(text: str, file: str) -> Board:
    """The board a TOML text describes; `file` is its name in messages.

    Raises:
        ProfileError: not TOML, or not a valid profile.
    """
    found: Board = _parse(text, file, Board)
    return found


def parse_station(text: str, file: str) -> Station:
    """The kind of station a TOML text describes; `file` is its name in messages.

    Raises:
        ProfileError: not TOML, or not a valid profile.
    """
    found: Station = _parse(text, file, Station)
    return found


def _parse(text: str, file: str, kind: Any) -> Any:  # noqa: ANN401  # a table or a union of them
    try:
        return checked(kind, parsed(text))
    except tomllib.TOMLDecodeError as error:
        raise ProfileError([explain_syntax(error, file)]) from None
    except ValidationError as error:
        raise ProfileError(explain(error, file, kind, origins_of(text, file))) from None


def _load(kind: Kind, name: str, directories: Sequence[Path], parse: Callable[[str, str], T]) -> T:
    found = _find(kind, name, directories)
    if found is None:
        raise ProfileError([_unknown(kind, name, directories)])
    try:
        text = found.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError([explain_unread(error, str(found))]) from None
    return parse(text, str(found))


def _find(kind: Kind, name: str, directories: Sequence[Path]) -> Traversable | None:
    if not _ID.fullmatch(name):  # a name is never a path
        return None
    places = (place / f"{name}.toml" for place in _places(kind, directories))
    return next((file for file in places if file.is_file()), None)


def _places(kind: Kind, directories: Sequence[Path]) -> list[Traversable]:
    built_in = files(__package__).joinpath(kind)
    return [*(directory / kind for directory in directories), built_in]


def _list(kind: Kind, directories: Sequence[Path]) -> dict[str, Traversable]:
    found: dict[str, Traversable] = {}
    for place in reversed(_places(kind, directories)):
        if place.is_dir():
            found |= {f.name.removesuffix(".toml"): f for f in place.iterdir() if f.name.endswith(".toml")}
    return dict(sorted(found.items()))


def _unknown(kind: Kind, name: str, directories: Sequence[Path]) -> Problem:
    one = kind.removesuffix("s")
    searched = ", ".join([*(str(directory / kind) for directory in directories), "the built-in profiles"])
    advice = did_you_mean(name, _list(kind, directories)) or f"polegate profiles list shows all {kind}"
    return Problem("", "", hint=f'no {one} profile "{name}" in {searched}; {advice}')
