"""Rules, and what a replay made of them, on the terminal. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from agent.amounts import many, moment, span, symbol, value
from agent.cli import screen, texts
from agent.cli.chart import Chart, Limit, Mark
from agent.cli.lanes import STYLES
from agent.cli.plot import Signs, draw
from agent.cli.replaying import Fired, Replay, sources_of
from agent.cli.rule_words import lines_of, settings_of, unit_of
from agent.cli.screen import BOLD, DIM
from agent.judge.judgement import JudgementPlan, RulePlan
from agent.judge.rule_kinds import KINDS
from agent.telling import shown
from agent.telling import unit_of as shown_unit_of
from pipelines.events import Source

PLOT_HEIGHT = 14
MOST_PLOTS = 6
MOST_LISTED = 30


@dataclass(frozen=True, slots=True)
class Played:
    """A replay, and what it was judged by; `names` are the rules that alone were played, if not all."""

    replay: Replay
    plan: JudgementPlan
    names: Collection[str] = ()

    @property
    def rules(self) -> list[RulePlan]:
        """Those that were played."""
        return [rule for rule in self.plan.rules if not self.names or rule.name in self.names]


def listed(rules: Sequence[RulePlan]) -> Iterator[RenderableType]:
    """Each rule with its settings; those nobody wrote are dim."""
    for n, rule in enumerate(rules):
        yield Text.assemble(
            "\n" if n else "", (rule.name, BOLD), (f"  {rule.kind}: {KINDS[rule.kind].purpose}", DIM)
        )
        settings = list(settings_of(rule))
        pairs = [(each.key, each.text) for each in settings if not each.by_default]
        usual = ", ".join(f"{each.key} {each.text}" for each in settings if each.by_default)
        yield Padding(
            screen.pairs(*pairs, ("by default", Text(usual, DIM)) if usual else ("", "")), (0, 0, 0, 2)
        )


def rule_facts(rule: RulePlan) -> dict[str, Any]:
    """A rule as plain values."""
    return {
        "rule": rule.name,
        "kind": rule.kind,
        "settings": [each._asdict() for each in settings_of(rule)],
    }


def view(played: Played, width: int, signs: Signs) -> Iterator[RenderableType]:
    """What would have fired, and a plot of each channel it is about."""
    replay = played.replay
    yield from _headline(played)
    if replay.fired:
        yield from _tables(list(replay.fired.values()))
    shown_charts = charts(played)
    for chart in shown_charts[:MOST_PLOTS]:
        yield ""
        yield from draw(chart, width, PLOT_HEIGHT, signs)
    if (more := len(shown_charts) - MOST_PLOTS) > 0:
        yield Text(texts.MORE_PLOTS.format(plots=many(more, "plot")), DIM)


def facts(played: Played) -> dict[str, Any]:
    """The same as plain values, times in ms UTC."""
    replay = played.replay
    kept = ("from_ms", "to_ms", "samples", "backwards", "suppressed", "unkept")
    return {
        **{name: getattr(replay, name) for name in kept},
        "rules": [rule.name for rule in played.rules],
        "events": [
            {**shown(each.last, 0), "severity": each.peak.severity.name.lower(), "messages": each.messages}
            for each in replay.fired.values()
        ],
    }


def charts(played: Played) -> list[Chart]:
    """Of every channel that an event or a played rule is about: those with events first."""
    replay, rules = played.replay, played.rules
    about = [each.first.source for each in replay.fired.values()]
    heard = sources_of(JudgementPlan(rules=tuple(rules)))
    lines = [line for rule in rules for line in lines_of(rule)]
    wanted = [source for source in dict.fromkeys((*about, *heard)) if source in replay.trails]
    return [_chart(played, source, [limit for of, limit in lines if of == source]) for source in wanted]


def _chart(played: Played, source: Source, limits: Sequence[Limit]) -> Chart:
    fired = [each for each in played.replay.fired.values() if each.first.source == source]
    return Chart(
        series=[played.replay.trails[source].series(str(source))],
        limits=_short(limits),
        marks=[
            Mark(_mark_name(each), each.first.began_ms, each.over_ms, each.peak.severity) for each in fired
        ],
        title=str(source),
        unit=symbol(unit_of(source)),
    )


def _mark_name(fired: Fired) -> str:
    """`flood guarantee`: the rule, and its stage where it has one."""
    stage = fired.peak.detail.get("stage", "")
    return f"{fired.first.rule} {stage}".strip()


def _short(limits: Sequence[Limit]) -> list[Limit]:
    """Where all are of one rule its name goes without saying."""
    if len({limit.name.partition(" ")[0] for limit in limits}) > 1:
        return list(limits)
    return [Limit(limit.name.partition(" ")[2], limit.value) for limit in limits]


def _headline(played: Played) -> Iterator[RenderableType]:
    replay = played.replay
    if not replay.samples:
        yield texts.NO_SAMPLES
        return
    when = f"{moment(replay.from_ms)} to {moment(replay.to_ms)}"
    yield f"{many(replay.samples, 'sample')}, {when}; {many(len(played.rules), 'rule')}"
    if replay.backwards:
        yield texts.BACKWARDS.format(samples=many(replay.backwards, "sample"))
    if silent := [
        source
        for source in sources_of(JudgementPlan(rules=tuple(played.rules)))
        if source not in replay.trails
    ]:
        yield texts.NOT_RECORDED.format(channels=", ".join(map(str, silent)))
    worst = Counter(each.peak.severity for each in replay.fired.values())
    said = ", ".join(
        f"{count:,} {severity.name.lower()}" for severity, count in sorted(worst.items(), reverse=True)
    )
    if not said:
        yield Text(texts.NOTHING_FIRED, BOLD)
        return
    yield Text(f"{many(len(replay.fired) + replay.unkept, 'event')} would have fired: {said}", BOLD)
    if replay.suppressed:
        yield texts.SUPPRESSED.format(messages=many(replay.suppressed, "message"))
    yield ""


def _tables(fired: Sequence[Fired]) -> Iterator[RenderableType]:
    """A line a rule, then a line an event, the first of them only where there are many."""
    by_rule: dict[str, list[Fired]] = defaultdict(list)
    for each in fired:
        by_rule[each.first.rule].append(each)
    if len(fired) > len(by_rule):
        sums = screen.table("rule", "events", "open in all", right=("events", "open in all"))
        for rule, its in by_rule.items():
            lasted = sum((each.over_ms or each.last.at_ms) - each.first.began_ms for each in its)
            sums.add_row(rule, f"{len(its):,}", span(max(lasted, 0) / 1000))
        yield sums
        yield ""
    rows = screen.table(
        "began, UTC", "lasted", "severity", "rule", "about", whole=("began, UTC", "lasted", "severity")
    )
    for each in sorted(fired, key=lambda one: one.first.began_ms)[:MOST_LISTED]:
        severity = each.peak.severity
        name = Text(severity.name.lower(), STYLES[severity])
        rows.add_row(
            moment(each.first.began_ms).removesuffix(" UTC"),
            _lasted(each),
            name,
            each.first.rule,
            _about(each),
        )
    yield rows
    if (more := len(fired) - MOST_LISTED) > 0:
        yield Text(texts.MORE_FIRED.format(events=many(more, "event")), DIM)


def _lasted(fired: Fired) -> str:
    if fired.over_ms is None:
        return "still open"
    return span(max(fired.over_ms - fired.first.began_ms, 0) / 1000)


def _about(fired: Fired) -> str:
    """The channel, with its value at the worst."""
    peak = fired.peak
    text = str(peak.source)
    if peak.value is not None:
        text += f" {value(peak.value, *shown_unit_of(peak.source))}"
    return f"{text}, caused by {peak.caused_by}" if peak.caused_by else text
