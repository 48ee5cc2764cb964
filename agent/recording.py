"""A recorded day: the samples of a file, one by one, as `polegate tail --json` writes them or as CSV.

JSON lines: first {"channels": {device: {channel: {"unit", "decimals"}}}}, then one line a sample
{"device", "at_ms", "seq", "readings": [[channel, value, quality, test], ...]}.
CSV: a heading `time,device.channel,...`, then a line a time; RFC 3339 with its offset, or ms since 1970; an
empty cell is a missing value. Either may be gzipped; which one it is the content tells.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby
from math import isfinite
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn, Self

import orjson

from drivers.readings import Quality, Reading, Sample, Value
from firmware_profiles.properties import property_of

EMPTY = "empty_cell"
"""The reason a value of a CSV recording is missing."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_WORDS: dict[str, Value | None] = {"": None, "nan": None, "true": True, "false": False}
_SAMPLE = '{"device", "at_ms", "seq", "readings"}'


class BadRecording(ValueError):
    """Where it cannot be read: file and line, what was expected, what is there."""


class Channel(NamedTuple):
    """How the values of one channel are shown; the unit is UCUM, "" where nobody knows it."""

    unit: str = ""
    decimals: int = 3


class Recording:
    """One file. `samples` reads it from beginning to end, a line in memory at a time; once only."""

    def __init__(self, path: Path) -> None:
        """Opens it and reads its first line.

        Raises:
            BadRecording: it is empty, or begins like neither form.
            OSError: it cannot be opened.
        """
        self.path = path
        self.channels: dict[str, dict[str, Channel]] = {}
        """By device and channel; with JSON lines it may grow while samples are read."""
        self._line = 0
        self._file = path.open("rb")
        self._size = max(path.stat().st_size, 1)
        try:
            self._lines = self._counted(_unzipped(self._file))
            first = self._first()
            self._rows = self._from_json(first) if first.lstrip()[:1] == b"{" else self._from_csv(first)
        except BaseException:
            self._file.close()
            raise

    @property
    def share(self) -> float:
        """How much of the file has been read, 0 to 1."""
        return min(self._file.tell() / self._size, 1.0)

    def samples(self) -> Iterator[Sample]:
        """In the order of the file.

        Raises:
            BadRecording: with file:line, what was expected, what is there.
        """
        try:
            yield from self._rows
        except (EOFError, OSError, zlib.error) as error:
            self._refuse("a whole file", f"one that is damaged or cut short ({error})")

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _counted(self, lines: IO[bytes]) -> Iterator[bytes]:
        for line in lines:
            self._line += 1
            if line.strip():
                yield line

    def _first(self) -> bytes:
        try:
            first = next(self._lines, b"")
        except (EOFError, OSError, zlib.error) as error:
            self._refuse("a whole file", f"one that is damaged or cut short ({error})")
        if not first:
            self._line = 1
            self._refuse("channels or a heading", "an empty file")
        return first.removeprefix(b"\xef\xbb\xbf")

    def _refuse(self, expected: str, got: object) -> NoReturn:
        raise BadRecording(f"{self.path}:{self._line}: expected {expected}, got {got}")

    # JSON lines

    def _from_json(self, first: bytes) -> Iterator[Sample]:
        item = self._item(first)
        if "channels" not in item:
            self._refuse('{"channels": ...} first, as polegate tail --json writes it', _short(first))
        self._learn(item["channels"])
        return self._json_samples()

    def _json_samples(self) -> Iterator[Sample]:
        for line in self._lines:
            item = self._item(line)
            if "channels" in item:  # recordings put one behind the other
                self._learn(item["channels"])
            else:
                yield self._sample(item, line)

    def _item(self, line: bytes) -> Mapping[str, Any]:
        try:
            item = orjson.loads(line)
        except orjson.JSONDecodeError:
            self._refuse("a line of JSON", _short(line))
        if not isinstance(item, dict):
            self._refuse("a JSON object", _short(line))
        return item

    def _learn(self, channels: Any) -> None:  # noqa: ANN401  what JSON says
        try:
            for device, facts in channels.items():
                known = self.channels.setdefault(device, {})
                known |= {name: Channel(str(f["unit"]), int(f["decimals"])) for name, f in facts.items()}
        except (AttributeError, KeyError, TypeError, ValueError):
            self._refuse('{"channels": {device: {channel: {"unit", "decimals"}}}}', _short(str(channels)))

    def _sample(self, item: Mapping[str, Any], line: bytes) -> Sample:
        try:
            readings = tuple(
                Reading(str(channel), value, Quality(quality), str(test))
                for channel, value, quality, test in item["readings"]
            )
            sample = Sample(str(item["device"]), int(item["at_ms"]), True, int(item["seq"]), readings)
        except (KeyError, TypeError, ValueError):
            self._refuse(f"a sample {_SAMPLE} with readings [channel, value, quality, test]", _short(line))
        for reading in readings:
            if isinstance(reading.value, list | dict):
                self._refuse(f"a number, a text, true, false or null for {reading.channel}", reading.value)
        return sample

    # CSV

    def _from_csv(self, first: bytes) -> Iterator[Sample]:
        lines = (self._text(line) for line in chain((first,), self._lines))
        rows = csv.reader(lines, strict=True)
        heading, *names = next(rows)
        if heading.strip().lower() not in ("time", "at", "at_ms", "timestamp") or not names:
            self._refuse("JSON lines, or a heading time,device.channel,...", _short(first))
        columns = [self._column(name.strip()) for name in names]
        if twice := [name for name, count in Counter(columns).items() if count > 1]:
            self._refuse("each channel once", f"{'.'.join(twice[0])} twice")
        return self._csv_samples(rows, columns)

    def _text(self, line: bytes) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError:
            self._refuse("UTF-8", _short(line))

    def _column(self, name: str) -> tuple[str, str]:
        device, _, channel = name.partition(".")
        if not device or not channel:
            self._refuse("a column device.channel", f'"{name}"')
        try:
            known = property_of(channel)
            shown = Channel(known.unit, known.decimals)
        except KeyError:
            shown = Channel()
        self.channels.setdefault(device, {})[channel] = shown
        return device, channel

    def _csv_samples(self, rows: Iterator[list[str]], columns: Sequence[tuple[str, str]]) -> Iterator[Sample]:
        order = sorted(range(len(columns)), key=lambda number: list(self.channels).index(columns[number][0]))
        devices = [(device, list(numbers)) for device, numbers in groupby(order, lambda n: columns[n][0])]
        seq = 0
        while (row := self._row(rows)) is not None:
            if len(row) != len(columns) + 1:
                self._refuse(f"{len(columns) + 1} cells", len(row))
            at_ms = self._time(row[0].strip())
            seq += 1
            for device, numbers in devices:
                readings = tuple(self._reading(columns[n][1], row[n + 1].strip()) for n in numbers)
                yield Sample(device, at_ms, True, seq, readings)

    def _row(self, rows: Iterator[list[str]]) -> list[str] | None:
        try:
            return next(rows, None)
        except csv.Error as error:
            self._refuse("CSV", error)

    def _time(self, text: str) -> int:
        if text.lstrip("-").isdecimal():
            return int(text)
        try:
            at = datetime.fromisoformat(text)
            if at.tzinfo is not None:
                return (at - _EPOCH) // _MILLISECOND
        except ValueError:
            pass
        return self._refuse("a time such as 2026-11-23T08:00:00Z, or ms since 1970", f'"{text}"')

    def _reading(self, channel: str, text: str) -> Reading:
        if (word := text.lower()) in _WORDS:
            known = _WORDS[word]
            return (
                Reading(channel, known)
                if known is not None
                else Reading(channel, None, Quality.MISSING, EMPTY)
            )
        try:
            number = float(text)
        except ValueError:
            number = float("inf")
        if not isfinite(number):
            self._refuse(f"a number, true, false or nothing for {channel}", f'"{text}"')
        return Reading(channel, number)


def _unzipped(file: IO[bytes]) -> IO[bytes]:
    zipped = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if zipped else file  # type: ignore[return-value]  # it has the methods


def _short(text: bytes | str) -> str:
    """The beginning of a line, on one line."""
    shown = text.decode(errors="replace") if isinstance(text, bytes) else text
    shown = " ".join(shown.split())
    return shown if len(shown) <= 60 else f"{shown[:59]}…"
