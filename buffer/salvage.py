"""Which rows of a damaged store can still be had."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from buffer.pages import Pages
from buffer.rows import Row, intact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(slots=True)
class Wreck:
    """A damaged store: iterate once over its rows, then read what else was seen.

    First come the rows that the tree of pages leads to, in order of id. If the tree is broken anywhere, all
    other leaf pages that are not free follow; what was deleted lately may come back with them. A row counts
    only if its checksum matches: the others are `damaged_rows`. `lost_pages` are those the tree names that
    are unreadable; nothing is known of the rows below them but what the loose leaf pages gave.
    """

    database: Path
    damaged_rows: int = 0
    lost_pages: int = 0

    def __iter__(self) -> Iterator[Row]:
        with ExitStack() as files:
            pages = Pages(self.database, files)
            seen: set[int] = set()
            for number in self._tree(pages, seen):
                yield from self._rows(pages, number)
            if self.lost_pages:
                for number in sorted(pages.numbers() - seen - pages.free() - {1}):
                    if pages.is_leaf(number):
                        yield from self._rows(pages, number)

    def _tree(self, pages: Pages, seen: set[int]) -> Iterator[int]:
        """Yield the leaf pages of the table in order, noting every page that was reached."""
        waiting = [_root(pages)]
        while waiting:
            number = waiting.pop()
            children = None if number in seen else pages.children(number)
            seen.add(number)
            if children is None:
                self.lost_pages += 1
            elif children:
                waiting += reversed(children)
            else:
                yield number

    def _rows(self, pages: Pages, number: int) -> Iterator[Row]:
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


def _root(pages: Pages) -> int:
    """Return the top page of table `envelope`, 0 (no page) if the schema does not tell."""
    for record in pages.records(1):
        match record:
            case (_, ["table", "envelope", _, int(root), _]):
                return root
    return 0
