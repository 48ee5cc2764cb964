"""Starts that came to nothing: a daemon that ends again and again as soon as it began rests between tries.

systemd starts it 5 s after each end and never gives up, which is right for a station that nobody is at, and
costs the processor and the log when every try fails. The count lies in the unit's runtime directory: it
outlives a restart and goes with a stop or a reboot, it wears no disk. Run by hand, nothing is counted.
From systemd 254 on RestartSteps= does as much, without a reason in the status line; Debian 12 has 252.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.logs import line
from agent.notify import Notifier

log = logging.getLogger("polegate")

STEADY_S = 30.0
"""A start that has lasted this long has come to something."""

RESTS_S = 0, 0, 0, 15, 30, 60, 120, 300
"""By how many starts in a row came to nothing; then the last of them."""

START_S = 120
"""What systemd gives a start (TimeoutStartSec=), from the end of the rest."""

ENDS = {signal.SIGTERM, signal.SIGINT}


@dataclass(slots=True)
class Starts:
    """The starts before this one that came to nothing: how many in a row, and what the last one died of."""

    file: Path | None
    count: int = 0
    why: str = ""

    @classmethod
    def of_unit(cls, environment: Mapping[str, str] = os.environ) -> Starts:
        """What the runs before left behind; a file that cannot be read counts for nothing."""
        if "RUNTIME_DIRECTORY" not in environment:
            return cls(None)
        file = Path(environment["RUNTIME_DIRECTORY"], "starts")
        try:
            count, _, why = file.read_text(encoding="utf-8").partition(" ")
            return cls(file, int(count), why)
        except (OSError, ValueError):
            return cls(file)

    @property
    def rest_s(self) -> int:
        """How long to wait before the next try."""
        return RESTS_S[min(self.count, len(RESTS_S) - 1)]

    def rest(self, notifier: Notifier) -> bool:
        """Wait as long as the starts before ask for; False when told to end meanwhile, which forgets them."""
        if not self.rest_s:
            return True
        said = f"the last {self.count} starts came to nothing{self.why and ': '}{self.why}"
        log.warning(line("resting", seconds=self.rest_s, message=said))
        notifier.resting(
            f"resting {self.rest_s} s, {said}. At once: sudo systemctl restart polegate",
            self.rest_s + START_S,
        )
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
        told = signal.sigtimedwait(ENDS, self.rest_s)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if told:
            self.forget()
        return told is None

    def begin(self) -> None:
        """Count this start as one that came to nothing, until something else is known of it."""
        self._write(self.count + 1, "")

    def failed(self, why: str) -> None:
        """What this start died of."""
        if self.file and self.file.exists():
            self._write(self.count + 1, why)

    def forget(self) -> None:
        """This start has come to something, or was ended on purpose."""
        if self.file:
            with suppress(OSError):
                self.file.unlink(missing_ok=True)

    def _write(self, count: int, why: str) -> None:
        """Where the runtime directory takes nothing, starts are not counted and there is no rest."""
        if self.file:
            with suppress(OSError):
                self.file.write_text(f"{count} {' '.join(why.split())}", encoding="utf-8")
