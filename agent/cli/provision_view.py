"""What `polegate provision` is going to do, as a plan with differences; and what is left to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from agent.cli import provision_texts as say
from agent.cli.checks.machine import mode_words
from agent.cli.screen import BAD, BOLD, DIM, GOOD
from agent.provisioning.changes import Change
from agent.provisioning.laying import channels_of
from agent.provisioning.plan import Plan


def changes_view(plan: Plan) -> Iterator[RenderableType]:
    """A block a file."""
    for change in plan.changes:
        head = f"{change.path}" if change.content is None else f"{change.path}, {mode_words(change.mode)}"
        yield Text.assemble((f"{_what(change)} ", BOLD), head)
        yield from _inside(change)
        yield ""


def facts(change: Change) -> dict[str, Any]:
    """For programs; never what is secret."""
    return {
        "path": str(change.path),
        "what": _what(change),
        "mode": None if change.content is None else f"{change.mode:04o}",
        "text": change.after or None,
    }


def missing_view(plan: Plan, polegate: str) -> Iterator[str]:
    """What the kind of station expects besides, and how it gets there by the command `polegate`."""
    if plan.kind is None:
        return
    missing = plan.kind.missing(channels_of(plan.loaded.plan))
    if not missing:
        return
    for wanted, head in ((True, say.EXPECTED), (False, say.MAY_HAVE)):
        found = {name: each for name, each in missing.items() if each.required == wanted}
        if found:
            yield head.format(kind=plan.kind.title.lower())
        for name, each in found.items():
            facts = {"name": name, "title": each.title, "measures": " or ".join(each.measures)}
            yield f"  {say.EXPECTED_ONE.format(**facts)}"
    yield say.EXPECTED_DO.format(polegate=polegate)


def _what(change: Change) -> str:
    if change.content is None:
        return say.WORDS["removed"]
    return say.WORDS["new" if change.before is None else "changed"]


def _inside(change: Change) -> Iterator[RenderableType]:
    if change.note:
        yield Text(f"  {change.note}", DIM)
    elif change.content is not None:
        yield from _difference(change.before or "", change.after)


def _difference(before: str, after: str) -> Iterator[RenderableType]:
    """A whole file as it is to be, or the lines that differ with one around them."""
    if not before:
        yield "".join(f"  {line}\n" for line in after.splitlines()).removesuffix("\n")
        return
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm=""))[2:]
    for line in lines:
        style = GOOD if line.startswith("+") else BAD if line.startswith("-") else DIM
        yield Text(f"  {line}", style)
