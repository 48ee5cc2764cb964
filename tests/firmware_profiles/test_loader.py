"""Finding profiles, and what a person is told who wrote a wrong one."""

from __future__ import annotations

import pytest

from firmware_profiles.loader import (
    ProfileError,
    list_boards,
    list_instruments,
    load_board,
    load_instrument,
    parse_board,
    parse_instrument,
)  # fmt: skip

GAUGE = """
title = "Site gauge"
vendor = "Acme"
model = "L1"
confirmed = "documented"
source = "manual"
protocol = "modbus"

[[points]]
channel = "water_level"
address = 7
"""

BOARD = """
title = "Site board"
vendor = "Acme"
source = "manual"

[ports.rs485-1]
path = "/dev/ttyACM0"
"""


def site(tmp_path, name="site", **files):
    """A profile directory with the given texts: instruments_x becomes instruments/x.toml, _ read as -."""
    for key, text in files.items():
        kind, _, stem = key.partition("_")
        file = tmp_path / name / kind / f"{stem.replace('_', '-')}.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path / name


def told(call, *args):
    with pytest.raises(ProfileError) as caught:
        call(*args)
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    return str(caught.value)


def test_a_site_adds_instruments_and_boards(tmp_path):
    directory = site(tmp_path, instruments_my_gauge=GAUGE, boards_my_board=BOARD)
    assert load_instrument("my-gauge", [directory]).points[0].address == 7
    assert load_board("my-board", [directory]).ports["rs485-1"].path == "/dev/ttyACM0"
    assert {"my-gauge", "keller-36x"} <= list_instruments([directory]).keys()
    assert {"my-board", "generic"} <= list_boards([directory]).keys()
    assert "my-gauge" not in list_instruments()


def test_a_site_overrides_the_built_in_and_the_first_directory_wins(tmp_path):
    first = site(tmp_path, "first", instruments_keller_36x=GAUGE, boards_generic=BOARD)
    second = site(tmp_path, "second", instruments_keller_36x=GAUGE.replace("7", "8"))
    assert load_instrument("keller-36x").vendor == "Keller"
    assert load_instrument("keller-36x", [first]).title == "Site gauge"
    assert load_instrument("keller-36x", [first, second]).points[0].address == 7
    assert load_instrument("keller-36x", [second, first]).points[0].address == 8
    assert load_board("generic", [second, first]).title == "Site board"
    assert list_instruments([first, second])["keller-36x"].read_text() == GAUGE


def test_a_missing_site_directory_is_no_error(tmp_path):
    assert load_instrument("keller-36x", [tmp_path / "nowhere"]).vendor == "Keller"
    assert list_instruments([tmp_path / "nowhere"]) == list_instruments()


def test_only_the_profile_asked_for_is_read(tmp_path):
    directory = site(
        tmp_path, instruments_good=GAUGE, instruments_broken="not TOML", instruments_keller_36x=b"\xff"
    )
    assert load_instrument("good", [directory]).title == "Site gauge"
    assert "broken" in list_instruments([directory])


@pytest.mark.parametrize("name", ["renke-rs-fscxs", "Renke-RS-FSXCS"])
def test_an_unknown_instrument_suggests_the_nearest(tmp_path, name):
    message = told(load_instrument, name, [tmp_path])
    assert message == (
        f'no instrument profile "{name}" in {tmp_path}/instruments, the built-in profiles;'
        ' did you mean "renke-rs-fsxcs"?'
    )


def test_an_unknown_board_suggests_the_nearest_or_says_where_to_look():
    assert told(load_board, "rasberry-pi-4") == (
        'no board profile "rasberry-pi-4" in the built-in profiles; did you mean "raspberry-pi-4"?'
    )
    assert told(load_board, "zzz").endswith("; polegate profiles list shows all boards")


@pytest.mark.parametrize(
    "name", ["../boards/generic", "/etc/passwd", "", ".", "instruments/keller-36x", "a\nb"]
)
def test_a_name_is_never_a_path(tmp_path, name):
    assert f'no instrument profile "{name}"' in told(load_instrument, name, [tmp_path])


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    directory = site(tmp_path, instruments_bad=b"title = '\xff'")
    message = told(load_instrument, "bad", [directory])
    assert message == f"{directory}/instruments/bad.toml:1: no UTF-8 text; save the file as UTF-8"


def test_a_syntax_error_gives_file_and_line(tmp_path):
    directory = site(tmp_path, instruments_bad=GAUGE + "scale = \n", boards_bad="[ports\n")
    line = len(GAUGE.splitlines()) + 1
    assert told(load_instrument, "bad", [directory]).startswith(
        f"{directory}/instruments/bad.toml:{line}: not valid TOML: Invalid value"
    )
    assert told(load_board, "bad", [directory]).startswith(f"{directory}/boards/bad.toml:1: not valid TOML: ")


def test_every_mistake_in_a_profile_is_named_at_once_with_its_line():
    text = GAUGE.replace("address = 7", 'address = "seven"\nscael = 0.1') + "\n[line]\nbaud = 1\n"
    assert told(parse_instrument, text, "my.toml").split("\n") == [
        'my.toml:11: points[0].address: expected a whole number from 0 to 65535, got "seven"',
        'my.toml:12: points[0]: unknown key "scael"; did you mean "scale"?',
        "my.toml:15: line.baud: expected a whole number from 300 to 4000000, got 1",
    ]


def test_a_board_is_explained_the_same_way():
    text = BOARD + 'rs485 = "kernal"\n[port.x]\npath = "/dev/x"\n'
    first, second = told(parse_board, text, "b.toml").split("\n")
    assert first.startswith(
        'b.toml:8: ports.rs485-1.rs485: expected one of "auto", "kernel", "none", got "kernal"'
    )
    assert first.endswith('; did you mean "kernel"?')
    assert second == 'b.toml:9: unknown key "port"; did you mean "ports"?'
