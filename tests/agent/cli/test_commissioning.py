"""docs/field-engineer/commissioning.md, walked through with a simulated instrument; its examples and links."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from fakes.waiting import wait_until

from agent.loading import load
from drivers.scanning import scanner
from drivers.simulation.story import Story
from firmware_profiles.declared import checked

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "field-engineer" / "commissioning.md").read_text(encoding="utf-8")
HEAD = '[station]\nsite = "s"\ngateway = "g"\n[uplink]\nurl = "mqtt://localhost"\n'


def slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def headings(text: str) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def test_scan_add_check_and_read_as_the_page_says(terminal, polegate, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(scanner, "LISTEN_S", 0.1)
    line, out = tmp_path / "line", tmp_path / "scan.json"
    (tmp_path / "polegate.toml").write_text(HEAD)
    playing = terminal(
        "simulate", "renke-rs-fsxcs", "--link", str(line), "--value", "air_temperature=21.5", "--strict"
    )
    wait_until(lambda: "Ctrl-C ends it" in playing.text)
    scan = polegate(
        "bus", "scan", line, "--quick", "--baud", "4800", "--parity", "N", "--units", "1-3", "--out", out
    )
    assert "1  4800 8N1, unit 1: renke-rs-fsxcs, certain" in scan.stdout
    assert polegate("device", "add", "weather", "--from-scan", 1, "--scan", out).exit_code == 0
    assert "1 device on 1 bus" in " ".join(polegate("config", "check").stdout.split())
    reading = polegate("read", "weather")
    assert reading.exit_code == 0
    assert re.search(r"air_temperature +21\.5 °C +unchecked", reading.stdout)
    assert playing.interrupt() == 0
    assert not line.is_symlink()


def test_the_pages_tables_load_and_its_story_can_be_told(polegate, tmp_path) -> None:
    examples = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]
    (datum,) = [each["devices"] for each in examples if "devices" in each]
    (channel,) = datum["level"]["channels"].items()
    overrides = "".join(f"{key} = {value!r}\n" for key, value in channel[1].items())
    (tmp_path / "polegate.toml").write_text(
        f'{HEAD}[devices.level]\ninstrument = "keller-36x"\nport = "/dev/ttyS9"\n'
        f"[devices.level.channels.{channel[0]}]\n{overrides}"
    )
    assert "water_level" in load(tmp_path / "polegate.toml").plan.devices["level"].channels
    (story,) = [each for each in examples if "step" in each]
    assert checked(Story, story).channels == ["water_pressure"]


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)]+)\)", PAGE))))
def test_every_link_leads_somewhere(target: str) -> None:
    page, _, heading = target.partition("#")
    text = (DOCS / "field-engineer" / page).read_text(encoding="utf-8") if page else PAGE
    assert not heading or heading in headings(text)
