"""polegate restore: lay a backup in, whole or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from agent.cli import client, screen
from agent.cli import keeping_texts as say
from agent.cli.backup import now_s
from agent.cli.exits import Exit, Failed, agreed

if TYPE_CHECKING:
    from agent.cli.restore_view import Plan
    from agent.keeping.restoring import Unpacked
    from buffer.retention import Depth


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Check the backup and show the plan; change nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--config-only", is_flag=True, help="Leave the outbox that is here alone.")
@click.option(
    "--replace", is_flag=True, help="Take another gateway's place, or that of messages that wait here."
)
@click.option("--json", "as_json", is_flag=True, help="The plan, and what was done, each as a line of JSON.")
@click.pass_obj
def command(
    paths: dict[str, Path], /, file: Path, dry_run: bool, yes: bool, as_json: bool, **how: bool
) -> None:
    """Put a backup in its place: FILE is checked, the plan shown, then all is changed at one moment.

    The daemon must be stopped. What was there before is kept beside it. Without a terminal to ask on, --yes
    is needed.
    """
    main = paths["config"].parent.resolve() / paths["config"].name
    with TemporaryDirectory(prefix="polegate-") as folder, told():
        from agent.cli import restore_view as view

        plan = _plan(file, main, Path(folder), **how)
        screen.machine(view.facts(plan)) if as_json else screen.show(*view.view(plan, file))
        if dry_run:
            _say(say.DRY, as_json=as_json)
            return
        with _held(paths, main, plan):
            if not (yes or agreed(say.ASK, err=as_json)):
                _say(say.NOT_DONE, as_json=as_json)
                return
            _carry_out(plan, main, as_json=as_json)


@contextmanager
def told() -> Iterator[None]:
    """What can go wrong, as Failed; nothing was changed by it."""
    from agent.errors import ConfigError
    from agent.keeping.archive import Refused
    from agent.keeping.folders import Unfit
    from buffer.errors import OutboxError, OutboxInUse

    try:
        yield
    except ConfigError as error:
        raise Failed(str(error), Exit.CONFIG) from None
    except OutboxInUse as error:
        raise Failed(say.IN_USE.format(error=error), Exit.PROBLEM) from None
    except (Refused, Unfit, OutboxError) as error:
        raise Failed(str(error), Exit.PROBLEM) from None
    except PermissionError as error:
        raise Failed(say.RIGHTS.format(why=error), Exit.PROBLEM) from None
    except OSError as error:
        raise Failed(str(error), Exit.PROBLEM) from None


def _plan(file: Path, main: Path, folder: Path, *, config_only: bool, replace: bool) -> Plan:
    """Unpack, and refuse what would go wrong."""
    from agent.cli.restore_view import Plan
    from agent.keeping import restoring
    from buffer.retention import Depth

    unpacked = restoring.unpack(file, main, folder)
    if not replace:
        _same_gateway(unpacked, main, file)
    store, carried, states = unpacked.loaded.config.outbox.path, Depth(), 0
    waits = None
    if unpacked.store and not config_only:
        _check_store(store, main)
        carried, states = restoring.waiting(unpacked.store), restoring.states_in(unpacked.store)
        waits = _waiting_here(store, replace=replace)
    changes = restoring.changes(unpacked, main)
    return Plan(unpacked=unpacked, changes=changes, carried=carried, states=states, waits=waits)


def _waiting_here(store: Path, *, replace: bool) -> Depth:
    """What waits in the store that would be kept aside; one that is damaged cannot tell."""
    from agent.cli.restore_view import counted
    from agent.keeping.restoring import waiting
    from buffer.errors import OutboxError
    from buffer.retention import Depth

    try:
        waits = waiting(store)
    except OutboxError as error:
        if not replace:
            raise Failed(say.STORE_UNSEEN.format(error=error), Exit.PROBLEM) from None
        return Depth()
    if waits.batches and not replace:
        raise Failed(say.STORE_WAITS.format(store=store, **counted(waits)), Exit.PROBLEM)
    return waits


def _same_gateway(unpacked: Unpacked, main: Path, file: Path) -> None:
    from agent.keeping.restoring import station_here

    here, there = station_here(main), "/".join(unpacked.station)
    if here is None and main.exists():
        raise Failed(say.UNKNOWN_GATEWAY.format(config=main, file=file, there=there), Exit.PROBLEM)
    if here is not None and here != unpacked.station:
        raise Failed(say.OTHER_GATEWAY.format(file=file, there=there, here="/".join(here)), Exit.PROBLEM)


def _check_store(store: Path, main: Path) -> None:
    """The daemon's user owns the folder: no other place of the system is written to on a backup's word."""
    from agent.cli.checks.machine import Machine

    if store.is_relative_to(main.parent):
        raise Failed(say.STORE_INSIDE.format(store=store), Exit.PROBLEM)
    if not store.parent.is_dir():
        raise Failed(say.STORE_NOWHERE.format(folder=store.parent), Exit.PROBLEM)
    who = Machine().service(None)
    if store.parent.stat().st_uid != who.uid:
        raise Failed(say.STORE_FOREIGN.format(folder=store.parent, who=who.name), Exit.PROBLEM)


@contextmanager
def _held(paths: dict[str, Path], main: Path, plan: Plan) -> Iterator[None]:
    """No daemon runs, and none starts meanwhile."""
    from agent.errors import ConfigError
    from agent.keeping.replacing import locked
    from agent.loading import load
    from agent.writing import alone

    for folder in (main.parent.parent if plan.changes.any else main.parent, plan.store.parent):
        if not os.access(folder, os.W_OK):
            why = say.NOT_WRITABLE.format(folder=folder)
            raise Failed(say.RIGHTS.format(why=why), Exit.PROBLEM)
    with suppress(client.NotRunning):
        client.ask(paths["socket"], "status")
        raise Failed(say.DAEMON_RUNS, Exit.PROBLEM)
    stores = {plan.store}
    with suppress(ConfigError):
        stores.add(load(main).config.outbox.path)
    with alone(main.parent), locked(stores):
        yield


def _carry_out(plan: Plan, main: Path, *, as_json: bool) -> None:
    from agent.cli import restore_view as view
    from agent.keeping import replacing, restoring

    wanted = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s()))
    name = replacing.free_name(main, plan.store, wanted)
    done = restoring.carry_out(plan.unpacked, main, name, with_store=plan.waits is not None)
    screen.machine(view.done_facts(*done)) if as_json else screen.show(*view.done(*done))


def _say(text: str, *, as_json: bool) -> None:
    """What is no plan goes to standard error where a program reads the plan."""
    click.echo(text, err=as_json)
