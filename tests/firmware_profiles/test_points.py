"""What a point of any protocol may say, and what could never work."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from firmware_profiles.declared import checked
from firmware_profiles.frames import FramePoint
from firmware_profiles.schema import RegisterPoint

AT = {"channel": "raw.x", "address": 0}


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"type": "float32", "labels": {0: "off"}}, "labels name whole numbers and bits"),
        ({"type": "float64", "labels": {0: "off"}}, "labels name whole numbers and bits"),
        ({"type": "string", "labels": {0: "off"}}, "labels name whole numbers and bits"),
        ({"type": "bit", "labels": {0: "off", 2: "on"}}, "a bit is 0 or 1: remove the label of 2"),
        ({"type": "bit", "scale": 10}, "no numbers: remove scale and offset"),
        ({"type": "string", "offset": 1}, "no numbers: remove scale and offset"),
        ({"type": "string", "absent": [0]}, "absent lists numbers"),
        ({"labels": {0: "off"}, "scale": 0.1}, "labels exclude scale and offset"),
        ({"scale": 0}, "0 would make every value the same"),
        ({"offset": math.inf}, "finite number"),
        ({"absent": [math.nan]}, "finite number"),
    ],
)
def test_what_a_register_could_never_give_is_refused(keys, words):
    with pytest.raises(ValidationError, match=words):
        checked(RegisterPoint, AT | keys)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"at": 0, "type": "float32", "labels": {0: "off"}}, "labels name whole numbers"),
        ({"at": 0, "labels": {0: "off"}, "offset": 1}, "labels exclude scale and offset"),
        ({"key": "Sm", "units": {"M": 0}}, "0 would make every value the same"),
        ({"at": 0, "scale": math.nan}, "finite number"),
    ],
)
def test_what_a_frame_could_never_give_is_refused(keys, words):
    with pytest.raises(ValidationError, match=words):
        checked(FramePoint, {"channel": "raw.x"} | keys)


@pytest.mark.parametrize("kind", ["uint16", "int64", "bcd32", "bit", "bitfield"])
def test_labels_name_what_is_whole(kind):
    assert not checked(RegisterPoint, AT | {"type": kind, "labels": {0: "off", 1: "on"}}).is_numeric


@given(st.floats())
def test_a_scale_is_taken_exactly_when_it_can_be_used(scale):
    usable = 1e-12 <= abs(scale) <= 1e12
    try:
        checked(RegisterPoint, AT | {"scale": scale})
    except ValidationError:
        assert not usable
    else:
        assert usable
