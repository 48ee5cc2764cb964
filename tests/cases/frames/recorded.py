"""The recorded frames beside this file, each with the description that frames it."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware_profiles.declared import checked
from firmware_profiles.frames import FramePoint, FrameSpec
from firmware_profiles.loader import load_instrument
from firmware_profiles.schema import FrameInstrument


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """`checksum_ok` is None where the format carries none; `expect` what its points give, by channel."""

    name: str
    spec: FrameSpec
    points: tuple[FramePoint, ...]
    data: bytes
    checksum_ok: bool | None
    expect: dict[str, Any]


def _descriptions(file: Path) -> dict[str, tuple[FrameSpec, tuple[FramePoint, ...]]]:
    described = tomllib.loads(file.read_text())
    if "instrument" in described:
        instrument = load_instrument(described["instrument"])
        assert isinstance(instrument, FrameInstrument)
        return {file.stem: (instrument.frames, instrument.points)}
    return {
        name: (checked(FrameSpec, one["frames"]), checked(tuple[FramePoint, ...], one.get("points", ())))
        for name, one in described.items()
    }


def _recorded() -> list[Recorded]:
    found = []
    for file in sorted(Path(__file__).parent.glob("*.toml")):
        descriptions = _descriptions(file)
        for vector in json.loads(file.with_suffix(".json").read_text()):
            spec, points = descriptions[vector.get("framing", file.stem)]
            data = bytes.fromhex(vector.get("hex", "")) + vector.get("text", "").encode("latin-1")
            found.append(
                Recorded(
                    name=f"{file.stem}-{vector['name']}",
                    spec=spec,
                    points=points,
                    data=data,
                    checksum_ok=vector["checksum_ok"],
                    expect=vector.get("expect", {}),
                )
            )
    return found


RECORDED = _recorded()
VALID = [one for one in RECORDED if one.checksum_ok is not False]
WRONG = [one for one in RECORDED if one.checksum_ok is False]
