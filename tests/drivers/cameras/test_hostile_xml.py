"""XML by which a camera, or who poses as one, would fill the memory or read files."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from drivers.cameras.discovery import announced
from drivers.cameras.onvif.envelope import opened
from drivers.errors import Garbled

SOAP = "http://www.w3.org/2003/05/soap-envelope"
MOST_BYTES = 2_000_000


def laughs(file: Path) -> str:
    """Entities of 2 * 10^11 characters, one that is a file, and one that is on the network."""
    ten = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    outside = f'<!ENTITY file SYSTEM "{file.as_uri()}"><!ENTITY net SYSTEM "http://127.0.0.1:1/x">'
    return f'<!DOCTYPE x [<!ENTITY a0 "ha">{ten}{outside}]>'


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("swordfish")
    return path


@pytest.mark.parametrize("entity", ["&a11;", "&file;", "&net;"])
def test_no_entity_of_a_cameras_answer_is_followed(secret: Path, entity: str) -> None:
    said = f'{laughs(secret)}<s:Envelope xmlns:s="{SOAP}"><s:Body><R>{entity}</R></s:Body></s:Envelope>'
    tracemalloc.start()
    try:
        answer = opened(said.encode(), 200, "bank")
        assert (answer.text or "") == ""
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


def test_nor_is_one_in_an_attribute(secret: Path) -> None:
    said = f'{laughs(secret)}<s:Envelope xmlns:s="{SOAP}"><s:Body><R a="&a11;"/></s:Body></s:Envelope>'
    with pytest.raises(Garbled):
        opened(said.encode(), 200, "bank")


@pytest.mark.parametrize("entity", ["&a11;", "&file;", "&net;"])
def test_nor_in_what_answers_a_search(secret: Path, entity: str) -> None:
    match = (
        f"<ProbeMatch><EndpointReference><Address>{entity}</Address></EndpointReference>"
        f"<XAddrs>http://192.0.2.7/{entity}</XAddrs></ProbeMatch>"
    )
    said = (
        f'{laughs(secret)}<s:Envelope xmlns:s="{SOAP}"><s:Body><ProbeMatches>{match}</ProbeMatches>'
        "</s:Body></s:Envelope>"
    )
    (found,) = announced(said.encode(), "192.0.2.7")
    assert len(str(found)) < 1000
    assert "swordfish" not in str(found)
