"""From a picture to values of channels: every channel that was promised has one, whatever the picture is."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from fakes.camera_station import dark, street

from agent.camera.config import Camera
from agent.vision.looking import Looking, Seen
from drivers.frames import Frame, Way
from drivers.readings import Quality
from firmware_profiles.declared import checked
from pipelines.state import encode

T_MS = 1_795_420_800_000
NOON = 720
LOWER = [[0.1, 0.5], [0.9, 0.5], [0.9, 0.95], [0.1, 0.95]]
STAFF = {
    "kind": "staff",
    "polygon": LOWER,
    "marks": [{"at": [0.5, 0.6], "level_m": 2}, {"at": [0.5, 0.9], "level_m": 1}],
}
ZONES = {
    "road": {"kind": "motion", "polygon": LOWER},
    "way": {"kind": "water", "polygon": LOWER},
    "weir": STAFF,
}


def frame(n: int, jpeg: bytes) -> Frame:
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return Frame(camera="bank", at_ms=T_MS + n * 10_000, way=Way.SNAPSHOT, pixels=pixels)


@pytest.fixture
def camera() -> Camera:
    return checked(Camera, {"host": "h", "zones": ZONES, "masks": [[[0, 0], [0.3, 0], [0.3, 0.3]]]})


def values_of(seen: Seen) -> dict[str, tuple[object, int, str]]:
    return {each.channel: (each.value, int(each.quality), each.test) for each in seen.readings}


def test_each_picture_has_a_value_or_a_reason_for_every_channel(camera):
    looking = Looking(camera)
    for n, jpeg in enumerate((street()[0], street()[1], dark()[0])):
        values = values_of(looking.see(frame(n, jpeg), NOON))
        assert values.keys() == set(camera.pictured)
        for channel, (value, quality, test) in values.items():
            assert (value is None) == (quality in (Quality.BAD, Quality.MISSING)), channel
            assert value is not None or test
    assert values.pop("picture_score")[0] == 0.0
    assert {value for value, _, _ in values.values()} == {None}
    assert {test for _, _, test in values.values()} == {"black"}


def test_the_first_picture_shows_no_motion_and_a_water_zone_wants_its_dry_ground(camera):
    looking = Looking(camera)
    values = values_of(looking.see(frame(0, street()[0]), NOON))
    assert values["motion_share.road"][:2] == (None, Quality.MISSING)
    assert values["water_share.way"] == (None, Quality.MISSING, "no_reference")
    looking.accept(frame(1, street()[1]))
    values = values_of(looking.see(frame(1, street()[1]), NOON))
    assert values["motion_share.road"][0] > 0
    assert values["water_share.way"][0] is not None


def test_no_picture_is_missing_under_its_reason(camera):
    seen = Looking(camera).missed(T_MS, "timeout", "nobody answers")
    assert seen.grade.faults[0].reason == "nobody answers"
    assert values_of(seen) == dict.fromkeys(camera.pictured, (None, Quality.MISSING, "timeout"))


def test_a_state_that_fits_no_more_begins_anew_and_the_rest_is_kept(camera):
    looking = Looking(camera)
    looking.see(frame(0, street()[0]), NOON)
    looking.accept(frame(0, street()[0]))
    state = dict(looking.state())
    state["road"] = {"of": "another version"}
    other = Looking(camera)
    other.restore(state)
    values = values_of(other.see(frame(1, street()[1]), NOON))
    assert values["motion_share.road"][0] is None
    assert values["water_share.way"][0] is not None


def test_a_model_that_cannot_be_read_is_refused(tmp_path):
    file = tmp_path / "smoke.onnx"
    file.write_bytes(b"no network")
    model = {"file": str(file), "labels": ["smoke"]}
    with pytest.raises(ValueError, match=r"smoke\.onnx"):
        Looking(checked(Camera, {"host": "h", "models": {"smoke": model}}))


def test_nothing_of_what_a_mask_hides_is_remembered(camera):
    hidden = {"masks": [LOWER]}
    plain, another = Looking(replace(camera, **hidden)), Looking(replace(camera, **hidden))
    for n, jpeg in enumerate(street()):
        shown = frame(n, jpeg)
        pixels = shown.pixels.copy()
        height, width = pixels.shape[:2]
        pixels[int(0.5 * height) : int(0.95 * height), int(0.1 * width) : int(0.9 * width)] = n * 6
        other = replace(shown, pixels=pixels)
        for looking, picture in ((plain, shown), (another, other)):
            looking.see(picture, NOON)
            looking.accept(picture)
    assert encode(plain.state()) == encode(another.state())
