"""polegate reload: make the running daemon read its configuration again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from agent.amounts import listed
from agent.cli import client, screen, texts
from agent.cli.exits import Exit, Failed, talking

TIMEOUT_S = 60.0


@click.command("reload")
@click.option("--json", "as_json", is_flag=True, help="The daemon's answer as a line of JSON.")
@click.pass_obj
def command(paths: dict[str, Path], as_json: bool) -> None:
    """Make the daemon read its configuration again: only what changed restarts.

    A configuration with mistakes is refused, the old one keeps running, and this ends with 78; with 3 where
    the daemon is just stopping or starting anew.
    """
    with talking(paths["socket"]):
        answer = next(client.stream(paths["socket"], "reload", timeout_s=TIMEOUT_S, by=client.login()), None)
    if answer is None:
        raise Failed(texts.HUNG_UP.format(path=paths["socket"]), Exit.NOT_RUNNING)
    if as_json:
        screen.machine(answer)
    elif answer["ok"]:
        judged = answer.get("judged", False)
        screen.line(_done(answer["started"], answer["stopped"], answer["restarted"], judged=judged))
    elif "problems" not in answer:  # the daemon did not come to read it
        click.echo(answer["error"], err=True)
    elif answer["problems"]:
        click.echo("\n".join([texts.RELOAD_REFUSED, *answer["problems"]]), err=True)
    else:
        click.echo(texts.RELOAD_TURNED_AWAY.format(why=answer["error"]), err=True)
    sys.exit(_end(answer))


def _end(answer: dict[str, Any]) -> Exit:
    """No problems, and still not done: the daemon is on its way out, or takes no more requests."""
    if answer["ok"]:
        return Exit.OK
    return Exit.CONFIG if answer.get("problems") else Exit.NOT_RUNNING


def _done(started: list[str], stopped: list[str], restarted: str, *, judged: bool) -> str:
    if restarted:
        return texts.RESTARTING.format(changed=restarted)
    if not started and not stopped:
        return texts.RELOAD_JUDGED if judged else texts.RELOAD_SAME
    changed = [name for name in started if name in stopped]
    lines = [
        (texts.RELOAD_CHANGED, changed),
        (texts.RELOAD_STARTED, [name for name in started if name not in changed]),
        (texts.RELOAD_STOPPED, [name for name in stopped if name not in changed]),
    ]
    said = [text.format(parts=listed(parts)) for text, parts in lines if parts]
    return "\n".join([*said, *([texts.RELOAD_JUDGED] if judged else [])])
