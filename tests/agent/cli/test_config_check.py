"""polegate config check: every mistake with its place, every warning, and the summary of a good one."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

import jsonschema
import pytest
from click.testing import CliRunner
from fakes.nobody import by_nobody

from agent.cli.line_load import bus_load, sample_s
from agent.cli.main import group
from agent.loading import load

HEAD = """\
[station]
site = "riverside"
gateway = "pole-7"

[uplink]
url = "mqtt://localhost"
"""

LEVEL = """
[devices.level]
instrument = "keller-36x"
port = "/dev/null"
"""


@pytest.fixture
def check(tmp_path: Path, polegate):
    """Checks a text; the folder's name is taken out of what is said."""

    def run(text: str, *options: str) -> tuple[int, str, str]:
        (tmp_path / "polegate.toml").write_text(text)
        result = polegate("config", "check", *options)
        return result.exit_code, *(
            said.replace(f"{tmp_path}/", "") for said in (result.stdout, result.stderr)
        )

    return run


OTHER = LEVEL.replace(".level]", ".other]")
KEYS_OF_A_DEVICE = (
    "instrument, port, tcp, framing, unit, line, every_s, timeout_s, gap_ms, channels, modbus, points, title"
)

MISTAKES = {
    "misspelt key": (
        HEAD + LEVEL.replace("port", "prot"),
        ['polegate.toml:10: devices.level: unknown key "prot"; did you mean "port"?'],
    ),
    "wrong type": (
        HEAD + LEVEL + 'every_s = "ten"\n',
        ['polegate.toml:11: devices.level.every_s: expected a number above 0 and not above 86400, got "ten"'],
    ),
    "out of range": (
        HEAD + LEVEL + "unit = 300\n",
        ["polegate.toml:11: devices.level.unit: expected a whole number from 0 to 255, got 300"],
    ),
    "missing table": (
        '[station]\nsite = "a"\ngateway = "b"\n',
        ["polegate.toml: uplink: missing; expected a table"],
    ),
    "unknown instrument": (
        HEAD + LEVEL.replace("36x", "35x"),
        [
            (
                'polegate.toml:9: devices.level.instrument: no instrument profile "keller-35x" in '
                'profiles/instruments, the built-in profiles; did you mean "keller-36x"?'
            )
        ],
    ),
    "unknown port": (
        HEAD + LEVEL.replace("/dev/null", "rs485-11"),
        [
            (
                "polegate.toml:10: devices.level.port: expected a port of the board or of [ports], or a path, "
                'got "rs485-11"; did you mean "rs485-1"?'
            )
        ],
    ),
    "not TOML": (
        HEAD + "[devices.level\n",
        ["polegate.toml:7: not valid TOML: Expected ']' at the end of a table declaration (column 15)"],
    ),
    "password in the URL": (
        HEAD.replace("mqtt://localhost", "mqtts://me:secret@broker"),
        ["polegate.toml:6: uplink.url: put the user name in username and the password's place in password"],
    ),
    "plain MQTT to elsewhere": (
        HEAD.replace("localhost", "broker.example"),
        [
            "polegate.toml:6: uplink.url: mqtt:// is readable on the way; use mqtts://, or set plaintext = true"
        ],
    ),
    "one port, two baud rates": (
        HEAD + LEVEL + OTHER + "unit = 2\nline = { baud = 19200 }\n",
        [
            (
                "polegate.toml:16: devices.other.line: expected 9600 8N1, which level has on the same port "
                "/dev/null, got 19200 8N1; set both devices to the same, or use another port"
            )
        ],
    ),
    "one unit id twice": (
        HEAD + LEVEL + OTHER,
        [
            (
                "polegate.toml:12: devices.other.unit: got 1: "
                "level is the same instrument with the same unit id on /dev/null"
            )
        ],
    ),
    "a channel it has not": (
        HEAD + LEVEL + "[devices.level.channels.water_levle]\noffset = 1\n",
        [
            (
                "polegate.toml:11: devices.level.channels.water_levle: keller-36x has no such channel; "
                'did you mean "water_pressure"?'
            )
        ],
    ),
    "unknown board": (
        HEAD.replace('gateway = "pole-7"', 'gateway = "pole-7"\nboard = "rasberry-pi-4"'),
        [
            (
                'polegate.toml:4: station.board: no board profile "rasberry-pi-4" in profiles/boards, '
                'the built-in profiles; did you mean "raspberry-pi-4"?'
            )
        ],
    ),
    "neither port nor tcp": (
        HEAD + '[devices.level]\ninstrument = "keller-36x"\n',
        ['polegate.toml:7: devices.level: expected either port = "rs485-1" or tcp = "host:port"'],
    ),
    "several at once": (
        HEAD.replace("riverside", "River Side") + LEVEL + "unit = 300\nwindow = 3\n",
        [
            (
                'polegate.toml:2: station.site: got "River Side": '
                "expected lower-case letters, digits, - and _, at most 64 characters"
            ),
            "polegate.toml:11: devices.level.unit: expected a whole number from 0 to 255, got 300",
            f'polegate.toml:12: devices.level: unknown key "window"; the keys here are {KEYS_OF_A_DEVICE}',
        ],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_said_with_its_place_and_what_was_expected(check, mistake: str) -> None:
    text, problems = MISTAKES[mistake]
    count = f"{len(problems)} problem{'s' * (len(problems) > 1)} in the configuration:"
    assert check(text) == (78, "", "\n".join([count, *problems, ""]))


def test_a_key_in_two_files(check, tmp_path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "10-site.toml").write_text('# ours\n[station]\nsite = "elsewhere"\n')
    code, _, said = check(HEAD)
    assert code == 78
    assert said.endswith(
        "\nconf.d/10-site.toml:3: station.site: already given in polegate.toml:2; keep one of the two\n"
    )


def test_no_file(polegate, tmp_path) -> None:
    result = polegate("config", "check")
    assert result.exit_code == 78
    assert result.stderr.splitlines()[1] == (
        f"{tmp_path}/polegate.toml: no such file; polegate provision makes one;"
        " by hand: docs/field-engineer/configuration.md; another: --config"
    )


def test_problems_as_json(check) -> None:
    code, out, _ = check(HEAD + LEVEL + "unit = 300\n", "--json")
    answer = json.loads(out)
    assert (code, answer["ok"]) == (78, False)
    [problem] = answer["problems"]
    assert problem["file"] == "polegate.toml"
    assert (problem["line"], problem["path"]) == (11, "devices.level.unit")
    assert (problem["expected"], problem["got"]) == ("a whole number from 0 to 255", "300")
    assert problem["text"].startswith("polegate.toml:11: devices.level.unit: expected")


STATION = (
    HEAD
    + """
[devices.level]
instrument = "keller-36x"
port = "/dev/null"
every_s = 5

[devices.meter]
instrument = "eastron-sdm120"
port = "/dev/null"
unit = 2
line = { baud = 9600 }

[devices.rain]
instrument = "sl651-level-rain"
tcp = "192.0.2.7"
unit = 3

[devices.wind]
instrument = "gill-windsonic"
port = "/dev/zero"
"""
)


def test_a_good_station_is_summed_up_bus_by_bus(check) -> None:
    code, out, err = check(STATION)
    assert (code, err) == (0, "")
    # 1 request of 4 registers at 9600 8N1: 8 + 5 + 8 characters, 2 * 3.5, 10 ms = 39.2 ms each 5 s.
    # 3 requests of the SDM120 with 13, 2 and 4 registers.
    assert "level   keller-36x           1    5 s         2         1  0.8%" in out
    assert out.splitlines()[2].startswith("/dev/null, ")
    assert "  wind    gill-windsonic            1 s         2    pushes\n" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_good_station_as_json(check) -> None:
    code, out, _ = check(STATION, "--json")
    answer = json.loads(out)
    assert (code, answer["ok"], answer["warnings"]) == (0, True, [])
    shared, behind_tcp, alone = answer["buses"]
    assert [device["device"] for device in shared["devices"]] == ["level", "meter"]
    assert shared["load"] == pytest.approx(sum(device["load"] for device in shared["devices"]))
    assert behind_tcp["load"] is None
    assert alone["devices"][0]["requests"] == 0


@pytest.mark.parametrize(
    ("line", "registers", "expected_ms"),
    [
        ({"baud": 9600}, 1, 32.9), ({"baud": 9600}, 10, 51.7), ({"baud": 9600}, 20, 72.5), ({"baud": 9600}, 125, 291.3),
        ({"baud": 9600, "parity": "E"}, 1, 35.2), ({"baud": 9600, "parity": "E"}, 125, 319.4),
        ({"baud": 115200}, 10, 16.4), ({"baud": 115200}, 125, 36.3),
    ],
)  # fmt: skip
def test_the_line_time_of_a_request(tmp_path, line: dict, registers: int, expected_ms: float) -> None:
    """Worked by hand: 8 + 5 + 2n characters, twice 3.5 (1.75 ms above 19200 baud), 10 ms turnaround."""
    settings = ", ".join(f"{key} = {json.dumps(value)}" for key, value in line.items())
    points = "".join(f'[[devices.d.points]]\nchannel = "raw.r{i}"\naddress = {i}\n' for i in range(registers))
    file = tmp_path / "polegate.toml"
    file.write_text(f'{HEAD}[devices.d]\nport = "/dev/null"\nline = {{ {settings} }}\nevery_s = 2\n{points}')
    [bus] = load(file).plan.buses
    assert sample_s(bus.devices[0]) * 1000 == pytest.approx(expected_ms, abs=0.06)
    assert bus_load(bus) == pytest.approx(expected_ms / 2000, abs=1e-4)


def test_coils_take_a_bit_each_and_frames_their_size(tmp_path) -> None:
    file = tmp_path / "polegate.toml"
    points = "".join(
        f'[[devices.d.points]]\nchannel = "switch.s{i}"\ntable = "coil"\ntype = "bit"\naddress = {i}\n' for i in range(16)
    )  # fmt: skip
    file.write_text(f'{HEAD}[devices.d]\nport = "/dev/null"\n{points}')
    [bus] = load(file).plan.buses
    assert sample_s(bus.devices[0]) == pytest.approx((8 + 5 + 2 + 7) * 10 / 9600 + 0.010)
    file.write_text(f'{HEAD}[devices.d]\ninstrument = "hydreon-rg15"\nport = "/dev/null"\n')
    [bus] = load(file).plan.buses
    frames = bus.devices[0].instrument.frames
    longest = frames.size or frames.max_size
    characters = sum(len(request) + longest for request in frames.requests)
    expected_s = characters * 10 / 9600 + 0.010 * len(frames.requests)
    assert sample_s(bus.devices[0]) == pytest.approx(expected_s, abs=0.02)


def warnings(check, text: str) -> list[str]:
    code, out, err = check(text)
    assert code == 0
    assert "good." in out
    return [line.removeprefix("warning: ") for line in err.splitlines()]


def test_a_port_that_is_not_there_now(check) -> None:
    text = (
        HEAD
        + LEVEL.replace("/dev/null", "/dev/ttyUSB77")
        + OTHER.replace("/dev/null", "/dev/ttyUSB77")
        + "unit = 2\n"
    )
    assert warnings(check, text) == [
        "polegate.toml:10: /dev/ttyUSB77 (level, other) is not there now; plug the adapter in, or mend the port"
    ]


def test_a_line_with_too_much_on_it(check) -> None:
    text = HEAD + LEVEL + "every_s = 0.05\n"
    [warning] = warnings(check, text)
    assert warning == (
        "polegate.toml:8: /dev/null: its devices take 78% of the line's time; "
        "above 70% polls are missed: raise every_s"
    )


def test_secrets_and_certificates(check, tmp_path) -> None:
    (tmp_path / "password").write_text("x")
    (tmp_path / "password").chmod(0o644)
    uplink = f"""ca = "/nowhere/ca.pem"
certificate = "{tmp_path}/client.pem"
username = "pole-7"
password = {{ file = "{tmp_path}/password" }}
key = {{ file = "{tmp_path}/client.key" }}
"""
    assert warnings(check, HEAD + uplink + LEVEL) == [
        "polegate.toml:7: uplink.ca: /nowhere/ca.pem: no such file",
        "polegate.toml:8: uplink.certificate: client.pem: no such file",
        "polegate.toml:10: uplink.password: password can be read by every user: chown root:polegate, chmod 640",
        "polegate.toml:11: uplink.key: client.key cannot be read; there is no connection until it can",
    ]
    (tmp_path / "password").chmod(0o600)
    assert "uplink.password" not in " ".join(warnings(check, HEAD + uplink + LEVEL))


def test_a_credential_is_seen_only_where_systemd_puts_it(check, tmp_path, monkeypatch) -> None:
    text = HEAD + 'username = "me"\npassword = { credential = "mqtt-password" }\n' + LEVEL
    [warning] = warnings(check, text)
    assert warning == (
        "polegate.toml:8: uplink.password: the systemd credential mqtt-password can only be seen by "
        "the service itself"
    )
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "mqtt-password").write_text("x")
    assert warnings(check, text) == []


def test_what_nobody_has_confirmed(check) -> None:
    text = (
        HEAD.replace("localhost", "broker.example")
        + "plaintext = true\n"
        + LEVEL.replace("keller-36x", "wl991-ultrasonic")
    )
    assert warnings(check, text) == [
        "polegate.toml:7: uplink.plaintext: all can be read on the way, the password too; use mqtts:// when you can",
        "polegate.toml:10: level: the map of wl991-ultrasonic has a single source; compare its values with its display",
    ]


def test_a_warning_names_the_fragment_its_key_stands_in(check, tmp_path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "10-uplink.toml").write_text('[uplink]\nca = "/nowhere/ca.pem"\n')
    [warning] = warnings(check, HEAD + LEVEL)
    assert warning == "conf.d/10-uplink.toml:2: uplink.ca: /nowhere/ca.pem: no such file"


def test_no_devices(check) -> None:
    [warning] = warnings(check, HEAD)
    assert warning.startswith("polegate.toml: No devices are configured")


def test_another_file_by_argument(check, polegate, tmp_path) -> None:
    (tmp_path / "next.toml").write_text(HEAD + LEVEL)
    result = polegate("config", "check", tmp_path / "next.toml")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (
        0,
        f"{tmp_path}/next.toml: good. 1 device on 1 bus.",
    )


def test_the_schema_accepts_what_is_good_and_refuses_what_is_not(polegate, tmp_path) -> None:
    result = polegate("config", "schema")
    schema = json.loads(result.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(tomllib.loads(STATION), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(MISTAKES["misspelt key"][0]), schema)
    assert json.loads(polegate("config", "schema", "--json").stdout) == schema
    out = tmp_path / "schema.json"
    assert polegate("config", "schema", "--out", out).stdout == ""
    assert json.loads(out.read_text()) == schema


def test_a_schema_that_cannot_be_written(polegate, tmp_path) -> None:
    result = polegate("config", "schema", "--out", tmp_path / "none" / "schema.json")
    assert result.exit_code == 1
    assert "cannot be written: No such file or directory" in result.stderr


def test_two_instruments_that_ask_the_same_unit(check, tmp_path) -> None:
    port = tmp_path / "port"
    port.touch()
    devices = "".join(
        f'[devices.{name}]\ninstrument = "{instrument}"\nport = "{port}"\nunit = 1\n'
        for name, instrument in (("level", "keller-36x"), ("rain", "rika-rk400-04-rain"))
    )
    said = [warning for warning in warnings(check, HEAD + devices) if "both ask" in warning]
    assert said == [
        f"polegate.toml:{(HEAD + devices).count(chr(10))}: level and rain both ask unit 1 on port: right only if they are one device"
    ]


def test_cameras_and_the_files_they_name(check, tmp_path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o640)
    camera = f"""[cameras.bridge]
host = "192.168.1.30"
https = true
verify = false
username = "polegate"
password = {{ file = "{tmp_path}/absent" }}
[cameras.bridge.models.smoke]
file = "/nowhere/smoke.onnx"
labels = ["smoke"]
[cameras.bridge.file]
photo = "/nowhere/pole.jpg"
[cameras.gate]
snapshot = "http://192.168.1.31/jpg"
username = "polegate"
password = {{ file = "{tmp_path}/secret" }}
"""
    found = warnings(check, HEAD + LEVEL + camera)
    assert [each.partition(": ")[2] for each in found] == [
        "cameras.bridge.password: absent cannot be read; there is no connection until it can",
        "cameras.bridge.file.photo: /nowhere/pole.jpg: no such file",
        "cameras.bridge.models.smoke.file: /nowhere/smoke.onnx: no such file",
        "the certificate of camera bridge is not checked; give its own as ca instead",
    ]
    assert "1 bus, 2 cameras." in check(HEAD + LEVEL + camera)[1]


def test_a_camera_takes_no_devices_name(check) -> None:
    code, _, said = check(HEAD + LEVEL + '[cameras.level]\nhost = "192.168.1.30"\nwatches = ["levle"]\n')
    assert code == 78
    assert "cameras.level: there is a device called level, too" in said
    assert 'got "levle": no such device; did you mean "level"?' in said


@pytest.mark.parametrize("words", [("-c", "FILE", "config", "check"), ("config", "check", "FILE")])
def test_a_configuration_that_may_not_be_read_says_by_whom(words) -> None:
    """Whoever may only look can ask the daemon all the same: no verb fails before it needs the file."""

    def check() -> tuple[str, int]:
        result = CliRunner().invoke(group, [word.replace("FILE", str(file)) for word in words])
        return result.stderr, result.exit_code

    with TemporaryDirectory() as folder:  # one that others may enter
        Path(folder).chmod(0o755)
        file = Path(folder) / "polegate.toml"
        file.write_text(HEAD, encoding="utf-8")
        file.chmod(0)
        said = f"{file}: no permission to read it; run as the user polegate or with sudo"
        assert by_nobody(check) == [f"1 problem in the configuration:\n{said}\n", 78]
