"""What every camera's task shares with the others, and the settings that the daemon sends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from agent.camera.config import Camera
from agent.clock import Clock
from agent.judge.config import offset_min
from agent.vision.link import Link
from buffer.contents import write
from drivers.cameras.streams.decoders import Decoders
from firmware_profiles.declared import Strict
from pipelines.state import State, decode, encode

P = ParamSpec("P")
T = TypeVar("T")
MINUTE_MS = 60_000
DAY_MIN = 24 * 60


class Serve(Strict):
    """What the worker is to do; the first line on its link."""

    do: str
    site: str
    gateway: str
    utc_offset: str
    clock: str
    """What the daemon's clock is trusted by: ntp, or system."""
    pictures: Path
    quality_every_s: float
    battery: bool
    cameras: dict[str, Camera]


@dataclass(slots=True)
class Tools:
    """The link to the daemon, the decoders, the clock, the station's settings."""

    link: Link
    decoders: Decoders
    serve: Serve
    clock: Clock
    executor: ThreadPoolExecutor
    """Of few threads: each works on a picture of 6 MB and a few copies."""
    on_battery: bool = False
    now: Callable[[], int] = field(init=False)
    """Ms UTC."""

    def __post_init__(self) -> None:
        self.on_battery = self.serve.battery
        self.now = lambda: self.clock.now()[0]

    async def work(self, call: Callable[P, T], *arguments: P.args, **_: P.kwargs) -> T:
        """The result of a call that takes CPU, made in a thread in its turn."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, partial(call, *arguments))

    def minute_of_day(self, at_ms: int) -> int:
        """The station's own time of day."""
        return (at_ms // MINUTE_MS + offset_min(self.serve.utc_offset)) % DAY_MIN

    def remembered(self, camera: str) -> State | None:
        """What was kept of this camera, None if there is nothing that can be read."""
        try:
            return decode(self._file(camera).read_bytes())
        except (OSError, ValueError):
            return None

    def remember(self, camera: str, state: State) -> None:
        """Keep it for the next start. A disk that refuses costs what was learned since, and nothing else."""
        file = self._file(camera)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write(file, encode(state), durable=False)
        except OSError:
            return

    def _file(self, camera: str) -> Path:
        return self.serve.pictures / "learned" / f"{os.path.basename(camera)}.state"  # noqa: PTH119
