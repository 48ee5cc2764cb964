"""Tables of cameras: what cannot work is refused with its key."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agent.camera.config import Camera
from firmware_profiles.declared import checked

CROSSED = [[0.1, 0.1], [0.5, 0.5], [0.5, 0.1], [0.1, 0.5]]
SQUARE = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5], [0.1, 0.5]]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({}, "expected host"),
        ({"host": "cam", "masks": [CROSSED]}, "cross"),
        ({"host": "cam", "zones": {"road": {"kind": "water", "polygon": CROSSED}}}, "cross"),
        ({"host": "cam", "zones": {"post": {"kind": "staff", "polygon": SQUARE}}}, "marks"),
        ({"host": "cam", "zones": {"Road": {"kind": "water", "polygon": SQUARE}}}, "lower-case"),
        ({"stream": "rtsps://cam/1"}, "rtsp://"),
        ({"stream": "rtsp://user:secret@cam/1"}, "username"),
        ({"snapshot": "http://cam:99999/jpg"}, "port"),
        ({"snapshot": "http://cam/jpg", "https": True}, "needs host"),
        ({"snapshot": "http://cam/jpg", "way": "hold"}, "needs host or stream"),
        ({"host": "cam", "username": "u"}, "go together"),
        ({"host": "cam", "password": "secret"}, "not the secret"),
        ({"host": "cam", "file": {"id": "123"}}, "20 digits"),
        ({"host": "cam", "file": {"installed": "2026-13-01"}}, "YYYY-MM-DD"),
    ],
)
def test_what_cannot_work_is_refused(table, why):
    with pytest.raises(ValidationError, match=why) as refused:
        checked(Camera, table)
    assert "secret@" not in str(refused.value).partition("input_value")[0]


def test_channels_follow_from_zones_and_models():
    camera = checked(
        Camera,
        {
            "host": "cam",
            "zones": {
                "road": {"kind": "water", "polygon": SQUARE},
                "post": {
                    "kind": "staff",
                    "polygon": SQUARE,
                    "marks": [{"at": [0.3, 0.2], "level_m": 3}, {"at": [0.3, 0.4], "level_m": 1}],
                },
            },
            "models": {"smoke": {"file": "/x.onnx", "labels": ["smoke", "fire"]}},
        },
    )
    assert camera.channels == (
        "picture_score", "water_share.road", "water_level_seen.post", "water_level_seen.post_uncertainty",
        "model_score.smoke-smoke", "model_score.smoke-fire", "motion_told",
    )  # fmt: skip


@pytest.mark.parametrize("key", ["host", "snapshot", "stream"])
def test_a_password_in_an_address_is_not_repeated(key, tmp_path):
    from agent.errors import ConfigError
    from agent.loading import load

    address = {"host": "", "snapshot": "http://", "stream": "rtsp://"}[key] + "operator:TOPSECRET@cam/1"
    (tmp_path / "polegate.toml").write_text(
        '[station]\nsite = "a"\ngateway = "b"\n[uplink]\nurl = "mqtt://localhost"\n'
        f'[cameras.bank]\n{key} = "{address}"\n'
    )
    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "polegate.toml")
    assert "TOPSECRET" not in str(refused.value)
    assert f"{key}: put the user name in username" in str(refused.value)
