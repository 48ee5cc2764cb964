"""polegate tail: lines into a pipe, a view on a terminal, JSON for programs."""

from __future__ import annotations

import json
import time

import pytest
from fakes.waiting import wait_until

AT_MS = 1_795_420_800_000
CHANNELS = {
    "channels": {
        "level": {"water_level": {"unit": "m", "decimals": 3}, "water_temperature": {"unit": "Cel", "decimals": 1}},
        "wind": {"wind_speed": {"unit": "m/s", "decimals": 2}},
    }
}  # fmt: skip
SAMPLES = [
    {"device": "level", "at_ms": AT_MS, "seq": 1,
     "readings": [["water_level", 1.2344, 2, ""], ["water_temperature", 12.0, 1, ""]]},
    {"device": "wind", "at_ms": AT_MS + 50, "seq": 1, "readings": [["wind_speed", None, 9, "timeout"]]},
    {"device": "level", "at_ms": AT_MS + 1000, "seq": 2,
     "readings": [["water_level", None, 4, "not_finite"], ["water_temperature", 12.1, 3, "spike"]]},
    {"device": "level", "at_ms": AT_MS + 2000, "seq": 3,
     "readings": [["water_level", None, 9, "timeout"], ["water_temperature", None, 9, "timeout"]]},
]  # fmt: skip
LINES = """\
2026-11-23T08:00:00.000Z level water_level=1.234 m, water_temperature=12.0 °C
2026-11-23T08:00:00.050Z wind - (missing: timeout)
2026-11-23T08:00:01.000Z level water_level=- (bad: not_finite), water_temperature=12.1 °C (suspect: spike)
2026-11-23T08:00:02.000Z level - (missing: timeout)
"""


@pytest.fixture
def tailed(daemon, healthy):
    daemon.answers["status"] = healthy
    daemon.items = [CHANNELS, *SAMPLES]
    return daemon


def test_into_a_pipe_a_line_a_sample(tailed, polegate) -> None:
    result = polegate("tail", "--count", 4)
    assert (result.stdout, result.exit_code) == (LINES, 0)


def test_the_named_devices_are_asked_for(tailed, polegate) -> None:
    polegate("tail", "level", "wind", "--count", 1)
    assert tailed.requests[-1]["devices"] == ["level", "wind"]


def test_json_is_what_the_daemon_sends(tailed, polegate) -> None:
    result = polegate("tail", "--json", "--count", 4)
    assert [json.loads(line) for line in result.stdout.splitlines()] == [CHANNELS, *SAMPLES]


def test_a_channel_alone(tailed, polegate) -> None:
    result = polegate("tail", "--channel", "water_temperature", "--count", 2)
    assert result.stdout.splitlines() == [
        "2026-11-23T08:00:00.000Z level water_temperature=12.0 °C",
        "2026-11-23T08:00:01.000Z level water_temperature=12.1 °C (suspect: spike)",
    ]


def test_a_misspelt_device_or_channel_is_met_with_the_nearest(tailed, polegate) -> None:
    tailed.items = [{"channels": {}}]
    result = polegate("tail", "wether")
    assert result.exit_code == 2
    assert result.stderr.endswith('Error: no device "wether"; did you mean weather?\n')
    tailed.items = [CHANNELS]
    result = polegate("tail", "--channel", "water")
    assert result.exit_code == 2
    assert 'no channel "water"; did you mean water_level' in result.stderr
    result = polegate("tail", "--channel", "xyz")
    assert "there is water_level, water_temperature, wind_speed" in result.stderr


def test_a_daemon_that_hangs_up_ends_it_with_3(tailed, polegate) -> None:
    tailed.hang_up = True
    result = polegate("tail")
    assert (result.stdout, result.exit_code) == (LINES, 3)
    assert result.stderr == "Error: the daemon hung up; it stops or restarts. See: polegate status\n"
    assert polegate("tail", "--count", 5).exit_code == 3
    tailed.items = []
    assert polegate("tail").exit_code == 3


def test_an_older_daemon_without_the_verb_says_so(daemon, polegate) -> None:
    daemon.items = [{"ok": False, "error": 'no verb "tail"; this daemon knows status'}]
    result = polegate("tail")
    assert (result.exit_code, result.stderr) == (1, 'Error: no verb "tail"; this daemon knows status\n')


def test_without_a_daemon(polegate) -> None:
    assert polegate("tail").exit_code == 3


def test_on_a_terminal_a_view_of_the_latest_values(tailed, terminal) -> None:
    tail = terminal("tail")
    wait_until(lambda: "missing: timeout" in tail.text)
    for shown in ("level", "water_level", "0 s", "▁█·"):
        assert shown in tail.text
    assert tail.interrupt() == 0


def test_the_view_ages_while_nothing_comes_and_is_redrawn_at_most_4_times_a_second(tailed, terminal) -> None:
    tailed.items = [CHANNELS, *SAMPLES * 250]
    began_s = time.monotonic()
    tail = terminal("tail")
    wait_until(lambda: "1 s" in tail.text)
    took_s = time.monotonic() - began_s
    assert 3 <= tail.text.count("trend") <= 4 * took_s + 2
    tail.interrupt()


def test_the_view_ends_after_count_with_the_last_sample_shown(tailed, terminal) -> None:
    tail = terminal("tail", "--count", "2")
    assert tail.wait() == 0
    assert "missing: timeout" in tail.text
    assert "1.234 m" in tail.text


def test_the_view_says_when_the_daemon_hangs_up(tailed, terminal) -> None:
    tailed.hang_up = True
    tail = terminal("tail")
    assert tail.wait() == 3
    assert "the daemon hung up" in tail.text
