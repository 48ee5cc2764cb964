"""Every metric: named by Prometheus' rules, read by its parser, explained in docs/operator/metrics.md."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from agent.camera.cameras import CameraHealth
from agent.metrics.exposition import text
from agent.metrics.families import FAMILIES
from scripts.documents.health import BUS, VITALS

PAGE = (Path(__file__).parents[3] / "docs" / "operator" / "metrics.md").read_text(encoding="utf-8")
UNITS = ("seconds", "bytes", "celsius", "ratio")
LABELS = {
    "part", "severity", "device", "bus", "camera", "reason", "place", "trouble", "disk", "folder",
    "version", "contract", "config", "python", "os", "kernel", "board",
}  # fmt: skip

SPOOL = {"waiting": 2, "waiting_bytes": 80_000, "max_bytes": 2**30}
CAMERAS = replace(
    VITALS,
    cameras={"bridge": CameraHealth(samples=60, last_ms=VITALS.at[0], score=88)},
    camera_states={"bridge": "ok"},
    pictures={"delivered": 7, "lost": {"evicted": 1}, "spool": SPOOL},
    worker={"rss_bytes": 90_000_000},
)


def families(vitals=CAMERAS):
    return {family.name: family for family in text_string_to_metric_families(text(FAMILIES, vitals))}


def value(found, name, **labels):
    (sample,) = [sample for sample in found[name].samples if labels.items() <= sample.labels.items()]
    return sample.value


def test_each_has_a_name_of_its_own_with_its_unit():
    names = [family.name for family in FAMILIES]
    assert len(set(names)) == len(names)
    for family in FAMILIES:
        assert re.fullmatch(r"polegate(_[a-z0-9]+)+", family.name)
        assert family.name.endswith("_total") is (family.kind == "counter")
        wrong = r"_(ms|s|percent|kb|mib|count|sum|bucket)(_|$)"
        assert not re.search(wrong, family.name), "base units, and no name of another kind"
        if family.name.endswith("_timestamp_seconds"):
            assert family.help.startswith("When ")


def test_a_whole_station_has_every_metric_with_labels_of_a_few_kinds():
    found = families()
    wanted = {family.name.removesuffix("_total") for family in FAMILIES}
    assert found.keys() == wanted
    labels = {name for family in found.values() for sample in family.samples for name in sample.labels}
    assert labels == LABELS
    assert all(family.documentation and family.type in ("counter", "gauge") for family in found.values())


def test_what_they_say_is_what_health_says():
    found = families()
    assert value(found, "polegate_device_samples", device="rain", bus=BUS) == 1440
    assert value(found, "polegate_device_incomplete_samples", device="rain") == 212
    assert value(found, "polegate_device_up", device="rain") == 0
    assert value(found, "polegate_device_up", device="level") == 1
    assert value(found, "polegate_bus_busy_seconds", bus=BUS) == 4147.4
    assert value(found, "polegate_events", severity="watch") == 2
    assert value(found, "polegate_events", severity="critical") == 0
    assert value(found, "polegate_outbox_oldest_timestamp_seconds") == 1_795_420_798.911
    assert value(found, "polegate_supply_trouble", trouble="under_voltage_before") == 1
    assert value(found, "polegate_supply_trouble", trouble="under_voltage") == 0
    assert value(found, "polegate_disk_life_used_ratio", disk="mmcblk0") == 0.2
    assert value(found, "polegate_camera_score_ratio", camera="bridge") == 0.88
    assert value(found, "polegate_info", board="Raspberry Pi Compute Module 4 Rev 1.1") == 1


def test_a_station_without_cameras_or_an_uplink_yet_has_none_of_their_metrics():
    found = families(replace(VITALS, uplink=None))
    assert not [name for name in found if "camera" in name or "spool" in name or "picture" in name]
    assert [name for name in found if "uplink" in name] == ["polegate_uplink_connected"]


def table() -> dict[str, list[str]]:
    lines = re.findall(r"^\| `(polegate_\w+)` \| (.+) \|$", PAGE, re.MULTILINE)
    return {name: rest.split(" | ") for name, rest in lines}


def test_the_page_explains_each_of_them_and_no_other():
    assert list(table()) == [family.name for family in FAMILIES]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_an_explanation_has_kind_labels_and_meaning(family):
    kind, labels, meaning = table()[family.name]
    samples = [*family.read(CAMERAS)]
    assert kind == family.kind
    assert re.findall(r"`(\w+)`", labels) == list(samples[0][0])
    assert len(meaning) > 10


def test_the_alert_rules_are_rules_on_metrics_there_are():
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) >= 2
    loaded = [yaml.safe_load(block) for block in blocks]
    rules = [rule for block in loaded for group in block.get("groups", []) for rule in group["rules"]]
    assert len(rules) == 4
    known = {family.name for family in FAMILIES}
    for rule in rules:
        assert set(re.findall(r"polegate_\w+", rule["expr"])) <= known
        assert {"alert", "expr", "for", "annotations"} <= rule.keys()
    assert any("scrape_configs" in block for block in loaded)
