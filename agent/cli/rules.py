"""polegate rules: check rules, play a story to one, replay a recorded day through them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.amounts import many
from agent.cli import screen, texts
from agent.cli.exits import Exit, Failed, no_such, unwritten

if TYPE_CHECKING:
    from agent.cli.rule_view import Played
    from agent.errors import ConfigError
    from agent.judge.judgement import JudgementPlan, RulePlan
    from agent.plan import StationPlan
    from drivers.readings import Sample

_FILE = click.Path(path_type=Path, dir_okay=False)
_JSON = click.option("--json", "as_json", is_flag=True, help="A line of JSON.")
_RULES = click.option(
    "--rules",
    "file",
    type=_FILE,
    metavar="FILE",
    help="The rules of this file in place of the configuration's.",
)
_SVG = click.option("--svg", type=_FILE, metavar="FILE", help="Draw the plots into this file, too.")


@click.group("rules")
def command() -> None:
    """Check rules, play a story to one, replay a recorded day through them."""


@command.command("check")
@click.argument("file", type=_FILE, required=False)
@_JSON
@click.pass_obj
def check(paths: dict[str, Path], file: Path | None, as_json: bool) -> None:
    """List the rules of the configuration, or of FILE for its devices, with every setting.

    Ends with 78 when there are mistakes, which are told all at once.
    """
    from agent.cli.rule_files import judgement
    from agent.cli.rule_view import listed, rule_facts
    from agent.errors import ConfigError

    try:
        _, plan = judgement(paths["config"], file)
    except ConfigError as error:
        _refuse(error, as_json=as_json)
        sys.exit(Exit.CONFIG)
    if as_json:
        screen.machine({"ok": True, "rules": [rule_facts(rule) for rule in plan.rules]})
        return
    screen.line(texts.RULES_GOOD.format(file=file or paths["config"], rules=many(len(plan.rules), "rule")))
    screen.show("", *listed(plan.rules)) if plan.rules else screen.line(texts.NO_RULES)


@command.command("test")
@click.argument("rule")
@click.option(
    "--play", "stories", multiple=True, metavar="CHANNEL=STORY",
    help='What a channel says, "level.water_level=16 m, 30 min 17.2 m, 2 h 16 m"; may be given again.',
)  # fmt: skip
@_RULES
@_SVG
@_JSON
@click.pass_obj
def test(paths: dict[str, Path], /, rule: str, stories: tuple[str, ...], **how: Any) -> None:  # noqa: ANN401  click's
    """Play a story to one RULE: what it would tell of. Without --play its channel goes through its limits.

    A story is a first value, then how long it takes to the next and which that is; values go straight.
    """
    from agent.cli.replaying import replay
    from agent.cli.rule_view import Played
    from agent.cli.story import samples

    station, plan = _judgement(paths["config"], how["file"])
    chosen = _rule(plan, rule)
    every_s = {name: device.timing.every_s for name, device in station.devices.items()}
    told = samples(_stories(chosen, stories), every_s)
    _show(Played(replay(plan, told, [rule]), plan, [rule]), svg=how["svg"], as_json=how["as_json"])


@command.command("replay")
@click.argument("recordings", metavar="RECORDING...", type=_FILE, nargs=-1, required=True)
@_RULES
@click.option("--rule", "names", metavar="NAME", multiple=True, help="Only this rule; may be given again.")
@_SVG
@_JSON
@click.pass_obj
def replay_(paths: dict[str, Path], /, recordings: tuple[Path, ...], **how: Any) -> None:  # noqa: ANN401  click's
    """Replay a recorded day through the rules: what would have fired, with a plot of each channel.

    A RECORDING is what polegate tail --json wrote, or CSV; several are put together by their time.
    """
    from agent.cli.progress import progress
    from agent.cli.replaying import replay
    from agent.cli.rule_view import Played
    from agent.recording import BadRecording

    names = how["names"]
    _, plan = _judgement(paths["config"], how["file"])
    for name in names:
        _rule(plan, name)
    try:
        with progress() as tell, ExitStack() as stack:
            found = replay(plan, _merged(recordings, stack, tell), names)
    except (BadRecording, OSError) as error:
        raise Failed(str(error), Exit.PROBLEM) from None
    _show(Played(found, plan, names), svg=how["svg"], as_json=how["as_json"])


def _judgement(config: Path, file: Path | None) -> tuple[StationPlan, JudgementPlan]:
    from agent.cli.rule_files import judgement
    from agent.errors import ConfigError

    try:
        return judgement(config, file)
    except ConfigError as error:
        count = many(len(error.problems), "problem")
        raise Failed(f"{texts.CONFIG_BAD.format(count=count)}\n{error}", Exit.CONFIG) from None


def _rule(plan: JudgementPlan, name: str) -> RulePlan:
    for rule in plan.rules:
        if rule.name == name:
            return rule
    raise no_such("rule", name, [rule.name for rule in plan.rules])


def _stories(rule: RulePlan, written: Sequence[str]) -> dict[Any, Any]:
    """By source what it says.

    Raises:
        click.UsageError: a story cannot be read, or there is none and none follows from the rule.
    """
    from agent.cli.replaying import sources_of
    from agent.cli.rule_words import dwell_s, lines_of, unit_of
    from agent.cli.story import read, through
    from agent.judge.judgement import JudgementPlan

    known = {str(source): source for source in sources_of(JudgementPlan(rules=(rule,)))}
    found: dict[Any, Any] = {}
    for text in written:
        name, _, story = text.partition("=")
        if name.strip() not in known:
            raise no_such(f"channel of {rule.name}", name.strip(), list(known))
        source = known[name.strip()]
        try:
            found[source] = read(story, unit_of(source))
        except ValueError as error:
            raise click.UsageError(f"{source}: {error}") from None
    if not found:
        limits: dict[Any, list[float]] = {}
        for source, limit in lines_of(rule):
            limits.setdefault(source, []).append(limit.value)
        found = {source: through(numbers, dwell_s(rule)) for source, numbers in limits.items()}
    if not found:
        raise click.UsageError(
            texts.NO_STORY.format(rule=rule.name, kind=rule.kind, channels=", ".join(known))
        )
    return found


def _merged(recordings: Sequence[Path], stack: ExitStack, tell: Any) -> Iterator[Sample]:  # noqa: ANN401  progress
    """The samples of all, by their time; as they stand in the file where there is only one."""
    import heapq

    from agent.recording import Recording

    def stream(path: Path) -> Iterator[Sample]:
        recording = stack.enter_context(Recording(path))
        for number, sample in enumerate(recording.samples()):
            if number % 2000 == 0:
                tell(path, recording.share)
            yield sample

    streams = [stream(path) for path in recordings]
    return streams[0] if len(streams) == 1 else heapq.merge(*streams, key=lambda sample: sample.at_ms)


def _show(played: Played, *, svg: Path | None, as_json: bool) -> None:
    from agent.cli.plot import fitting
    from agent.cli.rule_view import charts, facts, view

    if svg is not None:
        from agent.cli.figure import figure

        try:
            svg.write_text(figure(charts(played)), encoding="utf-8")
        except OSError as error:
            raise unwritten(svg, error) from None
    if as_json:
        screen.machine(facts(played))
        return
    out = screen.console()
    screen.show(*view(played, out.width, fitting(out)))


def _refuse(error: ConfigError, *, as_json: bool) -> None:
    if as_json:
        problems = [{**asdict(problem), "text": str(problem)} for problem in error.problems]
        screen.machine({"ok": False, "problems": problems})
    else:
        count = many(len(error.problems), "problem")
        click.echo(f"{texts.CONFIG_BAD.format(count=count)}\n{error}", err=True)
