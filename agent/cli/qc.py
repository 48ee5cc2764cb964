"""polegate qc: the limits readings are judged by, and learning them from the first weeks."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.amounts import listed, many
from agent.cli import screen, texts
from agent.cli.client import login
from agent.cli.events import asked
from agent.cli.exits import Exit, Failed, load_config, no_such, unwritten

if TYPE_CHECKING:
    from agent.cli.lessons import Lesson
    from pipelines.quality.limits import Limits

Facts = Mapping[str, Any]
Accepted = dict[str, dict[str, Any]]
"""By channel, DEVICE.CHANNEL, the keys that a person accepted."""

_JSON = click.option("--json", "as_json", is_flag=True, help="A line of JSON.")


@click.group("qc")
def command() -> None:
    """The limits that readings are judged by, and how to learn those of this site."""


@command.command("learn")
@click.argument("channels", metavar="[DEVICE.CHANNEL]...", nargs=-1)
@click.option(
    "--from", "files", type=click.Path(path_type=Path, exists=True, dir_okay=False), multiple=True,
    metavar="FILE", help="Learn from this recording, without the daemon; may be given again.",
)  # fmt: skip
@click.option("--yes", "-y", is_flag=True, help="Accept all that is proposed, ask nothing.")
@click.option(
    "--svg", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Draw the values with their limits into this file, too; with --from.",
)  # fmt: skip
@_JSON
@click.pass_obj
def learn(paths: dict[str, Path], /, channels: tuple[str, ...], files: tuple[Path, ...], **how: Any) -> None:  # noqa: ANN401  click's
    """Propose limits from what was seen; what you accept is written to conf.d/limits-DEVICE.toml.

    By the running daemon, which learns after qc start, or from recordings.
    """
    yes, as_json = how["yes"], how["as_json"]
    lessons = _from_files(paths["config"], files, channels) if files else _from_daemon(paths, channels)
    if how["svg"]:
        _write_figure(how["svg"], lessons)
    accepted: Accepted = {}
    for lesson in lessons:
        if not as_json:
            _show(lesson)
        if keys := _decide(lesson.proposal, yes=yes, asks=not as_json):
            accepted[lesson.proposal["channel"]] = keys
    if accepted:
        _write(paths["config"], accepted, yes=yes, quiet=as_json)
    if as_json:
        screen.machine({"proposals": [lesson.proposal for lesson in lessons], "accepted": accepted})
    elif not accepted:
        screen.line(texts.NONE_ACCEPTED)


@command.command("start")
@_JSON
@click.pass_obj
def start(paths: dict[str, Path], as_json: bool) -> None:
    """Begin to learn in the running daemon; it goes on over restarts until qc stop."""
    _switch(paths["socket"], on=True, as_json=as_json)


@command.command("stop")
@_JSON
@click.pass_obj
def stop(paths: dict[str, Path], as_json: bool) -> None:
    """End learning; what was learned is forgotten."""
    _switch(paths["socket"], on=False, as_json=as_json)


@command.command("show")
@click.argument("channels", metavar="[DEVICE.CHANNEL]...", nargs=-1)
@_JSON
@click.pass_obj
def show(paths: dict[str, Path], channels: tuple[str, ...], as_json: bool) -> None:
    """The limits in force by the configuration, of all channels or of those named."""
    from agent.cli.limits_view import facts, view

    plans = load_config(paths["config"]).plan.judgement.by_source
    by_name = {str(source): plan for source, plan in plans.items()}
    _check_names(channels, by_name)
    chosen = {name: by_name[name] for name in channels or by_name}
    if as_json:
        screen.machine({name: facts(plan) for name, plan in chosen.items()})
    else:
        screen.show(*view(chosen))


def _switch(socket: Path, *, on: bool, as_json: bool) -> None:
    answer = asked(socket, "learn", on=on, by=login())
    if as_json:
        screen.machine(answer)
    else:
        screen.line(texts.LEARNING if on else texts.NOT_LEARNING)


def _from_daemon(paths: Mapping[str, Path], channels: Sequence[str]) -> list[Lesson]:
    from agent.cli.lessons import Lesson
    from agent.judge.proposals import in_keys

    answer = asked(paths["socket"], "learned", channels=channels)
    known = {str(source): limits for source, limits in _limits_in_force(paths["config"]).items()}
    if not answer["proposals"]:
        raise Failed(texts.LEARNED_NOTHING if answer["learning"] else texts.LEARNS_NOT, Exit.PROBLEM)
    return [Lesson(in_keys(shown, known.get(shown["source"])), None) for shown in answer["proposals"]]


def _from_files(config: Path, files: Sequence[Path], channels: Sequence[str]) -> list[Lesson]:
    from agent.cli.lessons import learn
    from agent.cli.progress import progress
    from agent.recording import BadRecording

    try:
        with progress() as tell:
            lessons, seen = learn(files, channels, _limits_in_force(config), tell)
    except (BadRecording, OSError) as error:
        raise Failed(str(error), Exit.PROBLEM) from None
    _check_names(channels, seen)
    if not lessons:
        raise Failed(texts.NO_NUMBERS.format(files=listed(map(str, files))), Exit.PROBLEM)
    return lessons


def _limits_in_force(config: Path) -> dict[Any, Limits]:
    """By source; none where there is no configuration, as on a desk with only a recording."""
    if not config.exists():
        return {}
    plans = load_config(config).plan.judgement.by_source
    return {source: plan.limits for source, plan in plans.items()}


def _check_names(channels: Iterable[str], known: Collection[str]) -> None:
    for name in channels:
        if name not in known:
            raise no_such("channel", name, sorted(known))


def _show(lesson: Lesson) -> None:
    from agent.cli.plot import fitting
    from agent.cli.proposal_view import page

    out = screen.console()
    screen.show(*page(lesson.proposal, out.width, fitting(out), lesson.series), "")


def _decide(proposal: Facts, *, yes: bool, asks: bool) -> dict[str, Any]:
    """What a person takes of it; nothing where nobody can be asked."""
    keys = dict(proposal["limits"])
    if yes or not keys:
        return keys
    if not (asks and sys.stdin.isatty()):
        return {}
    while True:
        answer = (
            click.prompt(texts.ACCEPT, default="n", show_default=False, prompt_suffix=" ").strip().lower()
        )
        if answer in ("y", "yes"):
            return keys
        if answer in ("n", "no", ""):
            return {}
        if answer in ("e", "edit"):
            keys = _edited(proposal["channel"], keys)


def _edited(name: str, keys: dict[str, Any]) -> dict[str, Any]:
    """As they come back from an editor; unchanged where that is left without saving, or gives no TOML."""
    from agent.cli.fragment import read_table, table

    device, _, channel = name.partition(".")
    text = click.edit(table(device, channel, keys), extension=".toml")
    if text is None:
        return keys
    try:
        keys = read_table(text, device, channel)
    except ValueError as error:
        click.echo(texts.NOT_TAKEN.format(why=error), err=True)
    else:
        screen.line(table(device, channel, keys).rstrip())
    return keys


def _write(config: Path, accepted: Accepted, *, yes: bool, quiet: bool) -> None:
    from agent.cli import fragment

    by_device: dict[str, Accepted] = {}
    for name, keys in accepted.items():
        device, _, channel = name.partition(".")
        by_device.setdefault(device, {})[channel] = keys
    for device, tables in by_device.items():
        path = fragment.path_of(config, device)
        try:
            with _holding_together(config, path):
                _write_one(path, device, tables, yes=yes)
        except OSError as error:
            raise unwritten(path, error) from None
        if not quiet:
            screen.line(texts.LIMITS_WRITTEN.format(path=path, channels=many(len(tables), "channel")))
    if not quiet:
        screen.line(texts.LIMITS_NEXT)


@contextmanager
def _holding_together(config: Path, path: Path) -> Iterator[None]:
    """A fragment that the rest of a good configuration contradicts is taken back before a reboot finds it."""
    from agent.errors import ConfigError
    from agent.loading import load

    try:
        load(config)
    except ConfigError:  # it was wrong before, and is not made worse
        yield
        return
    before = path.read_bytes() if path.exists() else None
    yield
    try:
        load(config)
    except ConfigError as error:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)
        raise Failed(texts.LIMITS_CLASH.format(path=path, problems=error), Exit.CONFIG) from None


def _write_one(path: Path, device: str, tables: Accepted, *, yes: bool) -> None:
    from agent.cli import fragment

    try:
        fragment.write(path, device, tables)
    except fragment.Edited:
        asks = not yes and sys.stdin.isatty()
        if not asks or not click.confirm(texts.OVER_EDITS.format(path=path)):
            raise Failed(texts.EDITED.format(path=path), Exit.PROBLEM) from None
        try:
            fragment.write(path, device, tables, over_edits=True)
        except fragment.Edited:  # it is no TOML at all
            raise Failed(texts.EDITED.format(path=path), Exit.PROBLEM) from None


def _write_figure(path: Path, lessons: Sequence[Lesson]) -> None:
    from agent.cli.figure import figure
    from agent.cli.proposal_view import chart

    charts = [chart(proposal, series) for proposal, series in lessons if series is not None]
    if not charts:
        raise click.UsageError(texts.SVG_NEEDS_FILES)
    try:
        path.write_text(figure(charts), encoding="utf-8")
    except OSError as error:
        raise unwritten(path, error) from None
