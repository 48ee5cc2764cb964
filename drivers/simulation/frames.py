"""Values to frames: the inverse of drivers.serialframes for what a profile describes. Pure.

A frame is one of the profile's test vectors with the values written over, so that what the profile does not
describe is as the gauge sends it; without a vector that holds a point, one is made up from the description.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drivers.readings import Value
from drivers.serialframes.checksums import compile_seal
from drivers.serialframes.fields import compile_fields, octets_of
from drivers.serialframes.framing import Framer
from drivers.simulation.linetext import blank_text, write_text
from firmware_profiles.frames import FramePoint, FrameSpec
from firmware_profiles.schema import FrameInstrument

Values = Mapping[str, Value | None]


@dataclass(frozen=True, slots=True)
class _Template:
    """An unstuffed frame and the points it is used for."""

    frame: bytes
    points: tuple[FramePoint, ...]


class FrameWriter:
    """Writes the frames of one instrument."""

    def __init__(self, instrument: FrameInstrument) -> None:
        self._instrument = instrument
        self._spec = instrument.frames
        self._seal = compile_seal(self._spec.checksum)
        known = _known_frames(instrument)
        self._templates = _templates(instrument, known)
        empty = (frame for frame, channels in known if not channels)
        self._receipt = next(empty, self._templates[0].frame)
        self._requests = [self._spec.octets(written) for written in self._spec.requests]
        self._answers = [_served(request, self._requests, self._templates) for request in self._requests]

    def frames(self, values: Values) -> list[bytes]:
        """All frames, as on the wire, that say these values by channel; None is "no value".

        Raises:
            ValueError: a value does not fit, or the gauge cannot say it.
        """
        return [self._written(template, values) for template in self._templates]

    def answer(self, request: bytes, values: Values) -> bytes:
        """The frame that answers one of the profile's requests; the gauge's receipt if it has none.

        Raises:
            ValueError: see frames.
        """
        template = self._answers[self._requests.index(request)]
        return self._wire(self._receipt) if template is None else self._written(template, values)

    @property
    def requests(self) -> Sequence[bytes]:
        """What the gauge answers to; empty if it pushes."""
        return self._requests

    def _written(self, template: _Template, values: Values) -> bytes:
        write = _write_binary if self._spec.form == "binary" else write_text
        frame = template.frame
        for point in template.points:
            frame = write(self._spec, frame, point, values[point.channel])
        return self._wire(self._seal(frame))

    def _wire(self, frame: bytes) -> bytes:
        spec = self._spec
        if spec.stuffing is None:
            return frame
        start, end = spec.octets(spec.start), spec.octets(spec.end)
        escape, mask = bytes.fromhex(spec.stuffing.escape), int(spec.stuffing.xor, 16)
        special = {*escape, *start, *end}
        inside = frame[len(start) : len(frame) - len(end)]
        stuffed = b"".join(
            escape + bytes((byte ^ mask,)) if byte in special else bytes((byte,)) for byte in inside
        )
        return start + stuffed + end


def _known_frames(instrument: FrameInstrument) -> list[tuple[bytes, frozenset[str]]]:
    """The frames of the vectors that are to be accepted, each with the channels it has a value for."""
    decode = compile_fields(instrument.frames, instrument.points)
    found = []
    for vector in instrument.vectors:
        if not vector.refuse:
            data = bytes.fromhex(vector.hex) + vector.text.encode("latin-1")
            for frame in Framer(instrument.frames).feed(data):
                valued = frozenset(reading.channel for reading in decode(frame) if reading.value is not None)
                found.append((frame, valued))
    return found


def _templates(instrument: FrameInstrument, known: Sequence[tuple[bytes, frozenset[str]]]) -> list[_Template]:
    """For each point the frame that holds most; points of no frame get one made up, by what selects them."""
    using: dict[bytes, list[FramePoint]] = {}
    orphans: dict[tuple[tuple[int, str], ...], list[FramePoint]] = {}
    for point in instrument.points:
        holding = [each for each in known if point.channel in each[1]]
        if holding:
            using.setdefault(max(holding, key=lambda each: len(each[1]))[0], []).append(point)
        else:
            orphans.setdefault(tuple(sorted(point.select.items())), []).append(point)
    for points in orphans.values():
        blank = _blank_binary if instrument.frames.form == "binary" else blank_text
        using.setdefault(blank(instrument.frames, points), []).extend(points)
    return [_Template(frame, tuple(points)) for frame, points in using.items()]


def _served(request: bytes, requests: Sequence[bytes], templates: Sequence[_Template]) -> _Template | None:
    """The frame that answers: the one whose marks stand in this request rather than in the others."""
    if len(requests) == 1:
        return templates[0]
    for template in templates:
        best = max(requests, key=lambda each: _likeness(each, template.points[0]))
        if best == request:
            return template
    return None


def _likeness(request: bytes, point: FramePoint) -> int:
    """How well a request looks like asking for the point: its marks at the same place count twice."""
    score = 0
    for at, written in point.select.items():
        if point.at is None:
            score += any(fnmatch.fnmatchcase(word, written) for word in request.decode("latin-1").split())
        else:
            octets = bytes.fromhex(written)
            score += (octets in request) + request.startswith(octets, at)
    return score


def _write_binary(_: FrameSpec, frame: bytes, point: FramePoint, value: Value | None) -> bytes:
    """The frame with the point's value in it, marked as one to be trusted; its checksum is yet to be made."""
    octets = octets_of(point, _raw(point, value))
    at = point.at or 0
    if at + len(octets) > len(frame):
        raise ValueError(f"{point.channel}: byte {at} is beyond the frame")
    return frame[:at] + octets + frame[at + len(octets) :]


def _raw(point: FramePoint, value: Value | None) -> float:
    if value is None:
        return _nothing(point)
    if point.labels:
        by_text = {text: number for number, text in point.labels.items()}
        if value not in by_text:
            raise ValueError(f"{point.channel}: expected one of {', '.join(by_text)}, got {value!r}")
        return by_text[str(value)]
    if isinstance(value, str):
        raise ValueError(f"{point.channel}: expected a number, got {value!r}")  # noqa: TRY004  one error
    raw = (value - point.offset) / point.scale
    return raw if point.type == "float32" else round(raw)


def _nothing(point: FramePoint) -> float:
    if point.absent:
        return point.absent[0]
    if point.valid and point.valid[0] > 0:
        return 0.0
    raise ValueError(f"{point.channel}: this instrument has no word for a missing value")


def _blank_binary(spec: FrameSpec, points: Sequence[FramePoint]) -> bytes:
    """Zeros with start, end, length and marks in their places."""
    start, end = spec.octets(spec.start), spec.octets(spec.end)
    marks = [(at, bytes.fromhex(text)) for p in points for at, text in (*p.select.items(), *p.good.items())]
    fields = [((p.at or 0), octets_of(p, 0)) for p in points]
    reach = max([len(start), *(at + len(octets) for at, octets in (*marks, *fields))])
    tail = -spec.checksum.at if spec.checksum and spec.checksum.at < 0 else len(end)
    frame = bytearray(spec.size or reach + tail)
    for at, octets in ((0, start), *marks, (len(frame) - len(end), end)):
        frame[at : at + len(octets)] = octets
    if spec.length is not None:
        told = (len(frame) - spec.length.plus) & spec.length.mask
        at, width = spec.length.at, spec.length.width
        frame[at : at + width] = told.to_bytes(width, spec.length.order)
    return bytes(frame)
