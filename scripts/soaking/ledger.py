"""What has arrived at the platform, checked as a consumer would: samples, pictures, faults."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fakes.station import messages, sequences

if TYPE_CHECKING:
    from fakes.platform import Message, Platform

KINDS = ("camera_failing", "picture_faulty", "camera_tampered")


@dataclass(frozen=True, slots=True)
class Told:
    """A message about a fault."""

    arrived_s: float
    id: str
    kind: str
    subject: str
    state: str
    reason: str


@dataclass(slots=True)
class Ledger:
    """Fed by `read`, as often as one likes."""

    platform: Platform
    told: list[Told] = field(default_factory=list)
    announced: dict[str, int] = field(default_factory=dict)
    """Bytes of each picture."""
    lost: Counter[str] = field(default_factory=Counter)
    whole: set[str] = field(default_factory=set)
    manifests: int = 0
    records: int = 0
    _gone: set[str] = field(default_factory=set)
    _pieces: dict[str, dict[int, bytes]] = field(default_factory=lambda: defaultdict(dict))
    _read: int = 0

    def read(self) -> None:
        """What is new."""
        new = self.platform.messages[self._read :]
        self._read += len(new)
        for message in new:
            self._take(message)

    def since(self, subject: str, at_s: float) -> list[Told]:
        """What was told of a camera since a time of day."""
        return [told for told in self.told if told.subject == subject and told.arrived_s >= at_s]

    def open(self) -> dict[str, Told]:
        """The faults of cameras that have not closed."""
        last = {told.id: told for told in self.told if told.kind in KINDS}
        return {key: told for key, told in last.items() if told.state != "closed"}

    def pending(self) -> set[str]:
        """Pictures that were announced, and are neither whole nor lost."""
        return self.announced.keys() - self.whole - self._gone

    def samples(self) -> dict[str, int]:
        """How many of each device arrived.

        Raises:
            AssertionError: one is missing, or came twice with different numbers.
        """
        readings = [message.payload for message in self.platform.on("polegate/1/+/+/readings")]
        counts = {}
        for (boot, device), numbers in sequences(messages(readings)).items():
            expected = list(range(1, len(numbers) + 1))
            if numbers != expected:
                missing = sorted(set(range(1, max(numbers) + 1)) - set(numbers))
                raise AssertionError(f"{device} in {boot}: missing {missing[:20]} of {max(numbers)}")
            counts[device] = len(numbers)
        return counts

    def _take(self, message: Message) -> None:
        leaf = message.topic.split("/")[4:]
        if leaf[0] == "frames" and len(leaf) == 3:
            self._piece(leaf[1], int(leaf[2]), message.payload)
        elif leaf == ["frames"]:
            self._manifest(json.loads(message.payload))
        elif leaf == ["faults"]:
            self._fault(json.loads(message.payload), message.arrived_ms / 1000)
        elif leaf == ["picture_quality"]:
            self.records += 1

    def _fault(self, body: dict[str, Any], at_s: float) -> None:
        reason = body.get("reason", "")
        self.told.append(Told(at_s, body["id"], body["kind"], body["subject"], body["state"], reason))

    def _manifest(self, body: dict[str, Any]) -> None:
        self.manifests += 1
        if body["state"] == "lost":
            if body["id"] not in self._gone:
                self.lost[body["reason"]] += 1
            self._gone.add(body["id"])
            return
        self.announced[body["id"]] = body["bytes"]
        self._gone.discard(body["id"])
        self._assemble(body["id"])

    def _piece(self, picture: str, offset: int, content: bytes) -> None:
        if picture not in self.whole:
            self._pieces[picture][offset] = content
            self._assemble(picture)

    def _assemble(self, picture: str) -> None:
        size, pieces = self.announced.get(picture), self._pieces.get(picture, {})
        if size is None or sum(map(len, pieces.values())) < size:
            return
        content = b"".join(pieces[offset] for offset in sorted(pieces))
        if hashlib.sha256(content).hexdigest() == picture:
            self.whole.add(picture)
            del self._pieces[picture]
