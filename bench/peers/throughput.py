"""What a gateway delivers over a stretch of time, and what it costs: the same accounting for every peer."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.peers.process_tree import usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """`offered` and `delivered` count values in the window; CPU and memory are the process tree's."""

    seconds: float
    offered: int
    delivered: int
    cpu_s: float
    rss_mib: float
    peak_rss_mib: float

    @property
    def delivered_per_s(self) -> float:
        return self.delivered / self.seconds

    @property
    def kept_up(self) -> float:
        """Share of the offered values that were delivered; a little over 1 when the window ends on a poll."""
        return self.delivered / self.offered

    @property
    def cpu_us_per_value(self) -> float:
        return self.cpu_s * 1e6 / self.delivered if self.delivered else float("inf")

    @property
    def cores(self) -> float:
        """Processor cores kept busy; near the number it was given, the gateway itself was the limit."""
        return self.cpu_s / self.seconds

    def figures(self) -> dict[str, float]:
        """Every figure by name, rounded for a person."""
        return {
            "seconds": round(self.seconds, 1),
            "offered_per_s": round(self.offered / self.seconds),
            "delivered_per_s": round(self.delivered_per_s),
            "kept_up": round(self.kept_up, 4),
            "cpu_us_per_value": round(self.cpu_us_per_value, 1),
            "cores": round(self.cores, 3),
            "rss_mib": round(self.rss_mib, 1),
            "peak_rss_mib": round(self.peak_rss_mib, 1),
        }


async def measure_throughput(
    *, pid: int, delivered: Callable[[], int], offered_per_s: float, seconds: float
) -> Throughput:
    """Watches the process tree under `pid` for `seconds`; `delivered()` is the count of values so far.

    Raises `ProcessLookupError` if the process ends meanwhile.
    """
    before, began, count = usage(pid), time.monotonic(), delivered()
    await asyncio.sleep(seconds)
    after, ended = usage(pid), time.monotonic()
    return Throughput(
        seconds=ended - began,
        offered=round(offered_per_s * (ended - began)),
        delivered=delivered() - count,
        cpu_s=after.cpu_s - before.cpu_s,
        rss_mib=after.rss_mib,
        peak_rss_mib=after.peak_rss_mib,
    )
