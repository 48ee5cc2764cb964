"""Small files of the kernel and the system, below a root that a test can replace."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Files:
    """Paths are the gateway's own, absolute; they are looked for below `root`."""

    root: Path = Path("/")
    statvfs: Callable[[Path], os.statvfs_result] = os.statvfs

    def at(self, path: Path | str) -> Path:
        """Where an absolute path of the gateway lies."""
        return self.root / str(path).lstrip("/")

    def read(self, path: Path | str) -> str:
        """The text of a small file, stripped; "" where there is none or it cannot be read."""
        try:
            return self.at(path).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""

    def number(self, path: Path | str) -> int | None:
        """The whole number in a file."""
        try:
            return int(self.read(path))
        except ValueError:
            return None

    def folders(self, pattern: str) -> list[Path]:
        """What `pattern` matches, as paths of the gateway, sorted."""
        return [Path("/", found.relative_to(self.root)) for found in sorted(self.root.glob(pattern))]
