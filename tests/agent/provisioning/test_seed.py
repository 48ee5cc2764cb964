"""Seeds: what is lifted out of them, what they may not say, and their text without secrets."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from agent.errors import ConfigError
from agent.provisioning.blanking import blanked
from agent.provisioning.seed import credential_of, put_in, read_seed
from agent.provisioning.toml import text_of

SEED = """\
# The bridge
[station]
site = "riverside"
[uplink]
password = 'a "quoted" one'     # from the platform
ca = "ca.pem"
[enrolment]
code = "once\\u0031"
ca = "/etc/ssl/ca.pem"
[cameras.bridge]
password = { file = "/somewhere" }
[cameras]
gate = { host = "gate", username = "password = \\"no\\"", password = "for the gate" }
[network]
address = "10.0.0.7"
"""


def test_secrets_and_files_by_their_keys(tmp_path: Path) -> None:
    seed = read_seed(SEED, tmp_path / "seed.toml")
    assert seed.secrets == {
        ("uplink", "password"): 'a "quoted" one',
        ("enrolment", "code"): "once1",
        ("cameras", "gate", "password"): "for the gate",
    }
    assert list(map(credential_of, seed.secrets)) == ["mqtt-password", "enrolment-code", "camera-gate"]
    assert seed.files == {("uplink", "ca"): tmp_path / "ca.pem"}
    assert [str(problem).partition(": ")[2] for problem in seed.problems] == [
        "network: addresses, routes and name servers are the system's (NetworkManager, netplan, ifupdown); take it out"
    ]
    assert "network" not in seed.tables


def test_where_a_key_stands_or_its_table(tmp_path: Path) -> None:
    seed = read_seed(SEED, tmp_path / "seed.toml")
    lines = {path: getattr(seed.placed(path), "line", 0) for path in (
        "station.site", "station.gateway", "uplink", "cameras.gate.host", "cameras.gate.zones[0].x", "devices.x", ""
    )}  # fmt: skip
    assert list(lines.values()) == [3, 2, 4, 13, 13, 0, 0]


def test_a_seed_that_is_no_toml(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"seed\.toml:2: not valid TOML"):
        read_seed("[station]\nsite = riverside\n", tmp_path / "seed.toml")


def test_its_text_without_secrets_is_otherwise_the_same(tmp_path: Path) -> None:
    places = {
        keys: {"credential": credential_of(keys)} for keys in read_seed(SEED, tmp_path / "seed.toml").secrets
    }
    text = blanked(SEED, places)
    assert text is not None
    assert "quoted" not in text
    assert "once" not in text
    assert "for the gate" not in text
    assert "# from the platform" in text
    differing = [
        pair for pair in zip(SEED.splitlines(), text.splitlines(), strict=True) if pair[0] != pair[1]
    ]
    assert [line for _, line in differing] == [
        'password = { credential = "mqtt-password" }     # from the platform',
        'code = { credential = "enrolment-code" }',
        'gate = { host = "gate", username = "password = \\"no\\"", password = { credential = "camera-gate" } }',
    ]
    assert read_seed(text, tmp_path / "seed.toml").secrets == {}


@pytest.mark.parametrize(
    "text", ['uplink.password = """\nsecret"""\n', '[uplink]\n"pass\\u0077ord" = "secret"\n']
)
def test_where_it_cannot_be_done_for_certain_it_is_not_done(text: str) -> None:
    assert blanked(text, {("uplink", "password"): {"credential": "x"}}) is None


plain = some.one_of(
    some.text(some.characters(codec="utf-8", exclude_characters="\x7f"), max_size=12),
    some.integers(-(2**53), 2**53), some.floats(allow_nan=False), some.booleans(),
)  # fmt: skip
nested = some.recursive(
    plain,
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(some.text("ab.\"'_- é", min_size=1, max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
tables = some.dictionaries(some.sampled_from(["station", "devices", "limits", "rules", "odd name"]), nested)


@given(tables)
def test_tables_come_back_from_their_text(wanted: dict[str, Any]) -> None:
    top_first = {**{k: v for k, v in wanted.items() if not isinstance(v, dict)}, **wanted}
    found = tomllib.loads(text_of(top_first))
    for name, table in wanted.items():
        assert _headed(found.get(name, {})) == _headed(table)


def _headed(table: object) -> object:
    """Tables of nothing but tables have no header of their own."""
    if not isinstance(table, dict):
        return table
    return {key: _headed(each) for key, each in table.items() if _headed(each) != {}}


def test_putting_a_value_in_leaves_the_rest() -> None:
    before = {"a": {"b": 1, "c": 2}, "d": 3}
    assert put_in(before, ("a", "b"), 9) == {"a": {"b": 9, "c": 2}, "d": 3}
    assert put_in({}, ("a", "b"), 9) == {"a": {"b": 9}}
    assert before["a"] == {"b": 1, "c": 2}


def test_a_seed_that_was_edited_on_windows(tmp_path: Path) -> None:
    file = tmp_path / "seed.toml"
    file.write_bytes(b"\xef\xbb\xbf" + SEED.replace("\n", "\r\n").encode())
    seed = read_seed(file.read_text("utf-8-sig"), file)
    assert seed.secrets["uplink", "password"] == 'a "quoted" one'
    assert blanked(seed.text, {("uplink", "password"): {"credential": "x"}}) is not None
