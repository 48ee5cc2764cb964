"""A scan as JSON: for programs, and for polegate device add --from-scan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.cli import texts
from agent.cli.exits import Exit, Failed, unread
from drivers.scanning.recognition import Match
from drivers.scanning.scanner import Found, Scan
from drivers.scanning.wordorder import views
from firmware_profiles.declared import plain
from firmware_profiles.points import LineSettings
from firmware_profiles.properties import property_of


def facts(scan: Scan, place: Mapping[str, str]) -> dict[str, Any]:
    """Everything a scan has found; `place` is port or tcp as it was given."""
    return {
        **place,
        "complete": scan.complete,
        "frames": scan.frames,
        "seconds": round(scan.seconds, 1),
        "found": [_found(number, found) for number, found in enumerate(scan.found, 1)],
        "noise": [_line(line) for line in scan.noise],
        "untried": [_line(line) for line in scan.untried],
    }


def load(file: Path, number: int) -> tuple[dict[str, str], dict[str, Any]]:
    """The place of a saved scan, and what it found under this number.

    Raises:
        Failed: USAGE, no such file or nothing of that number; PROBLEM, it cannot be read, or is no scan.
    """
    try:
        scan = json.loads(file.read_text(encoding="utf-8"))
        place = {key: scan[key] for key in ("port", "tcp") if key in scan}
        found = {each["number"]: each for each in scan["found"]}
    except OSError as error:
        raise Failed(texts.CANNOT_READ.format(path=file, why=error.strerror), unread(error)) from None
    except (ValueError, KeyError, TypeError):
        raise Failed(texts.NO_SCAN.format(path=file), Exit.PROBLEM) from None
    if number not in found:
        there = ", ".join(map(str, found)) or "nothing"
        raise Failed(texts.NOT_IN_SCAN.format(path=file, number=number, there=there), Exit.USAGE)
    return place, found[number]


def _found(number: int, found: Found) -> dict[str, Any]:
    registers = found.registers
    pairs = [(function, at) for function, at in registers if (function, at + 1) in registers]
    return {
        "number": number,
        "line": _line(found.line),
        "unit": found.unit,
        "pushes": found.pushes,
        "also": [_line(line) for line in found.also],
        "matches": [_match(match) for match in found.matches],
        "registers": [
            {"function": function, "address": at, "raw": raw} for (function, at), raw in registers.items()
        ],
        "candidates": [
            {"function": function, "address": at, **view._asdict()}
            for function, at in pairs
            for view in views(registers[function, at], registers[function, at + 1])
            if view.plausible
        ],
    }


def _match(match: Match) -> dict[str, Any]:
    readings = [
        {
            "channel": each.channel,
            "value": each.value,
            "unit": property_of(each.channel).unit,
            "quality": int(each.quality),
            "test": each.test,
        }
        for each in match.readings
    ]
    return {
        "profile": match.profile,
        "verdict": match.verdict,
        "bits": match.bits,
        "reasons": list(match.reasons),
        "readings": readings,
    }


def _line(line: LineSettings | None) -> dict[str, Any] | None:
    return plain(line) if line else None
