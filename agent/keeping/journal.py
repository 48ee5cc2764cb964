"""Lines of the daemon's log, from the journal or a file: what each says, and about whom. Pure."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

LEVELS = ("error", "warning", "info", "debug")
"""The gravest first."""

_BY_PRIORITY = {
    0: "error",
    1: "error",
    2: "error",
    3: "error",
    4: "warning",
    5: "info",
    6: "info",
    7: "debug",
}
_BY_NAME = {"critical": "error", **{level: level for level in LEVELS}}
_PAIR = re.compile(r'([A-Za-z_][A-Za-z0-9_.]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?:\s+|$)')
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?")
_PREFIX = re.compile(r"<([0-7])>")

ABOUT = ("subject", "device", "camera", "bus", "part", "parts", "about", "started", "stopped", "name")
"""Facts that name what a line is about; some hold several names."""

_KINDS_OF_PARTS = ("bus ", "camera ")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `at_ms` is UTC, None where it does not say; `text` is what is no key=value, as systemd's."""

    at_ms: int | None
    level: str
    event: str
    facts: Mapping[str, str]
    text: str = ""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        known = {"at_ms": self.at_ms, "level": self.level, "event": self.event, **self.facts}
        return {**known, "text": self.text} if self.text else known


def of_journal(fields: Mapping[str, Any]) -> Entry:
    """From an object of journalctl --output=json (systemd.journal-fields(7))."""
    message = fields.get("MESSAGE") or ""
    if isinstance(message, list):  # of bytes that are no text, or of several texts
        are_bytes = all(isinstance(each, int) for each in message)
        message = bytes(message).decode(errors="replace") if are_bytes else " ".join(map(str, message))
    at_us = fields.get("__REALTIME_TIMESTAMP")
    entry = of_line(str(message))
    priority = str(fields.get("PRIORITY", "6"))
    return Entry(
        at_ms=int(at_us) // 1000 if at_us else entry.at_ms,
        level=_BY_PRIORITY.get(int(priority) if priority.isdecimal() else 6, "info"),
        event=entry.event or str(fields.get("SYSLOG_IDENTIFIER", "")),
        facts=entry.facts,
        text=entry.text,
    )


def of_line(written: str) -> Entry:
    """From a line of a file: the daemon's own, journalctl's in any form, or an object of its JSON."""
    line = written.strip("\n")
    if line.startswith("{"):
        try:
            fields = json.loads(line)
        except ValueError:
            fields = None
        if isinstance(fields, dict) and "MESSAGE" in fields:
            return of_journal(fields)
    level = ""
    if match := _PREFIX.match(line):
        line, level = line[match.end() :], _BY_PRIORITY[int(match[1])]
    before, found, rest = line.partition("event=")
    facts = _pairs(before) | _pairs(found + rest) if found else {}
    if "event" not in facts:
        return Entry(_instant(line), level or "info", "", {}, line)
    event, at = facts.pop("event"), facts.pop("time", "") or before
    level = level or _BY_NAME.get(facts.pop("level", ""), "info")
    return Entry(_instant(at), level, event, facts)


def _pairs(text: str) -> dict[str, str]:
    return {match[1]: _value(match[2]) for match in _PAIR.finditer(text)}


def _value(text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        return text.strip('"')


def _instant(text: str) -> int | None:
    """Ms UTC of the first moment a text names; the daemon's own has no zone and is in local time."""
    match = _ISO.match(text.strip())
    if match is None:
        return None
    try:
        at = datetime.fromisoformat(match[0].replace(",", "."))
    except ValueError:
        return None
    if at.tzinfo is None:
        return int(time.mktime(at.timetuple())) * 1000
    return round(at.astimezone(UTC).timestamp() * 1000)


def grave_enough(entry: Entry, level: str) -> bool:
    """Whether it is of this level or a graver one."""
    return LEVELS.index(entry.level) <= LEVELS.index(level)


def is_about(entry: Entry, names: Collection[str]) -> bool:
    """Whether the line names one of these devices, buses or cameras, or something of theirs."""
    return any(
        _same(said, name) for key in ABOUT for said in entry.facts.get(key, "").split(", ") for name in names
    )


def _same(said: str, name: str) -> bool:
    for kind in _KINDS_OF_PARTS:
        said = said.removeprefix(kind)
    return said == name or said.startswith((f"{name}.", f"{name}:")) or said.endswith(f"/{name}")
