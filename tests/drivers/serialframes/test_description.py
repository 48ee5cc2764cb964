"""What the description language refuses, in words that say what to do."""

import pytest
from pydantic import ValidationError

from firmware_profiles.declared import checked
from firmware_profiles.frames import FramePoint, FrameSpec
from firmware_profiles.schema import FrameInstrument

TEXT = {"mode": "listen", "form": "text", "start": "$", "end": "\r\n", "separator": ","}
BINARY = {"mode": "listen", "form": "binary", "start": "AA", "size": 4}


@pytest.mark.parametrize(
    ("description", "said"),
    [
        (TEXT | {"requests": ["R"]}, 'mode = "request" goes with requests'),
        (TEXT | {"mode": "request"}, 'mode = "request" goes with requests'),
        (BINARY | {"start": "$"}, '"$" is not hex'),
        (BINARY | {"length": {"at": 1, "plus": 4}}, "size excludes length"),
        (BINARY | {"size": None}, "where does a frame end?"),
        (TEXT | {"start": ""}, "give size or length, or both start and end"),
        (BINARY | {"start": ""}, "give start or checksum"),
        (BINARY | {"stuffing": {"escape": "7D", "xor": "20"}}, "remove size and length"),
        (BINARY | {"separator": ","}, 'go with form = "text"'),
        (BINARY | {"invalid_unit": "#"}, 'go with form = "text"'),
    ],
)
def test_a_frame_that_cannot_be_told_apart(description: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("?", r"\?").replace('"$"', r'"\$"')):
        checked(FrameSpec, description)


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ({}, "give one of at, column, key, quad"),
        ({"at": 1, "column": 2}, "give one of at, column, key, quad"),
        ({"column": 1, "unit_column": 2}, "unit_column goes with column and units"),
        ({"key": "Ta", "unit_column": 2, "units": {"C": 1}}, "unit_column goes with column and units"),
        ({"column": 1, "units": {"C": 1}}, "need unit_column"),
        ({"at": 1, "units": {"C": 1}}, "units go with text"),
        ({"at": 1, "labels": {"0": "off"}, "scale": 0.1}, "labels exclude scale"),
    ],
)
def test_a_point_without_one_place(point: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        checked(FramePoint, {"channel": "air_temperature", **point})


@pytest.mark.parametrize(
    ("frames", "point", "said"),
    [
        (BINARY, {"column": 1}, "air_temperature: .* expects a byte offset"),
        (TEXT, {"at": 1}, "air_temperature: .* expects column, key or quad"),
        (BINARY, {"at": 1, "select": {"0": "xy"}}, 'air_temperature: "xy" is not hex'),
    ],
)
def test_a_point_must_fit_the_frame(frames: dict[str, object], point: dict[str, object], said: str) -> None:
    profile = {
        "title": "t", "vendor": "v", "model": "m", "confirmed": "documented", "source": "s",
        "protocol": "frames", "frames": frames, "points": [{"channel": "air_temperature", **point}],
    }  # fmt: skip
    with pytest.raises(ValidationError, match=said):
        checked(FrameInstrument, profile)
