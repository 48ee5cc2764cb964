"""polegate run: the daemon in the foreground."""

from __future__ import annotations

import faulthandler
import gc
import sys
from pathlib import Path
from typing import NoReturn

import click

from agent import logs
from agent.checking.beginning import part
from agent.notify import Notifier
from agent.starts import STEADY_S, Starts


@click.command("run")
@click.option("--verbose", "-v", is_flag=True, help="Log at debug level.")
@click.pass_obj
def command(paths: dict[str, Path], verbose: bool) -> None:
    """Run the daemon in the foreground: systemd's ExecStart, or by hand to watch it.

    SIGTERM and Ctrl-C stop it cleanly, SIGHUP makes it read its configuration again.
    """
    logs.configure(verbose=verbose)
    # Of a hang that systemd's watchdog ends, the log says where the loop was. To read threads that
    # run on can crash.
    faulthandler.enable(all_threads=False)
    starts, notifier = Starts.of_unit(), Notifier()
    if not starts.rest(notifier):  # before the imports that cost most
        return
    starts.begin()
    try:
        _run(paths["config"], notifier, starts)
    except Exception as error:
        starts.failed(f"{type(error).__name__}: {error}")
        raise
    starts.forget()


def _run(config: Path, notifier: Notifier, starts: Starts) -> None:
    gc.disable()  # what is imported stays: to look for garbage in it takes a tenth of the time
    import agent.loaded  # noqa: F401  what both need: the one that checks, and the daemon that is to be

    try:
        checking = part(config)
    except OSError as error:
        _failed(f"{config} cannot be checked: {error}", notifier, starts)
    import asyncio

    import uvloop

    from agent.app import serve
    from agent.errors import EXIT_CONFIG, AlreadyRunning, ConfigError, Unchecked
    from buffer.errors import OutboxError

    gc.freeze()
    gc.enable()

    async def run() -> None:
        asyncio.get_running_loop().call_later(STEADY_S, starts.forget)
        await serve(config, checking, notifier, told_to_end=starts.forget)

    try:
        uvloop.run(run())
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_CONFIG)
    except Unchecked as error:
        _failed(f"{config} cannot be checked: {error}", notifier, starts)
    except (AlreadyRunning, OutboxError, OSError) as error:
        _failed(str(error), notifier, starts)


def _failed(why: str, notifier: Notifier, starts: Starts) -> NoReturn:
    said = f"polegate cannot run: {why}"
    starts.failed(why)
    notifier.status(said)  # systemctl status shows it until the next try
    click.echo(said, err=True)
    sys.exit(1)
