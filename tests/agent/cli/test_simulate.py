"""polegate simulate: what it says, what it refuses, and that polegate read reads it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fakes.ports import free_port
from fakes.waiting import wait_until

HEAD = '[station]\nsite = "s"\ngateway = "g"\n[uplink]\nurl = "mqtt://localhost"\n'


def where(text: str) -> str:
    return re.search(r"serving on (\S+),", text)[1]


def test_an_instrument_on_a_pty_is_read_and_ctrl_c_ends_it(terminal, polegate, tmp_path) -> None:
    link = tmp_path / "gauge"
    playing = terminal(
        "simulate", "wl991-ultrasonic", "--value", "air_gap=4.321", "--unit", "5", "--link", str(link)
    )
    wait_until(lambda: "0 requests" in playing.text)
    assert "wl991-ultrasonic: WL991 ultrasonic level gauge" in playing.text
    assert f"serving on {link}, unit 5, 9600 8N1; Ctrl-C ends it" in playing.text
    (tmp_path / "polegate.toml").write_text(
        f'{HEAD}[devices.gap]\ninstrument = "wl991-ultrasonic"\nport = "{link}"\nunit = 5\n'
    )
    assert "air_gap  4.321 m  unchecked" in polegate("read", "gap").stdout
    assert playing.interrupt() == 0
    assert playing.text.endswith("Ended: 1 request.\n")
    assert not link.is_symlink()


def test_json_over_tcp(polegate) -> None:
    result = polegate(
        "simulate", "nova-sds011", "--tcp", "127.0.0.1:0", "--value", "pm10=20", "--for", "0.01", "--json"
    )
    first, values = [json.loads(line) for line in result.stdout.splitlines()]
    assert first["profile"] == "nova-sds011"
    assert re.fullmatch(r"127\.0\.0\.1:\d+", first["listening"])
    assert (first["unit"], first["line"]) == (None, "9600 8N1")
    assert values["values"]["pm10"] == 20.0
    assert values.keys() == {"at_s", "values", "requests", "refusals", "pushed", "silent"}


def test_without_a_terminal_it_says_where_and_how_it_ended(polegate) -> None:
    result = polegate("simulate", "keller-36x", "--for", "0.01")
    assert result.exit_code == 0
    assert where(result.stdout).startswith("/dev/pts/")
    assert result.stdout.splitlines()[-1] == "Ended: 0 requests."


def test_a_story_silences_it(polegate, tmp_path) -> None:
    story = tmp_path / "story.toml"
    story.write_text("[[step]]\nat_s = 0\nset = { air_gap = 2.5 }\nsilent = true\n")
    result = polegate("simulate", "wl991-ultrasonic", "--story", story, "--for", "0.01", "--json")
    state = json.loads(result.stdout.splitlines()[-1])
    assert (state["values"], state["silent"]) == ({"air_gap": 2.5}, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["wl991-ultra"], 'no profile "wl991-ultra"; did you mean wl991-ultrasonic?'),
        (["keller-36x", "--value", "air_gap=1"], 'no channel "air_gap"; there is water_pressure'),
        (["keller-36x", "--value", "water_pressure"], "expected CHANNEL=VALUE, got water_pressure"),
        (["wl991-ultrasonic", "--value", "air_gap=99"], "air_gap: 99000 does not fit uint16"),
        (["wl991-ultrasonic", "--value", "air_gap=none"], "air_gap: this instrument has no word for a missing"),
        (["gill-windsonic", "--unit", "3"], "which have no unit id"),
        (["keller-36x", "--framing", "rtu"], "--framing goes with --tcp"),
        (["keller-36x", "--tcp", "127.0.0.1:1", "--strict"], "do not go with --tcp"),
        (["keller-36x", "--tcp", "127.0.0.1:99999"], "--tcp: expected a port from 1 to 65535, got 99999"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(polegate, words, said) -> None:
    result = polegate("simulate", *words, "--for", "0")
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("[[step]]\nat = 1\n", 1, 'story.toml:2: step[0]: unknown key "at"; did you mean "at_s"?'),
        ("[[step]\n", 1, "story.toml: "),
        ("[[step]]\nat_s = 3\nset = { water = 1 }\n", 2, 'no channel "water"'),
        ("[[step]]\nat_s = 90\nset = { air_gap = 99 }\n", 1, "at 90 s: air_gap: 99000 does not fit"),
        (None, 2, "cannot be read: No such file or directory"),
    ],
)
def test_a_story_with_a_mistake(polegate, tmp_path, text, code, said) -> None:
    story = tmp_path / "story.toml"
    if text:
        story.write_text(text)
    result = polegate("simulate", "wl991-ultrasonic", "--story", story, "--for", "0")
    assert result.exit_code == code
    assert said in result.stderr


def test_an_address_in_use(polegate, modbus_tcp_slave) -> None:
    slave = modbus_tcp_slave({1: {"holding": {0: 1}}}, port=free_port("127.0.0.1"))
    result = polegate("simulate", "keller-36x", "--tcp", f"127.0.0.1:{slave.port}", "--for", "0")
    assert result.exit_code == 1
    assert f"cannot serve on 127.0.0.1:{slave.port}: " in result.stderr


def test_a_link_that_is_taken_stays(polegate, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    result = polegate("simulate", "keller-36x", "--link", taken, "--for", "0")
    assert (result.exit_code, taken.read_text()) == (1, "mine")
    assert "File exists" in result.stderr
