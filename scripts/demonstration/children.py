"""Child processes that the terminal's Ctrl-C does not reach: they are ended in order."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def out_of_ctrl_c() -> Iterator[None]:
    """Children started inside never see SIGINT: a blocked signal stays blocked over fork and exec."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
