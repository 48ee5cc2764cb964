"""The 20-digit id: its parts, what they mean, and how sure that is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.camera.gb28181 import doubts, parse

EXAMPLE = "34020000001320000101"  # the id that manuals and implementations quote


def test_an_id_comes_apart() -> None:
    known = parse(f" {EXAMPLE}\n")
    assert (known.region, known.unit, known.industry, known.type) == ("340200", "00", 0, 132)
    assert (known.network, known.serial) == (0, "000101")
    meanings = {part.name: part.meaning for part in known.parts}
    assert meanings["type"] == "network camera"
    assert meanings["industry"] == "public security, roads"
    assert doubts(known) == ()


@given(st.from_regex(r"[0-9]{20}", fullmatch=True))
def test_the_parts_are_the_whole(text: str) -> None:
    assert "".join(part.digits for part in parse(text).parts) == text
    assert isinstance(doubts(parse(text)), tuple)


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("3402000000132000010", "19 digits"),
        ("340200000013200001011", "21 digits"),
        ("3402000000132000010x", "20 characters"),
        ("", "0 characters"),
        ("٣٤٠٢٠٠٠٠٠٠١٣٢٠٠٠٠١٠١", "20 digits"),  # digits of another script are none here
    ],
)
def test_what_is_none_is_refused(text: str, got: str) -> None:
    with pytest.raises(ValueError, match=f"expected 20 digits .*, got {got}"):
        parse(text)


def part(text: str, name: str):
    return next(part for part in parse(text).parts if part.name == name)


def test_where_the_editions_agree_it_is_confirmed() -> None:
    assert part(EXAMPLE, "industry").confirmed
    assert part("44160200081327000001", "network").confirmed
    assert part("44160200081327000001", "network").meaning == "internet"


def test_where_they_do_not_both_are_told() -> None:
    network = part(EXAMPLE, "network")
    assert network.meaning == "police video network (2022), surveillance network (2016)"
    assert not network.confirmed
    water = part("44160200541320000001", "industry")
    assert "water works (2016)" in water.meaning
    assert not water.confirmed
    only_new = part("44160200131320000001", "industry")
    assert only_new.meaning == "railways (2022)"


def test_a_code_in_no_table_is_no_error() -> None:
    assert part("44160200001500000001", "type").meaning == "a peripheral"
    assert part("44160200001320000001"[:13] + "9000001", "network").meaning == ""
    assert not part("44160200207770000001", "type").confirmed


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("34020000001180000101", "type 118 is network video recorder"),
        ("99020000001320000101", "no province begins with 99"),
        ("34020000001320000000", "serial number 000000"),
        ("34020000000010000101", "type 001 is in no table"),
    ],
)
def test_doubts_of_a_cameras_id(text: str, doubt: str) -> None:
    assert any(doubt in each for each in doubts(parse(text)))
