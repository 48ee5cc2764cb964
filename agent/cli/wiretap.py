"""A link that notes what passes over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from drivers.links import Link


@dataclass(slots=True)
class Heard:
    """Bytes in one direction, up to the next turn."""

    direction: Literal["sent", "received"]
    data: bytes


class Wiretap(Link):
    """Wraps an open link; `heard` is the talk so far, in turns."""

    def __init__(self, link: Link) -> None:
        super().__init__(link.endpoint)
        self.echoes = link.echoes
        self.heard: list[Heard] = []
        self._link = link

    @property
    def lost(self) -> bool:
        """Whether the other end hung up or the port went away."""
        return self._link.lost

    async def send(self, data: bytes, *, silence_s: float = 0.0) -> None:
        """See Link.send."""
        await self._link.send(data, silence_s=silence_s)
        self.heard.append(Heard("sent", data))

    async def receive(self, timeout_s: float) -> bytes:
        """See Link.receive."""
        data = await self._link.receive(timeout_s)
        if self.heard and self.heard[-1].direction == "received":
            self.heard[-1].data += data
        else:
            self.heard.append(Heard("received", data))
        return data

    def close(self) -> None:
        """See Link.close."""
        self._link.close()
