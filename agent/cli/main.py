"""polegate: the command line. Verbs are imported when called, so that it answers fast."""

from __future__ import annotations

import importlib
import os
import sys
import tomllib
from difflib import get_close_matches
from pathlib import Path

import click

from agent.cli import texts

VERBS = {
    "run": "run the daemon in the foreground",
    "status": "how the running daemon, its devices and its uplink are doing",
    "top": "the whole station on one screen, live",
    "doctor": "what is wrong with the station, and what to do about it",
    "signoff": "the commissioning sheet, as HTML and PDF",
    "tail": "live readings as they come in",
    "read": "read a device once, without the daemon",
    "events": "what is going on; acknowledge it, put it aside",
    "logs": "what the daemon has written to the journal",
    "rules": "check rules, play a story to one, replay a recorded day",
    "qc": "limits readings are judged by; learn those of this site",
    "provision": "make this gateway a station, by questions or from a seed file",
    "certs": "the client certificate: look, request, install, renew",
    "outbox": "what waits for the platform",
    "clock": "what time it is here, and who says so",
    "support": "what a supplier needs, in one file, without secrets",
    "backup": "configuration, outbox and what was learned, in one file",
    "restore": "put a backup in its place, whole or not at all",
    "config": "check the configuration, print its schema",
    "profiles": "list, show and check instrument profiles",
    "bus": "find what is on a line",
    "device": "put a gauge into the configuration",
    "camera": "find cameras, look through them, keep their files",
    "simulate": "play an instrument from its profile, for training",
    "reload": "make the daemon read its configuration again",
}

DEFAULT_CONFIG = Path("/etc/polegate/polegate.toml")
DEFAULT_SOCKET = Path("/run/polegate/control.sock")


class LazyGroup(click.Group):
    """Finds a verb's module agent.cli.{verb} and takes its `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"agent.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            near = get_close_matches(args[0], VERBS, n=1)
            hint = f"Did you mean {near[0]}?" if near else "See polegate --help."
            raise click.UsageError(texts.UNKNOWN_VERB.format(name=args[0], hint=hint), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="polegate", prog_name="polegate")
@click.option(
    "--config", "-c", "config", type=click.Path(path_type=Path, readable=False), default=DEFAULT_CONFIG,
    envvar="POLEGATE_CONFIG", show_default=True, help="The configuration file.",
)  # fmt: skip
@click.option(
    "--socket", type=click.Path(path_type=Path, readable=False), default=None, envvar="POLEGATE_SOCKET",
    help=f"The running daemon's control socket.  [default: the configuration's, or {DEFAULT_SOCKET}]",
)  # fmt: skip
@click.pass_context
def group(ctx: click.Context, config: Path, socket: Path | None) -> None:
    """Edge agent for smart light poles and river stations: gauges in, MQTT out, nothing lost on the way."""
    ctx.obj = {"config": config, "socket": socket or _socket_of(config)}


def _socket_of(config: Path) -> Path:
    """The socket this configuration file names; the default where it cannot be read or names none."""
    try:
        named = tomllib.loads(config.read_text(encoding="utf-8-sig")).get("control", {}).get("socket")
    except (OSError, ValueError, AttributeError, RecursionError):
        named = None
    return Path(named) if isinstance(named, str) else DEFAULT_SOCKET


def main() -> None:
    """Entry point of the console command."""
    try:
        group(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(1)
    finally:
        _let_go()


def _let_go() -> None:
    """A reader that left early, as head does, is no error: what is still buffered goes nowhere."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
