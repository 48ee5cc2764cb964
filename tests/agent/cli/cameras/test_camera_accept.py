"""polegate camera accept: passed on to the daemon, its refusal told."""

from __future__ import annotations

import json


def test_what_is_seen_now_is_right(daemon, polegate):
    daemon.answers["accept"] = {"camera": "bridge"}
    result = polegate("camera", "accept", "bridge")
    assert result.exit_code == 0
    assert result.stdout.startswith("bridge: the next picture counts as right")
    assert json.loads(polegate("camera", "accept", "bridge", "--json").stdout)["camera"] == "bridge"


def test_no_such_camera(daemon, polegate):
    daemon.answers["accept"] = {"ok": False, "error": "accept: no camera bidge; there is bridge"}
    result = polegate("camera", "accept", "bidge")
    assert result.exit_code == 1
    assert "no camera bidge; there is bridge" in result.stderr


def test_no_daemon(polegate):
    result = polegate("camera", "accept", "bridge")
    assert result.exit_code == 3
    assert "no polegate is running" in result.stderr
