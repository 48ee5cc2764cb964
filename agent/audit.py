"""The log of what was asked over the control socket, by whom, and what became of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from agent.logs import line
from agent.rights import Peer

log = logging.getLogger("polegate")

SELDOM_S = 60.0
"""At most one line in this time about refusals: who may not do a thing must not fill the log either."""

LONGEST = 300


class Audit:
    """One line for each verb that changes something. Clients' words are cut, and never break a line.

    `uid`, `user` and `pid` are the kernel's word; `by` is what the client says.
    """

    def __init__(
        self, tell: Callable[[str], object] = log.info, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._now_s = now_s
        self._quiet_until_s = 0.0
        self._untold = 0

    def carried_out(self, peer: Peer, request: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """What a member asked for; `answer` says whether it was done."""
        self._write(peer, request, "done" if answer.get("ok") else "refused", answer.get("error"))

    def kept_out(self, peer: Peer, request: Mapping[str, Any]) -> None:
        """What somebody asked for who may not."""
        if self._now_s() < self._quiet_until_s:
            self._untold += 1
            return
        more = f"and {self._untold} before it that are not told" if self._untold else None
        self._quiet_until_s, self._untold = self._now_s() + SELDOM_S, 0
        self._write(peer, request, "forbidden", more)

    def _write(self, peer: Peer, request: Mapping[str, Any], outcome: str, message: object) -> None:
        who = {"uid": peer.uid, "user": peer.user, "pid": peer.pid, "by": _cut(request.get("by"))}
        what = {"about": _cut(_about(request) or None), "why": _cut(request.get("reason") or None)}
        verb = _cut(request["verb"])
        self._tell(line("command", verb=verb, **who, **what, outcome=outcome, message=_cut(message)))


def _about(request: Mapping[str, Any]) -> str:
    """All else that was asked: names as they are, the rest with its key."""
    rest = (
        (key, value) for key, value in request.items() if key not in ("verb", "by", "reason") and value != ""
    )
    return " ".join(value if isinstance(value, str) else f"{key}={value}" for key, value in rest)


def _cut(said: object) -> str | None:
    return None if said is None else str(said)[:LONGEST]
