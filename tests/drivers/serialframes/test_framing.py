"""Framers on streams that no gauge would send: cut anywhere, full of noise, without end."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import pytest
from cases.frames.recorded import VALID
from hypothesis import assume, given
from hypothesis import strategies as st

from drivers.serialframes.checksums import compile_check
from drivers.serialframes.framing import Framer
from firmware_profiles.frames import Checksum, FrameSpec, LengthField


@dataclass(frozen=True, slots=True)
class Protocol:
    """A description and frames recorded for it, as they stand on the wire."""

    spec: FrameSpec
    sent: tuple[bytes, ...]

    @property
    def silence(self) -> bytes:
        """Enough of one byte, which starts and ends nothing, to push out any false beginning."""
        marks = self.spec.octets(self.spec.start + self.spec.end)
        return bytes([next(byte for byte in (0x55, 0x33, 0x77) if byte not in marks)]) * self.spec.max_size


def protocols() -> list[Protocol]:
    sent: dict[int, list[bytes]] = defaultdict(list)
    specs = {}
    for one in VALID:
        specs[id(one.spec)] = one.spec
        sent[id(one.spec)].append(one.data)
    return [Protocol(specs[key], tuple(frames[:6])) for key, frames in sent.items()]


PROTOCOLS = protocols()
SHORT = [one for one in PROTOCOLS if one.spec.max_size <= 512]


@st.composite
def streams(draw: st.DrawFn, among: list[Protocol]) -> tuple[Protocol, bytes, list[bytes]]:
    """A protocol, a stream of its frames between pieces of noise, and the frames."""
    protocol = draw(st.sampled_from(among))
    marks = protocol.spec.octets(protocol.spec.start + protocol.spec.end) or b"\x01"
    byte = st.one_of(st.integers(0, 255), st.sampled_from(list(marks)))
    noise = st.one_of(st.just(b""), st.lists(byte, max_size=12).map(bytes))
    pieces = draw(st.lists(st.tuples(noise, st.sampled_from(protocol.sent)), max_size=4))
    last = draw(noise)
    return protocol, b"".join(before + frame for before, frame in pieces) + last, [f for _, f in pieces]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def run(spec: FrameSpec, pieces: list[bytes]) -> tuple[list[bytes], bytes, int]:
    framer = Framer(spec)
    frames = [frame for piece in pieces for frame in framer.feed(piece)]
    return frames, framer.drop(), framer.garbled


@given(streams(PROTOCOLS), st.lists(st.integers(0, 10_000), max_size=8))
def test_cutting_the_stream_anywhere_changes_nothing(
    stream: tuple[Protocol, bytes, list[bytes]], places: list[int]
) -> None:
    protocol, data, _ = stream
    assert run(protocol.spec, cut(data, places)) == run(protocol.spec, [data])


@given(streams(SHORT))
def test_byte_by_byte_is_the_same_as_at_once(stream: tuple[Protocol, bytes, list[bytes]]) -> None:
    protocol, data, _ = stream
    assert run(protocol.spec, [data[at : at + 1] for at in range(len(data))]) == run(protocol.spec, [data])


@given(streams(SHORT))
def test_only_frames_that_were_sent_come_out_and_all_of_them(
    stream: tuple[Protocol, bytes, list[bytes]],
) -> None:
    protocol, data, sent = stream
    data += protocol.silence
    spans = valid_spans(protocol.spec, data)
    assume(len(spans) == len(sent))  # else the noise holds, or makes up with its neighbours, a true frame
    frames, _, _ = run(protocol.spec, [data])
    assert frames == [run(protocol.spec, [frame])[0][0] for frame in sent]


@given(st.sampled_from(SHORT), st.data())
def test_damage_inside_a_frame_costs_that_frame_alone(protocol: Protocol, data: st.DataObject) -> None:
    frame, other = (data.draw(st.sampled_from(protocol.sent)) for _ in range(2))
    at = data.draw(st.integers(0, len(frame) - 1))
    damaged = bytearray(frame)
    damaged[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    stream = bytes(damaged) + protocol.silence + other + protocol.silence
    assume(len(valid_spans(protocol.spec, stream)) == 1)
    assert run(protocol.spec, [stream])[0] == run(protocol.spec, [other])[0]


def valid_spans(spec: FrameSpec, data: bytes) -> set[tuple[int, int]]:
    """Every piece of `data` that has the form of a frame and its checksum, found by trying them all."""
    return {
        (first, last)
        for first in range(len(data))
        if data.startswith(spec.octets(spec.start), first)
        for last in possible_ends(spec, data, first)
        if has_form(spec, data[first:last])
    }


def possible_ends(spec: FrameSpec, data: bytes, first: int) -> list[int]:
    if spec.size:
        return [first + spec.size]
    if spec.length:
        field = data[first + spec.length.at :][: spec.length.width]
        return [first + (int.from_bytes(field, spec.length.order) & spec.length.mask) + spec.length.plus]
    end = spec.octets(spec.end)
    found = data.find(end, first + len(spec.octets(spec.start)))
    return [found + len(end)] if found >= 0 else []


def has_form(spec: FrameSpec, raw: bytes) -> bool:
    if len(raw) > spec.max_size or not raw.endswith(spec.octets(spec.end)):
        return False
    if spec.size and len(raw) != spec.size:
        return False
    if spec.checksum is None:
        return raw.isascii() and raw[len(spec.start) : -len(spec.end)].decode().isprintable()
    return compile_check(spec.checksum)(unstuffed(raw) if spec.stuffing else raw)


def unstuffed(raw: bytes) -> bytes:
    """A frame between SHDLC's flags 7E, with each byte after 7D XORed with 20."""
    found, escaped = bytearray(), False
    for byte in raw[1:-1]:
        if byte == 0x7D and not escaped:
            escaped = True
        else:
            found.append(byte ^ 0x20 if escaped else byte)
            escaped = False
    return b"\x7e" + found + b"\x7d" * escaped + b"\x7e"


@given(st.sampled_from(PROTOCOLS), st.data())
def test_memory_is_bounded_whatever_comes(protocol: Protocol, data: st.DataObject) -> None:
    marks = protocol.spec.octets(protocol.spec.start)
    framer = Framer(protocol.spec)
    for piece in data.draw(st.lists(st.one_of(st.binary(max_size=64), st.just(marks)), max_size=20)):
        framer.feed(piece * 8)
        assert len(framer._waiting) < protocol.spec.max_size
        assert len(framer._rejected) <= protocol.spec.max_size


def test_an_endless_line_is_not_kept() -> None:
    spec = FrameSpec(mode="listen", form="text", start="$", end="\r\n", max_size=32)
    framer = Framer(spec)
    for _ in range(1000):
        assert framer.feed(b"$" + b"x" * 99) == []
    assert len(framer._waiting) < 32
    assert framer.garbled == 1
    assert framer.feed(b"\r\n$ok\r\n") == [b"$ok\r\n"]


def test_a_length_beyond_the_longest_frame_is_not_waited_for() -> None:
    length = LengthField(at=1, type="uint16", plus=4)
    checksum = Checksum(kind="sum8", at=-1)
    framer = Framer(
        FrameSpec(mode="listen", form="binary", start="68", length=length, max_size=64, checksum=checksum)
    )
    frame = bytes.fromhex("68000177E0")
    assert framer.feed(b"\x68\xff\xff" + frame) == [frame]


def test_the_end_counts_where_the_size_is_told() -> None:
    framer = Framer(FrameSpec(mode="listen", form="binary", start="AA", end="AB", size=4))
    assert framer.feed(bytes.fromhex("AA0102AA AA0304AB")) == [bytes.fromhex("AA0304AB")]


def test_spans_are_counted_between_frames_not_bytes() -> None:
    framer = Framer(FrameSpec(mode="listen", form="text", start="$", end="\r\n"))
    framer.feed(b"noise$a\r\n$b\r\nmore\x00\xffnoise$c\r\n$half")
    assert framer.garbled == 2
    assert framer.drop() == b"$half"
    assert framer.garbled == 3
    assert framer.drop() == b""
    assert framer.garbled == 3


@pytest.mark.parametrize("damaged", [b"$1\x002\r\n", b"$1\xb22\r\n", b"$1\n2\r\n"])
def test_text_without_a_checksum_must_be_text(damaged: bytes) -> None:
    framer = Framer(FrameSpec(mode="listen", form="text", start="$", end="\r\n"))
    assert framer.feed(damaged + b"$12\r\n") == [b"$12\r\n"]
