"""A gateway: the real daemon as a child process, asked over its control socket."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from fakes.children import end, spawn

from buffer.envelope import Priority
from buffer.retention import Depth
from buffer.view import inspect
from scripts.demonstration.children import out_of_ctrl_c
from scripts.demonstration.errors import DemonstrationFailed
from scripts.demonstration.ledger import Ledger, Run, Told
from scripts.demonstration.stations import Place

LOOK_EVERY_S = 0.5
START_S = 20.0
STOP_S = 15.0
LAST_LINES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Farewell:
    """What a daemon says and leaves at the end: samples by device in its last boot, exit code, outbox.

    `left` counts readings and fault messages still on disk, `given_up` messages lost ever by reason.
    """

    gateway: str
    epoch: str
    samples: Mapping[str, int]
    exit_code: int
    left: int
    given_up: Mapping[str, int]


class Gateway:
    """Its configuration in a folder, its daemon, and what the daemon says of itself."""

    def __init__(self, place: Place, devices: str, ledger: Ledger) -> None:
        self.place = place
        self.name = place.gateway
        self.status: dict[str, Any] = {}
        """The last answer to the status verb, empty before the first and while there is no daemon."""
        self._ledger = ledger
        self._epoch = ""
        self._counted: dict[str, Any] = {}
        self._wanted = False
        self._process: subprocess.Popen[bytes] | None = None
        place.folder.mkdir()
        self._log = place.folder / "daemon.log"
        self.configure(devices)

    def configure(self, devices: str) -> None:
        """Write the configuration; the daemon reads it at its start and on `reload`."""
        self.place.config.write_text(self.place.configuration(devices), encoding="utf-8")

    async def start(self) -> None:
        """Run the daemon, until it answers.

        Raises:
            DemonstrationFailed: it did not come up; the message ends with its log.
        """
        polegate = Path(sys.executable).with_name("polegate")
        with self._log.open("ab") as log, out_of_ctrl_c():
            self._process = spawn([str(polegate), "--config", str(self.place.config), "run"], output=log)
        self._wanted = True
        try:
            async with asyncio.timeout(START_S):
                while not self.status:
                    await asyncio.sleep(0.02)
                    self._check()
        except TimeoutError:
            raise self._failure(f"the daemon did not answer within {START_S:g} s") from None
        if not self.status["clock"]["trusted"]:
            raise self._failure("the daemon does not believe this machine's clock; set it right (date)")

    def kill(self) -> None:
        """SIGKILL: no goodbye. The ledger is told from when on its last words may be missing."""
        if self._process:
            self._wanted = False
            self._process.kill()
            self._process.wait()
            self._ledger.killed(self._epoch, time.time_ns() // 1_000_000)
            self.status = {}

    async def stop(self) -> int:
        """SIGTERM, or SIGKILL when that is not enough; returns the exit code."""
        self._wanted = False
        if self._process is None:
            return 0
        await asyncio.to_thread(end, self._process, grace_s=STOP_S)
        self.status = {}
        return self._process.returncode

    async def take_gauges_out(self) -> None:
        """Remember what the daemon has counted, then make it read a configuration without devices."""
        if not self._wanted:
            await self.start()
        self._counted = await self.ask("status")
        self.configure("")
        await self.ask("reload")

    async def leave(self) -> Farewell:
        """Stop it, and look into what it leaves on disk."""
        exit_code = await self.stop()
        with inspect(self.place.outbox) as outbox:
            stats = outbox.stats()
        return Farewell(
            gateway=self.name,
            epoch=self._counted["epoch"],
            samples={device["device"]: device["samples"] for device in self._counted["devices"]},
            exit_code=exit_code,
            left=stats.stored.items + stats.by_priority.get(Priority.EVENT, Depth()).batches,
            given_up={str(loss.reason): loss.lost.batches for loss in stats.losses},
        )

    @property
    def waiting(self) -> int:
        """Readings that wait on its disk."""
        return int(self.status["outbox"]["items"]) if self.status else 0

    @property
    def idle(self) -> bool:
        """Whether it has a connection and the broker has acknowledged all it has sent."""
        return self.connected and self.status["uplink"]["published"] == self.status["uplink"]["acknowledged"]

    @property
    def connected(self) -> bool:
        """Whether it has a connection to the broker."""
        return bool(self.status) and self.status["uplink"]["state"] == "connected"

    async def ask(self, verb: str) -> dict[str, Any]:
        """One answer of the daemon; OSError when there is none."""
        async with self._talk(verb) as lines:
            answer: dict[str, Any] = json.loads(await lines.readline() or b"{}")
        if not answer.get("ok"):
            raise ConnectionError(f"{self.name}: {verb}: {answer.get('error', 'it hung up')}")
        return answer

    async def watch(self) -> NoReturn:
        """Keep `status` up to date, for ever.

        Raises:
            DemonstrationFailed: the daemon has ended by itself.
        """
        while True:
            self._check()
            self.status = await self._look()
            await asyncio.sleep(LOOK_EVERY_S if self.status else 0.02)

    async def _look(self) -> dict[str, Any]:
        """The status of the daemon that runs now; a killed one may have had the time to answer."""
        try:
            status = await self.ask("status")
        except OSError:
            return {}
        ours = self._wanted and self._process is not None and status["pid"] == self._process.pid
        return status if ours else {}

    async def listen(self) -> NoReturn:
        """Enter every sample the daemon reads in the ledger, through all its boots, for ever."""
        while True:
            try:
                if self._wanted:
                    await self._tail()
            except OSError:
                pass
            await asyncio.sleep(0.02)

    async def _tail(self) -> None:
        self._epoch = epoch = (await self.ask("status"))["epoch"]
        async with self._talk("tail") as lines:
            await lines.readline()  # the channels' units
            async for line in lines:
                if not line.endswith(b"\n"):  # cut short by a kill
                    return
                item = json.loads(line)
                values = tuple((channel, value, quality) for channel, value, quality, _ in item["readings"])
                run = Run(self.name, epoch, item["device"])
                self._ledger.read(run, item["seq"], Told(item["at_ms"], values))

    @asynccontextmanager
    async def _talk(self, verb: str) -> AsyncIterator[asyncio.StreamReader]:
        reader, writer = await asyncio.open_unix_connection(self.place.socket, limit=2**20)
        try:
            writer.write(json.dumps({"verb": verb}).encode() + b"\n")
            yield reader
        finally:
            writer.close()

    def _check(self) -> None:
        if self._wanted and self._process and self._process.poll() is not None:
            raise self._failure(f"the daemon ended by itself with exit code {self._process.returncode}")

    def _failure(self, what: str) -> DemonstrationFailed:
        said = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        return DemonstrationFailed("\n".join([f"{self.name}: {what}. Its last words:", *said]))
