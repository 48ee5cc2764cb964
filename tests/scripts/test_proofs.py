"""What the proofs that are run by hand are made with."""

from __future__ import annotations

import struct

from scripts.proofs import gauge


def test_the_gauge_answers_what_is_asked_and_nothing_else() -> None:
    request = bytes.fromhex("010400000002 71CB".replace(" ", ""))  # Modbus over Serial Line V1.02's CRC
    said = gauge.answer(request)
    assert said[:3] == bytes((1, 4, 4))
    assert struct.unpack(">f", said[3:7]) == (230.5,)
    assert gauge.crc(said[:-2]) == said[-2:]
    assert gauge.answer(request[:-1] + b"\0") == b""
    assert gauge.answer(b"") == b""
