"""Labelled river series: files of 15-minute rows, and in them the spans that a technician flagged."""

from __future__ import annotations

import csv
import gzip
from array import array
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import nan
from pathlib import Path
from typing import TextIO, cast

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MONTH_READINGS = 96 * 30.4375
UNFLAGGED = frozenset(("", "NULL", "NaN", "nan"))
PROPERTIES = {
    "temp": "water_temperature",
    "cond": "conductivity",
    "ph": "ph",
    "do": "dissolved_oxygen",
    "turb": "turbidity",
    "stage": "water_level",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One raw column: values at the file's times, NaN where there is none, and its flagged spans.

    `events` are (first, last) times of flagged stretches, ms UTC; those at most an hour apart are one event.
    """

    channel: str
    values: array[float]
    events: list[tuple[int, int]]

    @property
    def quantity(self) -> str:
        return PROPERTIES[self.channel]


@dataclass(slots=True, kw_only=True)
class Recording:
    """One file: a site's device over some months."""

    site: str
    name: str
    times: array[int] = field(default_factory=lambda: array("q"))
    series: list[Series] = field(default_factory=list)

    @property
    def months(self) -> float:
        """Sensor-months of one series."""
        return len(self.times) / MONTH_READINGS


def recordings(folder: Path) -> list[Recording]:
    """Every csv and csv.gz of the folder that has flag columns; a file without any has nothing to count.

    The site is the file's name up to its year. Rows that do not go on in time are left out.

    Raises:
        ValueError: there is no such file.
    """
    files = sorted([*folder.glob("*.csv"), *folder.glob("*.csv.gz")])
    found = [recording for recording in map(_recording, files) if recording.series]
    if not found:
        raise ValueError(
            f"{folder}: no csv or csv.gz with columns X and X_qual, X of {', '.join(PROPERTIES)}"
        )
    return found


def _recording(file: Path) -> Recording:
    name = file.name.removesuffix(".gz").removesuffix(".csv")
    recording = Recording(site=name.rstrip("0123456789_-") or name, name=name)
    with opened(file) as lines:
        reader = csv.reader(lines)
        head = [cell.strip().lower() for cell in next(reader, [])]
        rows = []
        for row in reader:
            if len(row) < len(head):
                continue
            at_ms = milliseconds(row[0])
            if not recording.times or at_ms > recording.times[-1]:
                recording.times.append(at_ms)
                rows.append(row)
    for channel in PROPERTIES:
        if channel in head and f"{channel}_qual" in head:
            column, flags = head.index(channel), head.index(f"{channel}_qual")
            recording.series.append(
                Series(
                    channel=channel,
                    values=array("d", (number(row[column]) for row in rows)),
                    events=spans(recording.times, [row[flags].strip() not in UNFLAGGED for row in rows]),
                )
            )
    return recording


def opened(file: Path) -> TextIO:
    if file.suffix == ".gz":
        return cast("TextIO", gzip.open(file, "rt", newline="", encoding="utf-8-sig"))
    return file.open(newline="", encoding="utf-8-sig")


def milliseconds(text: str) -> int:
    """Read as UTC: only differences matter here."""
    return round(datetime.fromisoformat(text.strip()).replace(tzinfo=UTC).timestamp() * 1000)


def number(text: str) -> float:
    """What is no number is a value that is missing."""
    try:
        return float(text)
    except ValueError:
        return nan


def spans(times: array[int], flagged: list[bool]) -> list[tuple[int, int]]:
    """The stretches of flagged rows, those at most an hour apart as one."""
    found: list[tuple[int, int]] = []
    goes_on = False
    for at_ms, is_flagged in zip(times, flagged, strict=True):
        if is_flagged and found and (goes_on or at_ms - found[-1][1] <= HOUR_MS):
            found[-1] = (found[-1][0], at_ms)
        elif is_flagged:
            found.append((at_ms, at_ms))
        goes_on = is_flagged
    return found
