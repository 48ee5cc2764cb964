"""The cameras in polegate status: one row each, the reason where one fails, what the worker costs."""

from __future__ import annotations

from typing import Any

import pytest

SHOWN = """\
camera  state    last picture  score
bridge  ok            4 s ago     97  snapshot each 10 s: the cheapest, and it
                                      works
gate    timeout         never      -  192.168.1.9:80 does not answer
ford    defocus       9 s ago     31  sharpness 0.2 of the usual
                                      hold each 2 s: as configured
                                      not sent: the disk is full
"""


def camera(name: str, **differs: Any) -> dict[str, Any]:
    return {
        "camera": name, "state": "ok", "step": "changing", "reason": "", "message": "", "since_ms": None,
        "way": "", "why": "", "last_ms": None, "samples": 0, "score": None, "faults": [], "reasons": {},
        "tampered": False, "record": {}, "facts": {}, "figures": {"every_s": 10.0, "failed": ""},
    } | differs  # fmt: skip


@pytest.fixture
def watched(healthy):
    now_ms = healthy["now_ms"]
    healthy["cameras"] = [
        camera("bridge", score=97, last_ms=now_ms - 4_000, way="snapshot", why="the cheapest, and it works"),
        camera("gate", state="timeout", step="unreachable", message="192.168.1.9:80 does not answer"),
        camera(
            "ford", state="defocus", score=31, last_ms=now_ms - 9_000, faults=["defocus"],
            reasons={"defocus": "sharpness 0.2 of the usual"}, way="hold", why="as configured",
            figures={"every_s": 2.0, "failed": "the disk is full"},
        ),
    ]  # fmt: skip
    healthy["pictures"] = {
        "spool": {"waiting": 2, "waiting_bytes": 200_000}, "added": 12, "delivered": 10, "lost": {"evicted": 1},
    }  # fmt: skip
    healthy["worker"] = {"pss_bytes": 90 * 2**20, "cpu_s": 12.5, "decoders": 1}
    return healthy


def test_a_row_a_camera_and_why_it_does_not_do(daemon, polegate, watched):
    daemon.answers["status"] = watched
    result = polegate("status")
    assert SHOWN in result.stdout
    assert result.exit_code == 1  # two of them want attention


def test_pictures_that_wait_and_what_the_worker_costs(daemon, polegate, watched):
    daemon.answers["status"] = watched
    shown = " ".join(polegate("status").stdout.split())
    assert "2 pictures waiting, 195 KiB, 12 taken over and 10 sent since the start, 1 lost: evicted" in shown
    assert "worker and 1 decoder: 90 MiB of memory, 12.5 s of CPU" in shown


def test_cameras_that_are_well_trouble_nobody(daemon, polegate, watched):
    watched["cameras"] = watched["cameras"][:1]
    daemon.answers["status"] = watched
    assert polegate("status").exit_code == 0
