"""One question on a line: answers found among noise, echoes and other units' late answers."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU

from drivers.endpoints import SerialEndpoint
from drivers.links import open_link
from drivers.scanning.order import Ask, question
from drivers.scanning.prober import Heard, Prober, answers
from firmware_profiles.points import LineSettings

CHAR_S = 10 / 9600


def framed(body: bytes) -> bytes:
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


@st.composite
def heard(draw: st.DrawFn) -> Heard:
    unit, function = draw(st.integers(1, 247)), draw(st.sampled_from([3, 4]))
    if draw(st.booleans()):
        return Heard(unit, function, b"", draw(st.integers(1, 11)))
    return Heard(
        unit, function, draw(st.binary(min_size=2, max_size=40).filter(lambda data: len(data) % 2 == 0))
    )


def wire(each: Heard) -> bytes:
    if each.code:
        return framed(bytes((each.unit, each.function | 0x80, each.code)))
    return framed(bytes((each.unit, each.function, len(each.data))) + each.data)


@given(said=st.lists(heard(), max_size=4), noise=st.sampled_from([b"", b"\0", b"\xff\xff\x00"]))
def test_every_answer_is_found_wherever_it_stands(said: list[Heard], noise: bytes) -> None:
    assert list(answers(noise + noise.join(map(wire, said)) + noise)) == said


@given(each=heard(), at=st.integers(0, 100), bit=st.integers(0, 7))
def test_a_damaged_answer_is_none(each: Heard, at: int, bit: int) -> None:
    data = bytearray(wire(each))
    data[at % len(data)] ^= 1 << bit
    assert each not in list(answers(bytes(data)))


async def ask(path: str, what: Ask, patience_s: float = 0.3):
    async with open_link(SerialEndpoint(path, LineSettings())) as link:
        return await Prober(link, CHAR_S).ask(what, patience_s)


REQUEST = framed(bytes((5, 3, 0, 0, 0, 1)))
ANSWER = framed(bytes((5, 3, 2, 1, 44)))
OTHER = framed(bytes((4, 0x83, 2)))


@pytest.mark.parametrize(
    ("sent", "answer", "others", "noise"),
    [
        (ANSWER, Heard(5, 3, bytes((1, 44))), [], b""),
        (REQUEST + ANSWER, Heard(5, 3, bytes((1, 44))), [], b""),
        (OTHER + ANSWER, Heard(5, 3, bytes((1, 44))), [Heard(4, 3, b"", 2)], b""),
        (OTHER, None, [Heard(4, 3, b"", 2)], b""),
        (b"\x55\xaa\x01", None, [], b"\x55\xaa\x01"),
        (REQUEST, None, [], b""),
        (framed(bytes((5, 3, 4, 0, 1, 0, 2))), None, [Heard(5, 3, bytes((0, 1, 0, 2)))], b""),
    ],
)  # fmt: skip
async def test_what_one_question_brings(line_gauge, sent, answer, others, noise) -> None:
    gauge = line_gauge(answers={REQUEST: sent})
    turn = await ask(gauge.path, question(5))
    assert (turn.answer, turn.others, turn.noise) == (answer, others, noise)
    assert gauge.heard == REQUEST


async def test_an_echo_of_a_request_that_looks_like_an_answer_is_none(line_gauge) -> None:
    request = Ask(5, 3, 0x0300, 1)  # its third byte, 03, would be a byte count
    gauge = line_gauge(answers=lambda heard: heard if len(heard) == 8 else None)
    turn = await ask(gauge.path, request, 0.05)
    assert (turn.answer, turn.others, turn.noise) == (None, [], b"")


async def test_silence_takes_the_patience_and_no_more(line_gauge) -> None:
    began_s = asyncio.get_running_loop().time()
    turn = await ask(line_gauge().path, question(5), 0.1)
    assert (turn.answer, turn.others, turn.noise) == (None, [], b"")
    assert 0.1 < asyncio.get_running_loop().time() - began_s < 0.4
