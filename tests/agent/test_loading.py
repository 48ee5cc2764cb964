"""Configurations, right and wrong: what they resolve to, and what is said of a mistake."""

from __future__ import annotations

import json
from dataclasses import fields
from importlib.resources import files

import pytest

from agent.config import Config, Uplink
from agent.config_schema import json_schema
from agent.errors import ConfigError
from agent.loading import load
from drivers.endpoints import SerialEndpoint, TcpEndpoint
from firmware_profiles.declared import checked
from firmware_profiles.schema import ModbusSettings

HEAD = """\
[station]
site = "river"
gateway = "gw-1"
[uplink]
url = "mqtt://localhost"
"""
LEVEL = '[devices.level]\ninstrument = "keller-36x"\nport = "rs485-1"\n'
OWN = '[devices.own]\ntcp = "pump"\n[[devices.own.points]]\nchannel = "raw.a"\naddress = 0\n'
PORTS = '[ports.rs485-1]\npath = "/dev/ttyS7"\n[ports.rs485-2]\npath = "/dev/ttyS8"\n'


@pytest.fixture
def write(tmp_path):
    def write(text: str, **fragments: str):
        file = tmp_path / "polegate.toml"
        file.write_text(text, encoding="utf-8")
        (tmp_path / "conf.d").mkdir(exist_ok=True)
        for name, fragment in fragments.items():
            (tmp_path / "conf.d" / f"{name}.toml").write_text(fragment, encoding="utf-8")
        return file

    return write


def refused(file) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(file)
    return [str(problem).replace(f"{file.parent}/", "") for problem in caught.value.problems]


def test_devices_on_one_port_share_a_bus_and_take_the_profiles_line(write):
    text = (
        HEAD
        + PORTS
        + LEVEL
        + '[devices.rain]\ninstrument = "rika-rk400-04-rain"\nport = "rs485-1"\nunit = 3\n'
    )
    (bus,) = load(write(text)).plan.buses
    assert isinstance(bus.endpoint, SerialEndpoint)
    assert (bus.endpoint.path, bus.endpoint.line.baud) == ("/dev/ttyS7", 9600)
    assert [(d.name, d.unit) for d in bus.devices] == [("level", 1), ("rain", 3)]


def test_fragments_add_to_the_file_in_the_order_of_names(write):
    loaded = load(write(HEAD + PORTS, a=LEVEL, b='[devices.level]\ntitle = "Bridge"\nevery_s = 5\n'))
    assert loaded.plan.devices["level"].title == "Bridge"
    assert loaded.plan.devices["level"].timing.every_s == 5
    assert [file.name for file in loaded.files] == ["polegate.toml", "a.toml", "b.toml"]


def test_a_key_given_twice_names_both_places(write):
    file = write(HEAD + PORTS + LEVEL, more='[devices.level]\nport = "rs485-2"\n')
    assert refused(file) == [
        "conf.d/more.toml:2: devices.level.port: already given in polegate.toml:12; keep one of the two"
    ]


def test_a_datum_offset_is_folded_into_the_points(write):
    text = (
        HEAD
        + PORTS
        + LEVEL
        + '[devices.level.channels.water_pressure]\nrename = "water_level"\nfactor = 10.2\noffset = 31.5\n'
    )
    point = next(
        p for p in load(write(text)).plan.devices["level"].instrument.points if p.channel == "water_level"
    )
    assert (point.scale, point.offset) == (10.2, 31.5)


def test_one_unit_may_be_asked_for_different_points_at_two_intervals(write):
    fast = OWN.replace("[[", "every_s = 1\n[[")
    slow = OWN.replace(".own", ".slow").replace("raw.a", "raw.b").replace("address = 0", "address = 9")
    (bus,) = load(write(HEAD + fast + slow)).plan.buses
    assert [(device.unit, device.timing.every_s) for device in bus.devices] == [(1, 1.0), (1, 10.0)]
    problems = refused(write(HEAD + fast + OWN.replace(".own", ".copy")))
    assert problems == [
        "polegate.toml:12: devices.copy.unit: got 1: own is the same instrument with the same unit id on pump:502"
    ]


def test_a_serial_converter_carries_modbus_rtu_and_frames(write):
    rain = '[devices.rain]\ninstrument = "hydreon-rg15"\ntcp = "moxa:4001"\n'
    level = '[devices.level]\ninstrument = "keller-36x"\ntcp = "moxa:4001"\n'
    for text in (level + 'framing = "rtu"\n' + rain, rain + level + 'framing = "rtu"\n'):
        (bus,) = load(write(HEAD + text)).plan.buses
        assert {device.framing for device in bus.devices} == {"rtu"}
    for line, text in ((6, level + rain), (9, rain + level)):
        (problem,) = refused(write(HEAD + text))
        assert problem == (
            f'polegate.toml:{line}: devices.level.framing: expected "rtu", as rain on moxa:4001, got "tcp"; '
            "rain sends frames of its own, which only a serial converter carries"
        )


def test_a_pushing_gauge_shares_no_address_either(write):
    text = HEAD + OWN + '[devices.wind]\ninstrument = "gill-windsonic"\ntcp = "pump"\n'
    assert refused(write(text)) == [
        "polegate.toml:13: devices.wind.tcp: wind pushes frames and needs pump:502 for itself"
    ]


@pytest.mark.parametrize("host", ["fe80::1%eth0", "fe80::1%Eth-0.7", "::1"])
def test_an_ipv6_address_may_have_a_zone(write, host):
    (bus,) = load(write(HEAD + OWN.replace("pump", f"[{host}]:1502"))).plan.buses
    assert bus.endpoint == TcpEndpoint(host, 1502)


@pytest.mark.parametrize("text", ["::1", "[pump]:502", "[fe80::1", "[1:2]", "[fe80::1%]:502", "pump:0x1"])
def test_what_is_no_address_is_refused(write, text):
    (problem,) = refused(write(HEAD + OWN.replace("pump", text)))
    assert problem.endswith('expected "host", "host:port" or "[IPv6]:port"')


def test_modbus_settings_are_laid_over_those_of_the_profile_one_by_one(write):
    text = HEAD + (
        '[devices.meter]\ninstrument = "eastron-sdm120"\ntcp = "a"\nmodbus = { hole = 0 }\n'
        '[devices.flow]\ninstrument = "hz-radar-flow"\ntcp = "b"\nmodbus = { max_registers = 20 }\n'
    )
    meter, flow = load(write(text)).plan.devices.values()
    assert meter.instrument.modbus == ModbusSettings(unit=1, max_registers=60, max_bits=2000, hole=0)
    assert (flow.instrument.modbus.max_registers, flow.instrument.modbus.hole, flow.unit) == (20, 0, 53)


def test_tcp_addresses_and_framing(write):
    text = HEAD + (
        '[devices.a]\ninstrument = "eastron-sdm120"\ntcp = "[fd00::5]:1502"\n'
        '[devices.b]\ninstrument = "eastron-sdm120"\ntcp = "converter.local"\nframing = "rtu"\n'
    )
    a, b = load(write(text)).plan.devices.values()
    assert (a.endpoint, a.framing) == (TcpEndpoint("fd00::5", 1502), "tcp")
    assert (b.endpoint, b.framing) == (TcpEndpoint("converter.local", 502), "rtu")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LEVEL + "adress = 4\n", ['polegate.toml:13: devices.level: unknown key "adress"; the keys here are']),
        (LEVEL + "unit = 300\n", ["polegate.toml:13: devices.level.unit: expected a whole number from 0 to 255, got 300"]),
        (LEVEL + 'every_s = "1s"\n', ["polegate.toml:13: devices.level.every_s: expected a number above 0"]),
        (
            LEVEL.replace("rs485-1", "rs485-9"),
            ['polegate.toml:12: devices.level.port: expected a port of the board or of [ports], or a path, got "rs485-9"; did you mean "rs485-'],
        ),
        (LEVEL.replace("keller-36x", "keler-36x"), ['no instrument profile "keler-36x"', 'did you mean "keller-36x"?']),
        (
            LEVEL + '[devices.rain]\ninstrument = "rika-rk400-04-rain"\nport = "rs485-1"\nunit = 2\nline = { baud = 4800 }\n',
            ["polegate.toml:17: devices.rain.line: expected 9600 8N1, which level has on the same port /dev/ttyS7, got 4800 8N1; set both devices"],
        ),
        (
            LEVEL + LEVEL.replace("level", "twin"),
            ["polegate.toml:13: devices.twin.unit: got 1: level is the same instrument with the same unit id on /dev/ttyS7"],
        ),
        (
            LEVEL + '[devices.wind]\ninstrument = "gill-windsonic"\nport = "rs485-1"\n',
            ["polegate.toml:15: devices.wind.port: wind pushes frames and needs /dev/ttyS7 for itself"],
        ),
        (
            LEVEL + "[devices.level.channels.water_presure]\nskip = true\n",
            ['devices.level.channels.water_presure: keller-36x has no such channel; did you mean "water_pressure"?'],
        ),
        (
            LEVEL.replace("level", "Level"),
            ['polegate.toml:10: devices.Level: got "Level": expected lower-case letters, digits, - and _, at most 64'],
        ),
        ("[devices.level]\nport = 'rs485-1'\n", ["polegate.toml:10: devices.level: expected either instrument"]),
        ("[devices.level]\ninstrument = 'keller-36x'\n", ['polegate.toml:10: devices.level: expected either port = "rs485-1" or tcp']),
        (LEVEL + 'tcp = "h:1:2"\n', ['devices.level.tcp: got "h:1:2": expected "host", "host:port" or "[IPv6]:port"']),
        (
            OWN + '[[devices.own.points]]\naddress = 1\nchannel = "raw.a"\n',
            ['polegate.toml:17: devices.own.points[1].channel: got "raw.a": points[0] is called the same; give each a qualifier'],
        ),
        (OWN + "scale = 0\n", ["polegate.toml:15: devices.own.points[0].scale: got 0: expected 1e-12 to 1e12"]),
        (OWN + 'type = "string"\nscale = 0.1\n', ["polegate.toml:12: devices.own.points[0]: bits and strings are no numbers"]),
        (OWN + "[devices.own.channels]\n'raw.a' = { factor = 0 }\n", ['devices.own.channels."raw.a".factor: got 0: expected 1e-12']),
        (
            OWN + 'labels = { 0 = "off" }\n' + "[devices.own.channels]\n'raw.a' = { factor = 2, offset = 3.5 }\n",
            [
                'polegate.toml:17: devices.own.channels."raw.a".factor: got 2: this channel gives no number but a label',
                'polegate.toml:17: devices.own.channels."raw.a".offset: got 3.5: this channel gives no number but a label',
            ],
        ),
        (
            OWN.replace("[[", "line = { baud = 1200 }\n[["),
            ["polegate.toml:10: devices.own: line is for port; over tcp the line is set in the converter itself"],
        ),
        (
            LEVEL + "unit = 0\n",
            ["polegate.toml:13: devices.level.unit: expected the device's own unit id, from 1 on, got 0; on an RTU line 0 is broadcast"],
        ),
        (
            OWN.replace("[[", 'framing = "rtu"\nmodbus = { unit = 0 }\n[['),
            ["polegate.toml:10: devices.own.unit: expected the device's own unit id, from 1 on, got 0"],
        ),
        (LEVEL + 'unit = "3"\n', ['polegate.toml:13: devices.level.unit: expected a whole number from 0 to 255, got "3"']),
        (LEVEL + "unit = true\n", ["polegate.toml:13: devices.level.unit: expected a whole number from 0 to 255, got true"]),
        (LEVEL + 'every_s = "10"\n', ['polegate.toml:13: devices.level.every_s: expected a number above 0 and not above 86400, got "10"']),
        (LEVEL + "every_s = true\n", ["polegate.toml:13: devices.level.every_s: expected a number above 0 and not above 86400, got true"]),
        (LEVEL + 'channels.water_temperature.skip = "no"\n', ['water_temperature.skip: expected true or false, got "no"']),
        ("[clock]\nhold_s = inf\n", ["polegate.toml:11: clock.hold_s: expected a finite number, got inf"]),
        (
            f'[control]\nsocket = "/{"x" * 107}"\n',
            ["polegate.toml:11: control.socket: got", "108 bytes; the system takes at most 107 for a socket"],
        ),
        ("[ports.rs485-7]\nechoes = true\n", ["polegate.toml:10: ports.rs485-7: the board has no port of this name; did you mean"]),
        (
            '[devices.w]\ninstrument = "gill-windsonic"\nport = "rs485-1"\nunit = 4\n',
            ["devices.w.unit: gill-windsonic does not speak Modbus; remove it"],
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_told_by_file_line_key_expected_and_got(write, text, said):
    problems = "\n".join(refused(write(HEAD + PORTS + text)))
    for words in said:
        assert words in problems


@pytest.mark.parametrize("key", ["password", "key"])
def test_a_secret_in_the_open_is_refused_and_not_repeated(write, key):
    (problem,) = refused(write(HEAD + f'{key} = "geheim"\n'))
    assert (
        f'polegate.toml:6: uplink.{key}: expected {{ file = "/path" }} or {{ credential = "name" }}, not the secret'
        in problem
    )
    assert "geheim" not in problem


def test_all_problems_are_told_at_once(write):
    text = HEAD.replace("site", "sight") + LEVEL + "unit = 999\n"
    assert len(refused(write(text))) == 2


def test_the_mark_that_windows_editors_put_first_does_no_harm(write):
    file = write("\ufeff" + HEAD + PORTS + LEVEL)
    assert load(file).plan.devices.keys() == {"level"}


def test_a_missing_file_says_what_to_do(tmp_path):
    (problem,) = refused(tmp_path / "none.toml")
    assert problem.startswith("none.toml: no such file; polegate provision makes one")


def test_a_file_that_is_no_text_or_no_file_is_told_in_words(write):
    file = write(HEAD, beside="")
    (file.parent / "conf.d" / "beside.toml").unlink()
    (file.parent / "conf.d" / "beside.toml").mkdir()
    assert refused(file) == ["conf.d/beside.toml: cannot be read: Is a directory"]
    (file.parent / "conf.d" / "beside.toml").rmdir()
    (file.parent / "conf.d" / "beside.toml").symlink_to(file.parent / "gone.toml")
    assert refused(file) == ["conf.d/beside.toml: a link to a file that is not there; mend it or take it out"]
    file.write_bytes(HEAD.encode() + b"#\n" * 20_000 + "# Brücke\n".encode("latin-1"))
    (file.parent / "conf.d" / "beside.toml").unlink()
    assert refused(file) == ["polegate.toml:20006: no UTF-8 text; save the file as UTF-8"]


def test_what_has_no_end_is_not_read_to_it(write):
    file = write(HEAD)
    (file.parent / "conf.d" / "zero.toml").symlink_to("/dev/zero")
    said = "conf.d/zero.toml: more than 4,000,000 bytes; no configuration is as long"
    assert refused(file) == [said]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a = " + "9" * 5000, "a number of thousands of digits"),
        ("a = " + "[" * 5000 + "]" * 5000, "tables and lists more than 32 deep within each other"),
        (".".join("a" * 2000) + " = 1", "tables and lists more than 32 deep within each other"),
    ],
    ids=["digits", "lists", "tables"],
)
def test_what_nobody_would_mean_is_a_mistake_like_any_other(write, line, words):
    assert refused(write(HEAD, strange=line)) == [f"conf.d/strange.toml: not valid TOML: {words}"]


def test_a_site_profile_may_begin_with_the_mark_of_windows_editors(write):
    file = write(HEAD + PORTS + LEVEL.replace("keller-36x", "own"))
    folder = file.parent / "profiles" / "instruments"
    folder.mkdir(parents=True)
    built_in = files("firmware_profiles").joinpath("instruments", "keller-36x.toml").read_text("utf-8")
    (folder / "own.toml").write_text("\ufeff" + built_in, encoding="utf-8")
    assert load(file).plan.devices.keys() == {"level"}


def test_a_syntax_error_gives_the_line(write):
    (problem,) = refused(write(HEAD + "[devices.level\n"))
    assert problem.startswith("polegate.toml:6: not valid TOML")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"url": "http://x"}, "expected mqtts://host"),
        ({"url": "mqtt://broker.city"}, "readable on the way"),
        ({"url": "MQTT://broker.city"}, "readable on the way"),
        ({"url": "mqtts://me:secret@broker.city"}, "put the user name in username"),
        ({"url": "mqtts://broker.city:99999"}, "expected a port from 1 to 65535, got 99999"),
        ({"url": "mqtts://broker.city:0"}, "expected a port from 1 to 65535, got 0"),
        ({"url": "mqtts://broker.city:abc"}, 'expected "host", "host:port"'),
        ({"url": "mqtts://broker.city?tls=no"}, "expected mqtts://host"),
        ({"url": "mqtts://b", "certificate": "/x.pem"}, "certificate and key go together"),
    ],
)
def test_an_uplink_that_would_be_unsafe_or_cannot_work_is_refused(keys, words):
    with pytest.raises(ValueError, match=words):
        checked(Uplink, keys)


def test_plain_mqtt_is_allowed_to_this_machine_and_where_it_is_asked_for():
    assert Uplink(url="mqtt://[::1]:1884").port == 1884
    assert Uplink(url="mqtt://broker.city", plaintext=True).port == 1883
    assert Uplink(url="mqtts://broker.city").tls


@pytest.mark.parametrize("scheme", ["mqtts", "MQTTS", "Mqtts"])
def test_a_url_means_tls_in_any_case(scheme):
    uplink = Uplink(url=f"{scheme}://Broker.City")
    assert (uplink.tls, uplink.host, uplink.port) == (True, "broker.city", 8883)
    assert not Uplink(url="MQTT://LOCALHOST").tls


def test_a_password_in_the_url_is_never_repeated(write):
    for scheme in ("mqtts", "http"):
        problems = refused(write(HEAD.replace("mqtt://localhost", f"{scheme}://me:hunter2@broker.city")))
        assert "username" in problems[0]
        assert "hunter2" not in " ".join(problems)


def test_unit_ids_a_standard_reserves_are_asked_where_devices_use_them(write):
    text = HEAD + PORTS + LEVEL + "unit = 250\n" + OWN.replace("[[", "unit = 0\n[[")
    assert [device.unit for device in load(write(text)).plan.devices.values()] == [250, 0]


def test_a_socket_may_be_as_long_as_the_system_takes(write):
    path = f"/{'x' * 106}"
    assert str(load(write(f'{HEAD}[control]\nsocket = "{path}"\n')).config.control.socket) == path


def test_the_schema_for_editors_describes_every_section():
    schema = json.loads(json.dumps(json_schema()))
    assert set(schema["properties"]) == {each.name for each in fields(Config)}
    assert schema["additionalProperties"] is False


def test_a_ports_facts_come_from_the_board_and_this_file_by_name_or_by_path(write):
    text = HEAD + (
        '[ports.rs485-1]\npath = "/dev/ttyS7"\nechoes = true\nrs485 = "kernel"\n'
        '[devices.a]\ninstrument = "keller-36x"\nport = "rs485-1"\n'
        '[devices.b]\ninstrument = "keller-36x"\nport = "/dev/ttyS7"\nunit = 2\n'
        '[devices.c]\ninstrument = "keller-36x"\nport = "/dev/ttyS9"\n'
    )
    a, b, c = load(write(text)).plan.devices.values()
    assert a.endpoint == b.endpoint
    assert (a.endpoint.echoes, a.endpoint.kernel_rs485) == (True, True)
    assert (c.endpoint.echoes, c.endpoint.kernel_rs485) == (False, False)
