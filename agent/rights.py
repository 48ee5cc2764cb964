"""Who may do what over the control socket, by what the kernel says of the process at its other end."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

READ = frozenset({"status", "outbox", "events", "learned", "tail", "buses"})
"""The verbs that change nothing. All others, and each new one until it is named here, are for members."""

NOBODY = 65_534
"""Stands for every user and group that is not known in the daemon's user namespace, user_namespaces(7)."""

_SO_PEERGROUPS = 59  # asm-generic/socket.h; Python has no name for it
_CREDENTIALS = struct.Struct("iII")  # struct ucred
_MOST_BYTES = 1024  # Python reads no longer option: 256 groups


class Asked(Protocol):
    """What asyncio and uvloop give for a connection's socket."""

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes: ...


class Peer(NamedTuple):
    """The process at the other end as it was when it connected; it cannot claim to be another."""

    pid: int
    uid: int
    gids: frozenset[int]

    @property
    def user(self) -> str | None:
        """Name of its user; None where the kernel hides the user from this namespace, or nobody knows it."""
        if self.uid == NOBODY:
            return None
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return None


def peer_of(link: Asked) -> Peer:
    """Whose connection it is.

    Who is in more groups than can be read (256) is taken to be in the primary one only.
    """
    pid, uid, gid = _CREDENTIALS.unpack(
        link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    try:
        packed = link.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MOST_BYTES)
    except OSError:
        packed = b""
    return Peer(pid, uid, frozenset({gid, *struct.unpack(f"{len(packed) // 4}I", packed)}))


@dataclass(frozen=True, slots=True)
class Rights:
    """Everybody reads; root, the daemon's user and the members of its group also change things."""

    uid: int
    gid: int

    @classmethod
    def own(cls) -> Rights:
        """Those of this process."""
        return cls(os.geteuid(), os.getegid())

    @property
    def group(self) -> str:
        """The group's name, or its number where it has none."""
        try:
            return grp.getgrgid(self.gid).gr_name
        except KeyError:
            return str(self.gid)

    def member(self, peer: Peer) -> bool:
        """Whether all verbs are open to it."""
        return peer.uid in {0, self.uid} - {NOBODY} or self.gid in peer.gids - {NOBODY}

    def refusal(self, verb: str) -> str:
        """What to tell who is no member; nobody is made a member of root's own group."""
        if self.gid == 0:
            return f"{verb}: only root may do this, as the daemon runs in root's group; use sudo"
        return (
            f"{verb}: only root and members of the group {self.group} may do this; use sudo, or be added "
            f"to it (sudo usermod -aG {self.group} USER) and log in again"
        )


def changes(verb: str) -> bool:
    """Whether it is more than a question."""
    return verb not in READ


def reserved(verb: str, request: Mapping[str, Any]) -> bool:
    """Whether it is for members: what changes something, and stored messages, which hold small pictures."""
    return changes(verb) or (verb == "outbox" and request.get("peek", 0) != 0)
