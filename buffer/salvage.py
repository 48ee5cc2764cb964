"""Which rows and states of a damaged store can still be had."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from buffer.memory import Remembered
from buffer.pages import Pages
from buffer.rows import Row, intact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@dataclass(slots=True)
class Wreck:
    """A damaged store: iterate once over its rows and states, then read what else was seen.

    First come the rows that their tree of pages leads to, in order of id, then the states likewise. If a tree
    is broken anywhere, all other leaf pages that are not free are searched for its kind; what was deleted
    lately may come back with them. A row counts only if its checksum matches: the others are `damaged_rows`.
    `lost_pages` are those the tree of the rows names that are unreadable; nothing is known of the rows below
    them but what the loose leaf pages gave. `damaged_states` counts both for the states.
    """

    database: Path
    damaged_rows: int = 0
    lost_pages: int = 0
    damaged_states: int = 0

    def __iter__(self) -> Iterator[Row | Remembered]:
        with ExitStack() as files:
            pages = Pages(self.database, files)
            roots = _roots(pages)
            seen: set[int] = set()
            lost: list[int] = []
            yield from self._rows(pages, _tree(pages, roots.get("envelope", 0), seen, lost))
            self.lost_pages = len(lost)
            # A store of schema 1 has no states.
            if "state" in roots or "envelope" not in roots:
                yield from self._states(pages, _tree(pages, roots.get("state", 0), seen, lost))
            lost_of_states = len(lost) - self.lost_pages
            self.damaged_states += lost_of_states
            if self.lost_pages:
                yield from self._rows(pages, _loose(pages, seen))
            if lost_of_states:
                yield from self._states(pages, _loose(pages, seen))

    def _rows(self, pages: Pages, numbers: Iterable[int]) -> Iterator[Row]:
        for number in numbers:
            for record in pages.records(number):
                if record is None:
                    self.damaged_rows += 1
                    continue
                rowid, columns = record
                if len(columns) != len(Row._fields):
                    continue  # another table's
                # The record holds NULL for the column that is the rowid.
                row = Row(rowid, *columns[1:])
                if intact(row):
                    yield row
                else:
                    self.damaged_rows += 1

    def _states(self, pages: Pages, numbers: Iterable[int]) -> Iterator[Remembered]:
        for number in numbers:
            for record in pages.records(number):
                match record:
                    case None:
                        self.damaged_states += 1
                    case (rowid, [None, name, crc, body]):
                        state = Remembered(rowid, name, crc, body)
                        if state.is_intact:
                            yield state
                        else:
                            self.damaged_states += 1


def _tree(pages: Pages, root: int, seen: set[int], lost: list[int]) -> Iterator[int]:
    """Yield the leaf pages of a table in order, noting every page that was reached or is unreadable."""
    waiting = [root]
    while waiting:
        number = waiting.pop()
        children = None if number in seen else pages.children(number)
        seen.add(number)
        if children is None:
            lost.append(number)
        elif children:
            waiting += reversed(children)
        else:
            yield number


def _loose(pages: Pages, seen: set[int]) -> Iterator[int]:
    """Yield the leaf pages that no tree led to and that are not free."""
    for number in sorted(pages.numbers() - seen - pages.free() - {1}):
        if pages.is_leaf(number):
            yield number


def _roots(pages: Pages) -> dict[str, int]:
    """Return the top page of each table, as far as the schema tells; 0, which is no page, stands for none."""
    roots = {}
    for record in pages.records(1):
        match record:
            case (_, ["table", str(name), _, int(root), _]):
                roots[name] = root
    return roots
