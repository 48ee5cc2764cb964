"""polegate run: the daemon in the foreground."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command("run")
@click.option("--verbose", "-v", is_flag=True, help="Log at debug level.")
@click.pass_obj
def command(paths: dict[str, Path], verbose: bool) -> None:
    """Run the daemon in the foreground: systemd's ExecStart, or by hand to watch it.

    SIGTERM and Ctrl-C stop it cleanly, SIGHUP makes it read its configuration again.
    """
    import uvloop

    from agent import logs
    from agent.app import serve
    from agent.errors import EXIT_CONFIG, AlreadyRunning, ConfigError
    from agent.notify import Notifier
    from buffer.errors import OutboxError

    logs.configure(verbose=verbose)
    try:
        uvloop.run(serve(paths["config"], Notifier()))
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_CONFIG)
    except (AlreadyRunning, OutboxError, OSError) as error:
        click.echo(f"polegate cannot run: {error}", err=True)
        sys.exit(1)
