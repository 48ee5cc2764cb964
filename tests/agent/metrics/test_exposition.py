"""The text format, read back by Prometheus' own parser."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from agent.metrics.exposition import Family, by, one, text


def read_back(page: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Samples by family and labels."""
    return {
        family.name: {tuple(sample.labels.items()): sample.value for sample in family.samples}
        for family in text_string_to_metric_families(page)
    }


def page_of(samples, kind="gauge", help_="x") -> str:
    return text([Family("polegate_x", kind, help_, lambda _: samples)], None)


def test_a_page_reads_as_the_format_says():
    counters = Family("polegate_polls_total", "counter", "How many", lambda n: by("device", {"a": n}))
    gauges = Family("polegate_up", "gauge", "Whether", lambda n: one(n / 2))
    assert text([counters, gauges], 3) == (
        "# HELP polegate_polls_total How many\n"
        "# TYPE polegate_polls_total counter\n"
        'polegate_polls_total{device="a"} 3\n'
        "# HELP polegate_up Whether\n"
        "# TYPE polegate_up gauge\n"
        "polegate_up 1.5\n"
    )


def test_what_is_not_known_is_not_there():
    assert page_of(one(None)) == ""
    assert read_back(page_of(by("disk", {"a": None, "b": 0}))) == {"polegate_x": {(("disk", "b"),): 0.0}}


@pytest.mark.parametrize(
    ("value", "written"),
    [(True, "1"), (12, "12"), (0.1, "0.1"), (1e300, "1e+300"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN")],
)  # fmt: skip
def test_numbers(value, written):
    page = page_of(one(value))
    assert page.endswith(f"polegate_x {written}\n")
    ((back,),) = (found.values() for found in read_back(page).values())
    assert back == value or (math.isnan(back) and math.isnan(value))


LABELS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r"), max_size=20)


@given(LABELS)
def test_any_label_comes_back_as_it_was(label):
    assert read_back(page_of(by("bus", {label: 1}))) == {"polegate_x": {(("bus", label),): 1.0}}


def test_no_name_can_add_a_line_or_a_label():
    nasty = 'a"} 1\npolegate_y{b="c\\'
    assert list(read_back(page_of(by("bus", {nasty: 1}), help_="two\nlines\\"))) == ["polegate_x"]
