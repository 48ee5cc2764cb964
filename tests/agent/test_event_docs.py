"""docs/platform/events.md knows every kind of event, and every figure and word that a rule puts in its detail."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from pipelines.events import Event, Kind, Severity

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "platform" / "events.md").read_text(encoding="utf-8")
OPERATOR = (ROOT / "docs" / "operator" / "README.md").read_text(encoding="utf-8")
TELLERS = sorted(
    file for file in (ROOT / "pipelines").rglob("*.py") if "Alarm(" in file.read_text(encoding="utf-8")
)
"""Every module that makes events."""

NO_DETAIL = {
    "watch.py": {"stuck", "range", "erratic", "missing"},  # the names of its four rules
    "causes.py": set[str](),
}
"""Keys of dicts that are no detail, by module."""


def section(heading: str) -> str:
    return re.split(r"\n#{2,3} ", PAGE.partition(f"\n{heading}\n")[2])[0]


def words(text: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", text))


KINDS = {
    cells[1].strip(" `"): cells[2:]
    for line in section("## The kinds").splitlines()
    if (cells := line.split("|"))[0] == "" and len(cells) > 3
}


class Keys(ast.NodeVisitor):
    """Texts that are keys of a dict made in a function, but for states; a blank in one is `*`."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._inside = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name not in ("state", "restore"):
            self._inside += 1
            self.generic_visit(node)
            self._inside -= 1

    def visit_Dict(self, node: ast.Dict) -> None:
        self._add(*filter(None, node.keys))
        self.generic_visit(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._add(node.key)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self._add(*[target.slice for target in node.targets if isinstance(target, ast.Subscript)])
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Words by keyword, as `_ahead_facts(..., outcome="eased")`."""
        if isinstance(node.func, ast.Attribute) and node.func.attr.endswith("_facts"):
            self.found.update(keyword.arg for keyword in node.keywords if keyword.arg)
        self.generic_visit(node)

    def _add(self, *nodes: ast.expr) -> None:
        if not self._inside:
            return
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                self.found.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                self.found.add(
                    "".join(each.value if isinstance(each, ast.Constant) else "*" for each in node.values)
                )


def kinds_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Kind":
            yield Kind[node.attr]


def test_every_kind_stands_in_the_table_and_no_other() -> None:
    assert set(KINDS) - {"kind", "---"} == set(Kind)
    for kind in Kind:
        topic, severity, rule, *_ = KINDS[kind]
        assert "events" in topic or "faults" in topic
        assert any(each.name.lower() in severity for each in Severity) or "configured" in severity
        assert rule.strip()


@pytest.mark.parametrize("module", TELLERS, ids=lambda path: path.stem)
def test_every_key_of_a_detail_is_explained_where_its_kind_is(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    keys = Keys()
    keys.visit(tree)
    known = words(section("## In every kind"))
    for kind in kinds_in(tree):
        known |= words(section(f"### `{kind}`"))
    said = keys.found - {each.name for each in fields(Event)} - NO_DETAIL.get(module.name, set())
    patterns = {key: re.escape(key).replace(r"\*", "[A-Z]") for key in said}
    missing = [
        key for key, pattern in patterns.items() if not any(re.fullmatch(pattern, word) for word in known)
    ]
    assert not missing


def test_the_collector_finds_what_a_rule_says() -> None:
    keys = Keys()
    keys.visit(
        ast.parse(
            "A = {'x': 1}\ndef f(h):\n    d = {'a': 1, f'mm_{h}h': 2}\n    d['b'] = 3\n    self._facts(c=4)\n"
        )
    )
    assert keys.found == {"a", "b", "c", "mm_*h"}


def test_an_operator_is_told_what_to_do_about_every_kind() -> None:
    events = OPERATOR.partition("\n## Events\n")[2].partition("\n## ")[0]
    faults = OPERATOR.partition("\n## Faults\n")[2].partition("\n## ")[0]
    advised = {
        row for text in (events, faults) for row in re.findall(r"^\| `(\w+)` \| .{20}", text, re.MULTILINE)
    }
    assert set(Kind) - {Kind.SENSOR_DRIFTING} <= advised


def test_every_link_leads_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        file, _, anchor = target.partition("#")
        assert (ROOT / "docs" / "platform" / file).exists()
        assert file or anchor in headings
