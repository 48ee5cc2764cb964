"""polegate events: what is going on, who has seen it, what is put aside."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Group, RenderableType

from agent.amounts import many, moment
from agent.cli import client, screen, texts
from agent.cli.exits import Exit, Failed, talking

EVERY_S = 2.0
SHORTEST_SHELF_S, LONGEST_SHELF_S = 60, 86_400
"""As agent.events has them."""

Facts = Mapping[str, Any]


class ListsByDefault(click.Group):
    """`polegate events` is `polegate events list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click.Group."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def _seconds(ctx: click.Context, param: click.Parameter, written: str) -> float:
    """`2h`, `30 min`, `1 d` in seconds."""
    from agent.quantities import duration_s

    try:
        seconds = duration_s(written)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None
    if not SHORTEST_SHELF_S <= seconds <= LONGEST_SHELF_S:
        raise click.BadParameter(texts.SHELF_TIME.format(got=written), ctx, param)
    return seconds


@click.group("events", cls=ListsByDefault)
def command() -> None:
    """What is going on at the station, who has seen it, and what is put aside.

    Without a further word it is list.
    """


_JSON = click.option("--json", "as_json", is_flag=True, help="The daemon's answer as a line of JSON.")
_BY = click.option("--by", metavar="NAME", default=None, help="Who you are.  [default: the login name]")


@command.command("list")
@click.option("--recent", "-r", is_flag=True, help="Those that are over, too.")
@click.option("--watch", "-w", is_flag=True, help=f"Draw it anew every {EVERY_S:g} s until Ctrl-C.")
@_JSON
@click.pass_obj
def list_(paths: dict[str, Path], recent: bool, watch: bool, as_json: bool) -> None:
    """The open events, the gravest first, with what each explains below it."""
    from agent.cli.event_view import view

    answer = asked(paths["socket"], "events")
    if watch:
        _watch(paths["socket"], answer, recent=recent, as_json=as_json)
    elif as_json:
        screen.machine(answer)
    else:
        screen.show(*view(answer, recent=recent))


@command.command("show")
@click.argument("event", metavar="ID")
@_JSON
@click.pass_obj
def show(paths: dict[str, Path], event: str, as_json: bool) -> None:
    """Everything that is known of one event, open or over, with a plot of the readings behind it.

    Of its ID as many digits are enough as tell it from the others.
    """
    from agent.cli.event_view import details
    from agent.cli.plot import fitting

    answer = asked(paths["socket"], "events")
    found = _find(event, [*answer["open"], *answer["recent"]])
    if as_json:
        screen.machine(found)
        return
    out = screen.console()
    screen.show(*details(found, answer["now_ms"], out.width, fitting(out)))


@command.command("ack")
@click.argument("event", metavar="ID")
@_BY
@_JSON
@click.pass_obj
def ack(paths: dict[str, Path], event: str, by: str | None, as_json: bool) -> None:
    """Say that you have seen an open event; the platform is told. Worse news takes that back."""
    found = _find(event, asked(paths["socket"], "events")["open"])
    answer = asked(paths["socket"], "acknowledge", event=found["id"], by=by or client.login())
    if as_json:
        screen.machine(answer)
        return
    seen = answer["event"]
    screen.line(
        texts.ACKNOWLEDGED.format(kind=seen["kind"], subject=seen["subject"], by=seen["acknowledged"])
    )


@command.command("shelve")
@click.argument("rule")
@click.argument("source", default="")
@click.option(
    "--for", "for_s", metavar="TIME", callback=_seconds, required=True, help="How long: 30min, 2h, 1d."
)
@click.option("--reason", metavar="TEXT", required=True, help="Why, for whoever comes after you.")
@_BY
@_JSON
@click.pass_obj
def shelve(paths: dict[str, Path], /, by: str | None, as_json: bool, **shelf: Any) -> None:  # noqa: ANN401  click's
    """Put a RULE's events aside for a while, of one SOURCE (DEVICE or DEVICE.CHANNEL) or of all.

    They are still recorded and sent, marked as shelved; critical ones alarm all the same.
    """
    answer = asked(paths["socket"], "shelve", **shelf, by=by or client.login())
    if as_json:
        screen.machine(answer)
        return
    rule, source = shelf["rule"], shelf["source"]
    shelves = asked(paths["socket"], "events")["shelves"]
    ends = [each["until_ms"] for each in shelves if (each["rule"], each["source"]) == (rule, source)]
    until = moment(max(ends)) if ends else texts.NO_MORE
    screen.line(texts.SHELVED.format(rule=_of(rule, source), until=until, events=_changed(answer)))


@command.command("unshelve")
@click.argument("rule")
@click.argument("source", default="")
@_BY
@_JSON
@click.pass_obj
def unshelve(paths: dict[str, Path], rule: str, source: str, by: str | None, as_json: bool) -> None:
    """Take up again what was put aside, named as it was when it was."""
    answer = asked(paths["socket"], "unshelve", rule=rule, source=source, by=by or client.login())
    if as_json:
        screen.machine(answer)
    else:
        screen.line(texts.UNSHELVED.format(rule=_of(rule, source), events=_changed(answer)))


def asked(socket: Path, verb: str, **arguments: object) -> dict[str, Any]:
    """The daemon's answer.

    Raises:
        Failed: NOT_RUNNING, nobody answers; USAGE, what is named is not there; PROBLEM, the daemon refuses.
    """
    with talking(socket):
        answer = next(client.stream(socket, verb, timeout_s=30.0, **arguments), None)
    if answer is None:
        raise Failed(texts.HUNG_UP.format(path=socket), Exit.NOT_RUNNING)
    if not answer.pop("ok", False):
        code = Exit.USAGE if answer.get("absent") else Exit.PROBLEM
        raise Failed(str(answer.get("error", "")), code)
    return answer


def _find(prefix: str, events: Sequence[Facts]) -> Facts:
    """The one event whose id begins so.

    Raises:
        click.UsageError: none does, or several do.
    """
    found = [event for event in events if event["id"].startswith(prefix.lower())]
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        listed = "\n".join(f"  {each['id']}  {each['kind']} {each['subject']}" for each in found)
        raise click.UsageError(texts.SEVERAL_EVENTS.format(prefix=prefix, events=listed))
    raise click.UsageError(texts.NO_EVENT.format(prefix=prefix))


def _of(rule: str, source: str) -> str:
    return f"{rule} of {source}" if source else rule


def _changed(answer: Facts) -> str:
    return many(len(answer["changed"]), "open event")


def _watch(socket: Path, answer: Facts, *, recent: bool, as_json: bool) -> None:
    """Anew every EVERY_S until Ctrl-C; on the terminal a daemon that restarts is waited for."""
    from agent.cli.event_view import view

    if as_json:
        try:
            while True:
                screen.machine(answer)
                time.sleep(EVERY_S)
                answer = asked(socket, "events")
        except KeyboardInterrupt:
            return
    parts: list[RenderableType] = list(view(answer, recent=recent))
    with screen.redrawn() as live:
        while True:
            live.update(Group(*parts, ""), refresh=True)
            time.sleep(EVERY_S)
            try:
                parts = list(view(asked(socket, "events"), recent=recent))
            except Failed as error:
                parts = [error.message]
