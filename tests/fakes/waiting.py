"""Await a condition with a deadline, instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
TIMEOUT_S = 10.0
POLL_S = 0.005


def wait_until(condition: Callable[[], T], timeout_s: float = TIMEOUT_S) -> T:
    """The condition's first true value; raises TimeoutError with its last false one at the deadline."""
    deadline_s = time.monotonic() + timeout_s
    while not (value := condition()):
        _raise_after(deadline_s, condition, value, timeout_s)
        time.sleep(POLL_S)
    return value


async def wait_until_async(condition: Callable[[], T], timeout_s: float = TIMEOUT_S) -> T:
    """`wait_until` that lets the event loop run."""
    deadline_s = time.monotonic() + timeout_s
    while not (value := condition()):
        _raise_after(deadline_s, condition, value, timeout_s)
        await asyncio.sleep(POLL_S)
    return value


def _raise_after(deadline_s: float, condition: Callable[[], object], value: object, timeout_s: float) -> None:
    if time.monotonic() > deadline_s:
        name = getattr(condition, "__qualname__", repr(condition))
        raise TimeoutError(f"{name} was still {value!r} after {timeout_s} s")
