"""Changes of files: planned first, then made one by one, each of them whole."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.writing import put, settle


@dataclass(frozen=True, slots=True)
class Change:
    """A file that gets a content, one that is made only when it is its turn, or None: it is removed.

    `note` is what to say of it instead of showing it. `stale` when what is there is known not to do.
    """

    path: Path
    content: bytes | Callable[[], bytes] | None
    mode: int = 0o644
    note: str = ""
    stale: bool = False

    @property
    def needed(self) -> bool:
        """Whether the file is not so already."""
        try:
            found = self.path.stat()
        except OSError:
            return self.content is not None
        if callable(self.content) or self.content is None:
            return self.content is None or self.stale
        return stat.S_IMODE(found.st_mode) != self.mode or self.path.read_bytes() != self.content

    @property
    def before(self) -> str | None:
        """The text that is there now."""
        try:
            return self.path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None

    @property
    def after(self) -> str:
        """The text that will be there, where it may be shown."""
        return (
            self.content.decode("utf-8", "replace")
            if isinstance(self.content, bytes) and not self.note
            else ""
        )

    def make(self) -> None:
        """Make it so.

        Raises:
            OSError: it cannot be written; the file before stands.
        """
        if self.content is None:
            self.path.unlink(missing_ok=True)
            settle(self.path.parent)
            return
        folder = self.path.parent
        if not folder.is_dir():
            private = self.mode & 0o077 == 0
            folder.mkdir(mode=0o700 if private else 0o755, parents=True, exist_ok=True)
            settle(folder.parent)
        put(self.path, self.content() if callable(self.content) else self.content, self.mode)


def make(changes: Iterable[Change]) -> Iterator[Change]:
    """Each change after it was made.

    Raises:
        OSError: one cannot be written; those before it stand.
    """
    for change in changes:
        change.make()
        yield change
