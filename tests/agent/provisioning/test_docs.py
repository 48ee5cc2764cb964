"""docs/field-engineer/provisioning.md: its seeds are taken, its tables are what the code does, its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fakes.certificates import Authority

from agent.provisioning import seed as seeds
from agent.provisioning.plan import plan
from agent.provisioning.seed import made_of, read_seed
from agent.provisioning.site import SYSTEM_CONFIG, Site

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "field-engineer" / "provisioning.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def table(head: str) -> dict[str, str]:
    lines = PAGE.partition(f"{head}\n|---|---|\n")[2].partition("\n\n")[0].splitlines()
    return dict(tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_a_seed_of_the_page_is_taken(number: int, tmp_path: Path) -> None:
    seed = tmp_path / "polegate-seed.toml"
    seed.write_text(EXAMPLES[number])
    (tmp_path / "fleet-ca.pem").write_text(Authority(tmp_path / "authority").ca.read_text())
    made = plan(read_seed(seed.read_text(), seed), Site(SYSTEM_CONFIG, tmp_path / "root"))
    assert made.kept == ()
    assert made.loaded.config.station.kind
    assert [change.path.name for change in made.changes][-2:] == ["polegate.toml", "polegate-seed.toml"]


def test_the_secrets_it_may_hold_are_those_that_are_moved() -> None:
    told = table("| key | becomes the credential |")
    seed = made_of(
        {"uplink": {"password": "a"}, "enrolment": {"code": "b"}, "cameras": {"NAME": {"password": "c"}}},
        Path("/"), "seed",
    )  # fmt: skip
    assert {key.strip("`"): re.findall("`([^`]+)`", said)[0] for key, said in told.items()} == {
        ".".join(map(str, keys)): seeds.credential_of(keys) for keys in seed.secrets
    }


def test_the_files_beside_it_are_those_that_are_copied() -> None:
    keys = [key.strip("`") for key in table("| key | what |")]
    tables: dict[str, object] = {}
    for key in keys:
        tables = seeds.put_in(tables, tuple(key.split(".")), "x.pem")
    found = made_of(tables, Path("/boot"), "seed").files
    assert {".".join(map(str, each)) for each in found} == set(keys)
    assert set(found.values()) == {Path("/boot/x.pem")}


def test_what_is_the_systems_is_what_is_refused() -> None:
    told = [name for cell in table("| in a seed | whose it is |") for name in re.findall("`([^`]+)`", cell)]
    assert told == list(seeds._FOREIGN)


def test_links_lead_somewhere() -> None:
    def headings(text: str) -> set[str]:
        found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in found}

    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        file, _, anchor = target.partition("#")
        text = (DOCS / "field-engineer" / file).read_text(encoding="utf-8") if file else PAGE
        assert not anchor or anchor in headings(text), target
