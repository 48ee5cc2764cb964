"""The vision worker: a child process of the daemon, alive as long as its link."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from contextlib import suppress

import click
import cv2

from agent import logs
from agent.vision.link import Link
from agent.vision.worker import Worker

_PR_SET_PDEATHSIG = 1  # prctl(2)
NICENESS = 5
"""Gauges go first where a core has to be shared."""


@click.command()
@click.option("--link", type=int, required=True, help="Descriptor of the socket to the daemon.")
def main(link: int) -> None:
    """Watch the cameras of a station; started by polegate itself."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    with suppress(PermissionError):  # the unit may forbid it
        os.nice(NICENESS)
    cv2.setNumThreads(1)  # one picture is seldom worth a second core, which the decoders need
    logs.configure(verbose=False)
    asyncio.run(_serve(link))


async def _serve(descriptor: int) -> None:
    link = await Link.open(descriptor)
    try:
        await Worker(link).run()
    finally:
        await link.close()


if __name__ == "__main__":
    main()
