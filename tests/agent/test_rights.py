"""Who may do what over the control socket: the judgement, and real processes of other users."""

from __future__ import annotations

import asyncio
import contextlib
import grp
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.children import end

from agent.control import GUEST_PAUSE_S, MOST_GUESTS, Control
from agent.rights import NOBODY, READ, Peer, Rights, changes, peer_of, reserved

DAEMON, GROUP, STRANGER = 61_990, 61_991, 61_001
ROOT = os.geteuid() == 0
TESTS = Path(__file__).parents[1]

CALLER = """
import os, socket, sys
path, uid, gid, *groups = sys.argv[1:]
if os.geteuid() == 0:
    os.setgroups([int(each) for each in groups])
    os.setresgid(int(gid), int(gid), int(gid))
    os.setresuid(int(uid), int(uid), int(uid))
with socket.socket(socket.AF_UNIX) as link:
    link.connect(path)
    with link.makefile("rwb") as lines:
        for request in sys.stdin.buffer:
            lines.write(request)
            lines.flush()
            sys.stdout.buffer.write(lines.readline())
"""

SERVER = """
import asyncio, ctypes, os, sys
from pathlib import Path
from agent.control import Control

path, uid, gid = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
if ctypes.CDLL(None, use_errno=True).unshare(0x10000000):  # CLONE_NEWUSER
    raise OSError(ctypes.get_errno(), "unshare")
print("apart", flush=True)
sys.stdin.readline()

async def echo(request):
    return {"uid": os.geteuid()}

async def main():
    async with Control({"status": echo, "reload": echo}, {}).listening(Path(path)):
        print("listening", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""

# Whom the test can be, and whether they may change things: root can be everybody, others are themselves.
PEOPLE: list[tuple[str, tuple[int, ...], bool]] = (
    [
        ("root", (0, 0), True),
        ("the daemon's user", (DAEMON, STRANGER), True),
        ("a member by the primary group", (STRANGER, GROUP), True),
        ("a member by another group", (STRANGER, STRANGER, 4, GROUP), True),
        ("a stranger", (STRANGER, STRANGER, 4), False),
        ("nobody", (NOBODY, NOBODY), False),
        ("root's group alone", (STRANGER, 0), False),
    ]
    if ROOT
    else [("themselves", (os.geteuid(), os.getegid()), True)]
)
RIGHTS = Rights(DAEMON, GROUP) if ROOT else Rights.own()
FOREIGN = Rights(DAEMON, GROUP)
"""Rights of which this process, once it is no root, has none."""


@pytest.fixture
def place() -> Iterator[Path]:
    """A path for a socket that every user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="rights-"))
    folder.chmod(0o755)
    yield folder / "control.sock"
    shutil.rmtree(folder)


def call(path: Path, who: tuple[int, ...], *requests: dict[str, Any]) -> list[dict[str, Any]]:
    """What a process of that user and those groups is answered."""
    said = "".join(json.dumps(request) + "\n" for request in requests)
    argv = [sys.executable, "-c", CALLER, str(path), *map(str, who)]
    done = subprocess.run(argv, input=said, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextlib.contextmanager
def a_stranger() -> Iterator[None]:
    """Meanwhile this process connects as a user without rights, where it is root's; else it is one already."""
    if not ROOT:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(STRANGER)
    os.seteuid(STRANGER)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


async def guest(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    link = socket.socket(socket.AF_UNIX)
    with a_stranger():
        link.connect(str(path))
    return await asyncio.open_unix_connection(sock=link)


async def asked(link: tuple[asyncio.StreamReader, asyncio.StreamWriter], **request: Any) -> dict[str, Any]:
    reader, writer = link
    writer.write(json.dumps(request).encode() + b"\n")
    async with asyncio.timeout(10):
        answer: dict[str, Any] = json.loads(await reader.readline())
    return answer


async def leave(*links: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    for _, writer in links:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def control(rights: Rights, done: list[str] | None = None) -> Control:
    async def verb(request: dict[str, Any]) -> dict[str, Any]:
        if done is not None:
            done.append(request["verb"])
        return {"word": "yes"}

    async def tail(_request: dict[str, Any]) -> Any:
        yield {"number": 1}

    verbs = ("status", "outbox", "events", "learned", "reload", "acknowledge", "accept", "new_verb")
    return Control(dict.fromkeys(verbs, verb), {"tail": tail}, rights=rights)


@pytest.mark.parametrize(
    ("peer", "member"),
    [
        (Peer(1, 0, frozenset({0})), True),
        (Peer(1, 990, frozenset({100})), True),
        (Peer(1, 1000, frozenset({100, 991})), True),
        (Peer(1, 991, frozenset({990})), False),
        (Peer(1, 1000, frozenset({0, 4, 27})), False),
        (Peer(1, NOBODY, frozenset({NOBODY})), False),
        (Peer(1, NOBODY, frozenset({NOBODY, 991})), True),
    ],
)
def test_root_the_daemons_user_and_its_group_are_members(peer: Peer, member: bool) -> None:
    assert Rights(990, 991).member(peer) is member


def test_whoever_is_hidden_is_not_taken_for_a_daemon_that_runs_as_nobody() -> None:
    assert not Rights(NOBODY, NOBODY).member(Peer(1, NOBODY, frozenset({NOBODY})))
    assert Rights(NOBODY, NOBODY).member(Peer(1, 0, frozenset({0})))


def test_what_is_not_named_as_a_question_is_for_members() -> None:
    assert [changes(verb) for verb in sorted(READ)] == [False] * len(READ)
    assert all(
        changes(verb) for verb in ("reload", "accept", "learn", "acknowledge", "shelve", "unshelve", "")
    )


@pytest.mark.parametrize(("peek", "kept"), [(None, False), (0, False), (1, True), ("0", True), ([], True)])
def test_stored_messages_hold_pictures_and_are_for_members(peek: object, kept: bool) -> None:
    request = {"verb": "outbox"} if peek is None else {"verb": "outbox", "peek": peek}
    assert reserved("outbox", request) is kept


def test_a_refusal_names_the_group_and_what_to_do() -> None:
    tty = grp.getgrnam("tty")
    said = Rights(990, tty.gr_gid).refusal("reload")
    assert said.startswith(
        "reload: only root and members of the group tty may do this; use sudo, or be added"
    )
    assert "usermod -aG tty USER" in said
    assert (
        Rights(0, 0)
        .refusal("reload")
        .endswith("only root may do this, as the daemon runs in root's group; use sudo")
    )
    assert "the group 61991 may" in Rights(990, GROUP).refusal("reload")


def test_a_connection_tells_whose_it_is() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        peer = peer_of(ours)
    assert (peer.pid, peer.uid) == (os.getpid(), os.geteuid())
    assert peer.gids == {os.getegid(), *os.getgroups()}


def test_who_is_in_more_groups_than_can_be_read_is_in_the_primary_one() -> None:
    class Crowded:
        def getsockopt(self, _level: int, option: int, size: int, /) -> bytes:
            if option != socket.SO_PEERCRED:
                raise OSError(34, "Numerical result out of range")
            return bytes([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0])[:size]

    assert peer_of(Crowded()) == Peer(1, 2, frozenset({3}))


async def test_processes_of_other_users_get_what_is_theirs(place: Path) -> None:
    done: list[str] = []
    requests = [{"verb": verb} for verb in ("status", "reload", "outbox", "new_verb", "events")]
    async with control(RIGHTS, done).listening(place):
        for name, who, member in PEOPLE:
            done.clear()
            answers = await asyncio.to_thread(call, place, who, *requests)
            assert [each["ok"] for each in answers] == [True, member, True, member, True], name
            assert done == ["status", *["reload"] * member, "outbox", *["new_verb"] * member, "events"], name
            assert [each.get("forbidden") for each in answers if not each["ok"]] == [True, True][
                : 2 - 2 * member
            ]


def test_within_a_user_namespace_as_the_unit_has_it_members_are_still_known(place: Path) -> None:
    """PrivateUsers=yes: the kernel shows the daemon root, its own user and group, and all others as nobody."""
    uid, gid = (DAEMON, GROUP) if ROOT else (os.geteuid(), os.getegid())
    if ROOT:
        os.chown(place.parent, uid, gid)
    argv = [sys.executable, "-c", SERVER, str(place), str(uid), str(gid)]
    server = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=TESTS.parent
    )
    assert server.stdin is not None
    assert server.stdout is not None
    with server.stdin, server.stdout:
        try:
            assert server.stdout.readline() == "apart\n"
            kept = "0 0 1\n" if ROOT else ""
            if not ROOT:
                Path(f"/proc/{server.pid}/setgroups").write_text("deny")
            Path(f"/proc/{server.pid}/uid_map").write_text(f"{kept}{uid} {uid} 1\n")
            Path(f"/proc/{server.pid}/gid_map").write_text(f"{kept}{gid} {gid} 1\n")
            server.stdin.write("mapped\n")
            server.stdin.flush()
            assert server.stdout.readline() == "listening\n"
            for name, who, member in PEOPLE:
                status, reload = call(place, who, {"verb": "status"}, {"verb": "reload"})
                assert (status["ok"], reload["ok"]) == (True, member), name
        finally:
            end(server, grace_s=2.0)


async def test_a_guest_is_told_why_and_the_log_who_asked(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []
    async with control(FOREIGN, done).listening(place):
        with caplog.at_level(logging.INFO, "polegate"):
            link = await guest(place)
            refused = [await asked(link, verb="reload", by="eve"), await asked(link, verb="outbox", peek=3)]
            listed = await asked(link, verb="fly")
            tail = await asked(link, verb="tail")
            await leave(link)
    assert [each["error"].partition(": ")[0] for each in refused] == ["reload", "outbox"]
    assert all("members of the group 61991" in each["error"] for each in refused)
    assert (done, tail, listed["error"][:13]) == ([], {"number": 1}, 'no verb "fly"')
    (entry,) = [each.message for each in caplog.records if "event=command" in each.message]
    who = STRANGER if ROOT else os.geteuid()
    assert f"verb=reload uid={who} " in entry
    assert f"pid={os.getpid()} by=eve outcome=forbidden" in entry


async def test_what_a_member_changes_is_in_the_log_what_it_reads_is_not(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "polegate"):
        async with control(Rights.own()).listening(place):
            link = await asyncio.open_unix_connection(place)
            assert [(await asked(link, verb=verb, by="w.li"))["ok"] for verb in ("status", "reload")] == [
                True
            ] * 2
            await leave(link)
    (entry,) = [each.message for each in caplog.records if "event=command" in each.message]
    assert f"verb=reload uid={os.geteuid()} " in entry
    assert entry.endswith(f"pid={os.getpid()} by=w.li outcome=done")


async def test_guests_cannot_take_all_places(place: Path) -> None:
    async with control(FOREIGN).listening(place):
        links = [await guest(place) for _ in range(MOST_GUESTS)]
        for link in links:
            assert (await asked(link, verb="status"))["ok"]
        one_more = await guest(place)
        assert "others are reading already" in json.loads(await one_more[0].readline())["error"]
        assert await one_more[0].read() == b""
        if ROOT:
            member = await asyncio.open_unix_connection(place)
            assert (await asked(member, verb="reload"))["ok"]
            await leave(member)
        await leave(one_more, links.pop())
        deadline = time.monotonic() + 5
        while True:  # the daemon may see the other's leave a moment later
            late = await guest(place)
            answer = await asked(late, verb="status")
            await leave(late)
            if answer["ok"] or time.monotonic() > deadline:
                break
        assert answer["ok"]
        await leave(*links)


async def test_guests_are_answered_one_after_the_other(place: Path) -> None:
    async with control(FOREIGN).listening(place):
        links = [await guest(place) for _ in range(5)]
        began_s = time.monotonic()
        answers = await asyncio.gather(*(asked(link, verb="status") for link in links))
        assert time.monotonic() - began_s >= 5 * GUEST_PAUSE_S
        assert all(each["ok"] for each in answers)
        await leave(*links)
