"""What a restore would do and has done, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from agent.amounts import many
from agent.cli import keeping_texts as say
from agent.cli import screen
from agent.cli.screen import BAD, BOLD, BUSY
from agent.keeping.restoring import Changes, Unpacked
from buffer.copying import Carried
from buffer.retention import Depth


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a restore would do; `waits` is in the store that is there now, None if that stays."""

    unpacked: Unpacked
    changes: Changes
    carried: Depth
    states: int
    waits: Depth | None

    @property
    def store(self) -> Path:
        """Where the outbox belongs."""
        return self.unpacked.loaded.config.outbox.path

    @property
    def bring(self) -> tuple[tuple[str, str], ...]:
        """What was left out of the backup and is not here either, with why it was."""
        left_out = self.unpacked.manifest.left_out
        return tuple((each.what, each.why) for each in left_out if not _is_here(each.what))


def _is_here(what: str) -> bool:
    try:
        return Path(what).is_absolute() and Path(what).exists()
    except OSError:
        return False


def counted(depth: Depth) -> dict[str, str]:
    """In words."""
    return {"items": many(depth.items, "reading"), "messages": many(depth.batches, "message")}


def view(plan: Plan, file: Path) -> Iterator[RenderableType]:
    """The plan, from top to bottom."""
    manifest = plan.unpacked.manifest
    doubt = "" if manifest.clock_trusted else say.MADE_UNSURE
    head = say.RESTORE_OF.format(
        file=file,
        made=manifest.made,
        doubt=doubt,
        version=manifest.polegate,
        site=manifest.site,
        gateway=manifest.gateway,
    )
    yield Text(head, BOLD)
    if _newer(manifest.polegate, version("polegate")):
        yield Text(say.NEWER.format(theirs=manifest.polegate, ours=version("polegate")), BAD)
    yield screen.pairs(
        ("files", _files(plan.changes)),
        ("outbox", _store(plan)),
        ("bring", "\n".join(say.PLAN_LEFT.format(what=what, why=why) for what, why in plan.bring)),
        ("other", "\n".join(say.PLAN_IGNORED.format(name=name) for name in plan.unpacked.ignored)),
    )


def _files(changes: Changes) -> Text:
    shown = Text()
    for word, style in (("new", BUSY), ("changed", BUSY), ("gone", BAD)):
        for place in getattr(changes, word):
            shown.append(f"{say.PLAN_WORDS[word]:8}", style)
            shown.append(f"{place}\n")
    same = say.PLAN_SAME.format(files=many(len(changes.same), "file"))
    return shown.append(same) if changes.same or not shown else shown[:-1]


def _store(plan: Plan) -> str:
    if plan.waits is None:
        return say.PLAN_NO_STORE
    text = say.PLAN_STORE.format(store=plan.store, states=many(plan.states, "state"), **counted(plan.carried))
    if not plan.store.exists():
        return text
    waits = say.PLAN_STORE_WAITS.format(**counted(plan.waits)) if plan.waits.batches else ""
    return text + say.PLAN_STORE_BEFORE + waits


def facts(plan: Plan) -> dict[str, Any]:
    """The plan for programs."""
    manifest, changes = plan.unpacked.manifest, plan.changes
    store = {
        "path": str(plan.store), "items": plan.carried.items, "batches": plan.carried.batches,
        "states": plan.states, "waiting_here": plan.waits.batches if plan.waits else 0,
    }  # fmt: skip
    return {
        **{key: getattr(manifest, key) for key in ("polegate", "made", "clock_trusted", "site", "gateway")},
        **{word: [str(place) for place in getattr(changes, word)] for word in (*say.PLAN_WORDS, "same")},
        "store": None if plan.waits is None else store,
        "bring": [{"what": what, "why": why} for what, why in plan.bring],
        "ignored": list(plan.unpacked.ignored),
    }


def done(carried: Carried | None, kept: Sequence[Path]) -> Iterator[str]:
    """What was done, and what comes next."""
    if carried:
        total = sum(carried.by_priority.values(), Depth())
        lost = _lost(carried)
        yield say.RESTORED_STORE.format(
            states=many(carried.states, "state"), lost=say.STORE_LOST.format(what=lost) if lost else "",
            **counted(total),
        )  # fmt: skip
    yield say.RESTORED.format(kept=", ".join(map(str, kept))) if kept else say.RESTORED_FRESH
    yield say.RESTORE_NEXT


def _lost(carried: Carried) -> str:
    parts = [
        many(carried.pictures, "message of pictures", "messages of pictures") if carried.pictures else "",
        f"{carried.damaged:,} damaged" if carried.damaged else "",
        carried.incomplete,
    ]
    return ", ".join(filter(None, parts))


def done_facts(carried: Carried | None, kept: Sequence[Path]) -> dict[str, Any]:
    """The same for programs."""
    store = None
    if carried:
        total = sum(carried.by_priority.values(), Depth())
        store = {
            "items": total.items, "batches": total.batches, "states": carried.states,
            "pictures": carried.pictures, "damaged": carried.damaged, "incomplete": carried.incomplete,
        }  # fmt: skip
    return {"restored": True, "store": store, "kept": [str(each) for each in kept]}


def _newer(theirs: str, ours: str) -> bool:
    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(".") if part.isdecimal()]

    return numbers(theirs) > numbers(ours)
