"""polegate provision: from a bare gateway to a station, by questions or from a seed file."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from agent.amounts import many
from agent.cli import certs, provision_view, screen
from agent.cli import provision_texts as say
from agent.cli.exits import Exit, Failed, agreed
from agent.cli.provision_ask import ask
from agent.cli.typed import polegate
from agent.enrolment.errors import EnrolmentFailed
from agent.errors import ConfigError
from agent.provisioning import composing, confd, laying
from agent.provisioning import plan as planning
from agent.provisioning.changes import make
from agent.provisioning.plan import Edited, Plan
from agent.provisioning.seed import Seed, made_of, read_seed
from agent.provisioning.site import Site
from agent.writing import alone


@click.command("provision")
@click.argument("seed", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Show what would be done; write nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do it without asking.")
@click.option("--over-edits", is_flag=True, help="Overwrite what a person has changed or written, too.")
@click.option("--root", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path("/"),
              help="The tree of another system, such as a mounted image.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="A line of JSON; needs SEED, and --yes or --dry-run.")
@click.pass_obj
def command(paths: dict[str, Path], /, seed: Path | None, root: Path, **flags: bool) -> None:
    """Make this gateway a station: identity, kind, board, broker, certificate.

    By questions, or from SEED: a configuration with its secrets in it. Shows what it is going to write, and
    asks. Cut off at any moment it leaves the old configuration or the new one; run twice it does nothing the
    second time. Ends with 78 when the seed has mistakes; nothing is changed then.
    """
    site = Site(paths["config"].absolute(), root.resolve())
    dry, as_json = flags["dry_run"], flags["as_json"]
    if as_json and (seed is None or not (dry or flags["yes"])):
        raise click.UsageError(say.NEEDS_SEED)
    with _told(), alone(site.folder):
        wanted = _read(seed) if seed else _asked(site)
        plan = planning.plan(wanted, site, over_edits=flags["over_edits"])
        if as_json:
            _for_programs(plan, site, written=bool(plan.changes) and not dry and _write(plan))
            return
        _show(plan)
        if dry or not plan.changes:
            screen.line(say.DRY if plan.changes else say.NOTHING)
        elif flags["yes"] or agreed(say.ASK):
            _write(plan)
            screen.line(say.WRITTEN.format(count=many(len(plan.changes), "file")))
        else:
            screen.line(say.DRY)
            return
        _finish(plan, wanted, site, dry=dry)


def _read(file: Path) -> Seed:
    try:
        return read_seed(file.read_text(encoding="utf-8-sig"), file)
    except UnicodeDecodeError:
        raise Failed(f"{file}: no UTF-8 text", Exit.CONFIG) from None


def _asked(site: Site) -> Seed:
    """A seed of answers; what was written before is offered again."""
    present = laying.said(_present(site), (site.folder / "profiles",))
    try:
        answers = ask(present, site.folder)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo(err=True)
        raise Failed(say.NOBODY_TO_ASK, Exit.USAGE) from None
    return made_of(answers, Path("/"), "your answers")


def _present(site: Site) -> Mapping[str, Any]:
    try:
        text = site.here.read_text(encoding="utf-8")
        return tomllib.loads(text) if confd.is_as_written(text, composing.HEAD) else {}
    except (FileNotFoundError, ValueError, RecursionError):  # it is none of ours
        return {}


def _write(plan: Plan) -> bool:
    with _told(half=True):
        for _ in make(plan.changes):
            pass
    return True


def _show(plan: Plan) -> None:
    screen.show(*provision_view.changes_view(plan))


def _finish(plan: Plan, seed: Seed, site: Site, *, dry: bool) -> None:
    """The certificate from its server, then what is left to people."""
    from agent.cli import provision_next

    if plan.kept:
        click.echo(say.KEPT.format(file=seed.file, keys=", ".join(plan.kept)), err=True)
    config = plan.loaded.config
    if not dry and not site.offline and plan.wants_certificate and provision_next.can_enrol(plan, site):
        try:
            certs.claim(config, plan.ours, site.folder, untried=False, as_json=False)
        except Failed as error:
            again = say.ENROL_FAILED.format(polegate=polegate(site.config))
            raise Failed(f"{error.message}\n\n{again}", Exit.PROBLEM) from None
    screen.show(*provision_next.view(plan, site, dry=dry))


def _for_programs(plan: Plan, site: Site, *, written: bool) -> None:
    from agent.cli import provision_next

    missing = plan.kind.missing(laying.channels_of(plan.loaded.plan)) if plan.kind else {}
    screen.machine(
        {
            "written": written,
            "changes": [provision_view.facts(change) for change in plan.changes],
            "certificate": not plan.wants_certificate,
            "missing": list(missing),
            "kept": list(plan.kept),
            "next": provision_next.steps(plan, site),
        }
    )


@contextmanager
def _told(*, half: bool = False) -> Iterator[None]:
    """What can go wrong, as Failed."""
    try:
        yield
    except ConfigError as error:
        files = ", ".join(dict.fromkeys(problem.file for problem in error.problems))
        count = many(len(error.problems), "mistake")
        raise Failed(f"{say.BAD_SEED.format(count=count, file=files)}\n{error}", Exit.CONFIG) from None
    except Edited as error:
        raise Failed(say.EDITED.format(path=error), Exit.PROBLEM) from None
    except EnrolmentFailed as error:
        raise Failed(str(error), Exit.PROBLEM) from None
    except PermissionError as error:
        raise Failed(say.FORBIDDEN.format(path=error.filename), Exit.PROBLEM) from None
    except OSError as error:
        text = say.HALF if half else say.NOT_WRITTEN
        raise Failed(text.format(path=error.filename, why=error.strerror), Exit.PROBLEM) from None
