"""How far the reading of files is, on standard error and on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def progress() -> Iterator[Callable[[Path, float], None]]:
    """Call it with the file and how much of it is read, 0 to 1."""
    if not sys.stderr.isatty():
        yield lambda _file, _share: None
        return
    from rich.console import Console
    from rich.progress import Progress, TaskID

    tasks: dict[Path, TaskID] = {}
    with Progress(console=Console(stderr=True), transient=True) as bars:

        def tell(file: Path, share: float) -> None:
            if file not in tasks:
                tasks[file] = bars.add_task(file.name, total=1.0)
            bars.update(tasks[file], completed=share)

        yield tell
