"""docs/field-engineer/rules.md: a section and an example for every kind of rule, read by the real loader and the schema."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fakes.judged import DOCUMENTED, HEAD, loaded

from agent.config_schema import json_schema
from agent.judge.judgement import compose
from agent.judge.rule_forms import keys_of
from agent.judge.rule_kinds import KINDS
from agent.judge.rule_schema import meaning

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "field-engineer" / "rules.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
VALIDATOR = jsonschema.Draft202012Validator(json.loads(json.dumps(json_schema())))


def section(kind: str) -> str:
    return re.split(r"\n## ", PAGE.partition(f"\n## `{kind}`\n")[2])[0]


def complaints(rule: dict[str, Any]) -> list[str]:
    whole = tomllib.loads(HEAD + DOCUMENTED) | {"rules": {"r": rule}}
    return [error.message for error in VALIDATOR.iter_errors(whole)]


def rule_of(text: str) -> dict[str, Any]:
    (rule,) = tomllib.loads(text)["rules"].values()
    return dict(rule)


def test_every_kind_has_its_section_with_an_example():
    assert re.findall(r"^## `(\w+)`$", PAGE, re.MULTILINE) == list(KINDS)
    for kind in KINDS:
        assert f'kind = "{kind}"' in section(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_explained(kind):
    table = section(kind)
    for key in keys_of(KINDS[kind].settings, kind).values():
        assert re.search(rf"^\| `{key.name}` \| .+ \| .+ \| .+ \|$", table, re.MULTILINE), key.name
        assert meaning(KINDS[kind].settings, key.field)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_read_by_the_loader_and_known_to_editors(example, tmp_path):
    plan = loaded(tmp_path, DOCUMENTED + example).plan.judgement
    assert [rule.kind for rule in plan.rules] == [rule_of(example)["kind"]]
    assert compose(plan).stages
    assert complaints(rule_of(example)) == []


STAGE = {"kind": "stage", "input": "level.water_level", "warning": "33.5 m"}


@pytest.mark.parametrize(
    "wrong",
    [
        STAGE | {"kind": "stages"},
        STAGE | {"waring": "33 m"},
        STAGE | {"warning": 33.5},
        STAGE | {"clear_after": "30"},
        STAGE | {"clear_after": "30 m"},
        STAGE | {"input": "water_level"},
        {"kind": "stage", "warning": "33.5 m"},
        {"kind": "rise", "input": "level.water_level", "ahead": ["2 h", "1 h"]},
        {"kind": "door", "input": "pole.switch.door", "allowed_from": "25:00"},
        {"kind": "rain", "input": "rain.rainfall_total", "opens_at": "grave"},
        {"kind": "waterlogging", "input": "underpass.water_depth", "bands": [{"name": "a", "dpth": "5 cm"}]},
        {"kind": "threshold", "input": "level.water_level", "above": "3 m", "pictures": "yes"},
    ],
    ids=str,
)
def test_an_editor_underlines_what_the_loader_refuses(wrong):
    assert complaints(STAGE) == []
    assert complaints(wrong)


def test_every_link_leads_somewhere():
    pages = {"": PAGE}
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        file, _, anchor = target.partition("#")
        if file not in pages:
            pages[file] = (DOCS / "field-engineer" / file).read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.+)$", pages[file], re.MULTILINE)
        assert not anchor or anchor in {
            re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings
        }
