"""The daemon's side: what came of a configuration that is being checked."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
from contextlib import suppress
from pathlib import Path

from agent.checking.beginning import Child, begin
from agent.errors import ConfigError, LeftUnchecked, Unchecked
from agent.loaded import Loaded
from firmware_profiles.problems import Problem

WITHIN_S = 45.0
"""More than the slowest gateway needs, less than `polegate reload` waits for its answer."""

GONE_WITHIN_S = 2.0
"""How long a process that was ended by force is waited for; one that waits for a dead disk goes later."""

_PART_BYTES = 1 << 16
_NO_ANSWER = pickle.UnpicklingError, AttributeError, EOFError, ImportError, IndexError  # as pickle documents
_ANOTHER = "another release of polegate is installed than the one that runs; sudo systemctl restart polegate"


def _release() -> tuple[int, float]:
    """Tells what is installed from what was there when we began: a child of another is not understood."""
    found = Path(__file__).stat()
    return found.st_ino, found.st_mtime


_OURS = _release()


async def read_again(path: Path, stop: asyncio.Event) -> Loaded | None:
    """The configuration as it is now; None when told to stop meanwhile.

    Raises:
        ConfigError: it does not hold, or cannot be checked.
    """
    try:
        return await outcome(_begin_again(path), stop)
    except (Unchecked, OSError) as error:
        raise LeftUnchecked([Problem(str(path), "", hint=f"cannot be checked: {error}")]) from None


def _begin_again(path: Path) -> Child:
    if _release() != _OURS:
        raise Unchecked(_ANOTHER)
    return begin(path)


async def outcome(child: Child, stop: asyncio.Event) -> Loaded | None:
    """What came of the check that has begun; None when told to stop meanwhile. The child is ended with it.

    Raises:
        ConfigError: the configuration does not hold.
        Unchecked: the child was ended, failed or took too long, whatever the configuration is.
    """
    answered, stopped = asyncio.create_task(_answer(child)), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((answered, stopped), timeout=WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            return None
        if not answered.done():
            raise Unchecked(f"it takes longer than {WITHIN_S:g} s; is one of its files no file?")
        return _meant(answered.result(), child.code)
    finally:
        answered.cancel()
        stopped.cancel()
        await asyncio.gather(answered, stopped, return_exceptions=True)
        child.end()
        await _gone(child)


async def _answer(child: Child) -> bytes:
    """All it said, once it has gone."""
    said = await _read(child.answer)
    await _gone(child)
    return said


async def _read(link: int) -> bytes:
    """To the end. By hand, as uvloop closes a pipe twice: the second time it may be another file."""
    loop, said, over = asyncio.get_running_loop(), bytearray(), asyncio.Event()

    def hear() -> None:
        said.extend(part := os.read(link, _PART_BYTES))
        if not part:
            over.set()

    os.set_blocking(link, False)
    loop.add_reader(link, hear)
    try:
        await over.wait()
    finally:
        loop.remove_reader(link)
    return bytes(said)


def _meant(answer: bytes, code: int | None) -> Loaded:
    if code:
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"failed with code {code}"
        raise Unchecked(f"the process that checks it {how}; the log may say more")
    try:
        found = pickle.loads(answer)  # noqa: S301  our own child's, of this very release
    except _NO_ANSWER:
        raise Unchecked("the process that checks it gave no answer") from None
    if isinstance(found, Loaded):
        return found
    raise ConfigError(found)


async def _gone(child: Child) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(GONE_WITHIN_S):
            while not child.has_ended():
                await asyncio.sleep(0.002)
