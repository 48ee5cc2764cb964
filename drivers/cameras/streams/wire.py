"""What a process and its decoders tell each other: one JSON object a packet of a SEQPACKET socket.

Orders (all with `job`):

- `{"order": "grab", "url", "until", "timeout_s"}`: one picture, then `ended`
- `{"order": "hold", "url", "until", "timeout_s"}`: stay connected; `opened`, or a trouble and `ended`
- `{"order": "take", "ask", "until"}`: the newest key frame that was not given yet
- `{"order": "close"}`: hang up, then `ended`

Answers: `{"hello": pid}` once; `{"seen": 1}` to every order at once; `{"job", "opened"}`; `{"job", "ask",
"picture": {"codec", "width", "height", "fps", "damaged", "at"}}` with a descriptor of memory that holds
height x width x 3 bytes, blue first; `{"job", "ask", "trouble", "code"}`; `{"job", "ended"}`. `until` and
`at` are seconds of CLOCK_MONOTONIC, which all processes share. `ask` 0 stands for the job itself.
"""

from __future__ import annotations

import json
import socket
from enum import StrEnum
from typing import Any

Message = dict[str, Any]

MOST_BYTES = 16 * 1024
"""Of one packet."""


class Trouble(StrEnum):
    """Why there is no picture."""

    TIMEOUT = "timeout"
    """No connection, or silence."""

    NO_KEY_FRAME = "no_key_frame"
    """Packets came, and no key frame among them in time."""

    CLOSED = "closed"
    """Refused, unreachable, or hung up; `code` is the errno, 0 if there is none."""

    REFUSED = "refused"
    """`code` is the RTSP status."""

    UNDECODABLE = "undecodable"
    """No RTSP, no video, or no key frame that can be decoded."""


def send(link: socket.socket, message: Message, memory: int | None = None) -> None:
    """Hand over a message, and with it the descriptor of a picture.

    Raises:
        OSError: the other side is gone, or does not read and `link` must not wait.
    """
    data = json.dumps(message).encode()
    if memory is None:
        link.send(data)
    else:
        socket.send_fds(link, [data], [memory])


def receive(link: socket.socket) -> tuple[Message, list[int]] | None:
    """The next message and the descriptors with it, now the caller's; None when the other side left.

    Raises:
        OSError: there is none yet and `link` must not wait.
    """
    data, memories, _, _ = socket.recv_fds(link, MOST_BYTES, 1)
    return (json.loads(data), memories) if data else None
