"""docs/platform says what the code does: it is generated, its examples validate, its consumer works."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fakes.children import end, spawn
from fakes.mosquitto import Mosquitto
from fakes.waiting import wait_until
from paho.mqtt.publish import multiple
from pydantic import ValidationError

from agent import commands, wire
from agent.wire import Leaf
from firmware_profiles.declared import checked, checked_json, schema_of

ROOT = Path(__file__).parents[3]
PLATFORM = ROOT / "docs" / "platform"


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


def test_it_is_up_to_date() -> None:
    argv = [sys.executable, ROOT / "scripts" / "generate-schemas", "--check"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("leaf", list(Leaf))
def test_the_schemas_are_schemas(leaf: Leaf) -> None:
    schema = load(PLATFORM / "schemas" / f"{leaf}.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:polegate:{wire.MAJOR}:{leaf}"


@pytest.mark.parametrize("path", sorted((PLATFORM / "examples").iterdir()), ids=lambda path: path.stem)
def test_the_examples_validate(path: Path) -> None:
    kind = path.stem.partition(".")[0]
    if kind == "command":
        checked(commands.AnyCommand, load(path))
    else:
        checked_json(wire.MESSAGES[Leaf(kind)], path.read_bytes())
    jsonschema.Draft202012Validator(load(PLATFORM / "schemas" / f"{kind}.json")).validate(load(path))


@pytest.mark.parametrize(
    "changes",
    [
        {"verb": "reboot"},
        {"later": 1},
        {"rule": "x"},
        {"id": "a b"},
        {"by": ""},
        {"event": None},
        {"issued": 1},
    ],
)
def test_the_schema_of_a_command_refuses_what_the_gateway_refuses(changes: dict[str, Any]) -> None:
    command = load(PLATFORM / "examples" / "command.acknowledge.json") | changes
    validator = jsonschema.Draft202012Validator(load(PLATFORM / "schemas" / "command.json"))
    assert not validator.is_valid(command)
    with pytest.raises(ValidationError):
        checked(commands.AnyCommand, command)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda message: message.pop("batch"),
        lambda message: message.update(at="2026-11-23 08:00"),
        lambda message: message["devices"][0]["rows"].append(["1", 0, 2.0, 3.0]),
        lambda message: message["devices"][0]["rows"].append([1, 0]),
        lambda message: message["devices"][0].update(quality=7),
    ],
)
def test_the_schema_refuses_what_is_wrong(spoil: Any) -> None:
    message = load(PLATFORM / "examples" / "readings.live.json")
    spoil(message)
    validator = jsonschema.Draft202012Validator(load(PLATFORM / "schemas" / "readings.json"))
    assert not validator.is_valid(message)


def test_a_consumer_of_today_takes_the_fields_of_tomorrow() -> None:
    message = load(PLATFORM / "examples" / "readings.live.json") | {"later": 1}
    jsonschema.Draft202012Validator(load(PLATFORM / "schemas" / "readings.json")).validate(message)


def test_the_readme_has_every_field_with_its_meaning() -> None:
    text = "".join((PLATFORM / name).read_text(encoding="utf-8") for name in ("README.md", "pictures.md"))
    for leaf in Leaf:
        assert_all_fields_in(text, leaf, schema_of(wire.MESSAGES[leaf]))
    assert_all_fields_in(text, "command", schema_of(commands.AnyCommand))


def assert_all_fields_in(text: str, name: str, schema: dict[str, Any]) -> None:
    section = text.partition(f"<!-- generated: fields {name} -->")[2].partition("<!-- end -->")[0]
    for part in (schema, *schema.get("$defs", {}).values()):
        for field, facts in part.get("properties", {}).items():
            row = rf"^\| `{field}` \| .+ \| (always|optional) \| .+ \|$"
            assert re.search(row, section, re.MULTILINE), field
            assert facts["description"] in section


def test_the_asyncapi_document_holds_together() -> None:
    document = load(PLATFORM / "asyncapi.json")
    assert document["asyncapi"] == "3.0.0"
    addresses = {channel["address"] for channel in document["channels"].values()}
    sent = {wire.topic("{site}", "{gateway}", leaf) for leaf in Leaf}
    piece = wire.piece_topic(wire.topic("{site}", "{gateway}", Leaf.FRAMES), "{id}", "{offset}")
    assert addresses == sent | {commands.topic("{site}", "{gateway}", "events"), piece}
    assert document["operations"]["receive-command"]["action"] == "receive"
    for reference in refs(document):
        if reference.startswith("#/"):
            node = document
            for step in reference[2:].split("/"):
                node = node[step]
        else:
            assert (PLATFORM / reference).exists()


def test_the_consumer_stores_every_sample_once_and_survives_being_killed(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    example = load(PLATFORM / "examples" / "readings.live.json")
    once = [
        {**example, "batch": f"kq3x7m2a.12-{number}", "sent": f"2026-11-23T08:00:0{turn}.000Z"}
        for number, turn in ((1, 1), (2, 1), (1, 2), (3, 1), (3, 2))
    ]
    topic = wire.topic("riverside", "pole-7", Leaf.READINGS)
    file = tmp_path / "platform.db"
    argv = [sys.executable, str(PLATFORM / "consumer.py"), mosquitto.host, str(mosquitto.port), str(file)]
    for part in (once[:3], once[3:]):
        child = spawn(argv)
        try:
            wait_until(lambda: "Sending SUBACK to platform" in mosquitto.log())
            messages = [(topic, json.dumps(message), 1, False) for message in part]
            multiple(messages, mosquitto.host, mosquitto.port)
            keys = {message["batch"] for message in once[: once.index(part[-1]) + 1]}
            wait_until(lambda keys=keys: stored(file, "SELECT key FROM batch") == keys)
        finally:
            end(child, grace_s=0.0)
    in_one = sum(len(row) - 2 for device in example["devices"] for row in device["rows"])
    assert stored(file, "SELECT count(*) FROM sample") == {3 * in_one}


def test_the_consumer_applies_revisions_and_keeps_one_record_of_an_event(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """Whatever the order of arrival: here each comes last that should come first."""
    revisions = load(PLATFORM / "examples" / "revisions.json")
    revised = revisions["revisions"][0]
    readings = load(PLATFORM / "examples" / "readings.live.json")
    readings["devices"] = readings["devices"][:1]
    readings["devices"][0]["rows"][0][0] = revised["seq"]
    events = [
        load(PLATFORM / "examples" / f"events.{state}.json") for state in ("closed", "updated", "opened")
    ]
    topic = "polegate/1/riverside/pole-7"
    file = tmp_path / "platform.db"
    argv = [sys.executable, str(PLATFORM / "consumer.py"), mosquitto.host, str(mosquitto.port), str(file)]
    child = spawn(argv)
    try:
        wait_until(lambda: "Sending SUBACK to platform" in mosquitto.log())
        told = [("revisions", revisions), *(("events", event) for event in events), ("readings", readings)]
        multiple(
            [(f"{topic}/{leaf}", json.dumps(message), 1, False) for leaf, message in told],
            mosquitto.host,
            mosquitto.port,
        )
        wait_until(lambda: len(stored(file, "SELECT key FROM batch")) == len(told))
    finally:
        end(child, grace_s=0.0)
    qualities = stored(file, f"SELECT quality FROM judged WHERE channel = '{revised['channel']}'")
    assert qualities == {revised["quality"], readings["devices"][0]["quality"]}
    assert stored(file, "SELECT id || state FROM event") == {f"{events[0]['id']}closed"}


def test_the_consumer_puts_pictures_together(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Pieces before the manifest, overlapping, repeated; one that stays incomplete, and one that is lost."""
    content, other = bytes(range(256)) * 400, b"another" * 100
    topic = "polegate/1/riverside/pole-7/frames"
    announced = load(PLATFORM / "examples" / "frames.announced.json")

    def manifest(number: int, body: bytes, **changes: Any) -> str:
        facts = {"id": sha256(body).hexdigest(), "bytes": len(body), "batch": f"kq3x7m2a.12-{number}"}
        return json.dumps({**announced, **facts, **changes})

    def piece(body: bytes, start: int, end: int) -> tuple[str, bytes, int, bool]:
        return f"{topic}/{sha256(body).hexdigest()}/{start}", body[start:end], 1, False

    told = [
        *(piece(content, 50_000, 102_400), piece(other, 0, 300), piece(content, 50_000, 102_400)),
        (topic, manifest(1, content), 1, False),
        (topic, manifest(2, other), 1, False),
        *(piece(content, 40_000, 60_000), piece(content, 0, 40_000), piece(content, 0, 40_000)),
        (topic, manifest(3, other, state="lost", reason="evicted"), 1, False),
        (topic, manifest(4, content), 1, False),
    ]
    file = tmp_path / "platform.db"
    child = spawn(
        [sys.executable, str(PLATFORM / "consumer.py"), mosquitto.host, str(mosquitto.port), str(file)]
    )
    try:
        wait_until(lambda: "Sending SUBACK to platform" in mosquitto.log())
        multiple(told, mosquitto.host, mosquitto.port)
        wait_until(lambda: len(stored(file, "SELECT key FROM batch")) == 4)
    finally:
        end(child, grace_s=0.0)
    assert stored(file, "SELECT body FROM picture") == {content}
    assert stored(file, "SELECT id FROM piece") == set()


def stored(file: Path, query: str) -> set[Any]:
    try:
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
            return {row[0] for row in database.execute(query)}
    except sqlite3.OperationalError:  # not yet made
        return set()
