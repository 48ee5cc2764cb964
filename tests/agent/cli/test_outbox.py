"""polegate outbox: from the running daemon, or from the file it left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.clock import Clock
from buffer.envelope import Envelope, Priority
from buffer.outbox import Outbox

HEAD = '[station]\nsite = "s"\ngateway = "g"\n[uplink]\nurl = "mqtt://localhost"\n'
MESSAGE = {
    "key": "vkr4fv6q.1-7", "topic": "polegate/1/riverside/pole-7/readings", "at_ms": 1_795_420_800_000,
    "items": 2, "bytes": 92, "body": {"devices": [{"device": "level", "rows": [[1, 0, 1.234]]}]},
}  # fmt: skip

FULL = """\
waiting  340,112 readings in 1,204 messages
size     42 MiB of 512 MiB (8%)
         [###...................................]
oldest   {oldest}, 8 h 10 min ago
kind      messages  readings    size
event           40         0  12 KiB
readings     1,164   340,112  42 MiB
12,000 evicted: readings given up for newer ones because the outbox was full
4 expired: too old to be of use to anybody before they could be sent
9 rejected: the platform or its broker will never take them; the latest are kept
as dead letters
1 damaged: in rows that the disk gave back damaged
40 dropped: the disk refused them and the memory for them was full
9 messages kept as dead letters

vkr4fv6q.1-7
polegate/1/riverside/pole-7/readings, 2026-11-23T08:00:00.000Z, 2 readings, 92 B
{{"devices":[{{"device":"level","rows":[[1,0,1.234]]}}]}}
"""


@pytest.fixture
def full(healthy) -> dict:
    """An outbox eight hours into an outage, after some bad luck."""
    return healthy["outbox"] | {
        "batches": 1_204, "items": 340_112, "bytes": 43_620_761, "oldest_ms": Clock().now()[0] - 29_400_500,
        "evicted": 12_000, "expired": 4, "rejected": 9, "damaged": 1, "dropped": 40, "dead_letters": 9,
        "by_priority": {
            "alarm": {"batches": 0, "items": 0, "bytes": 0},
            "event": {"batches": 40, "items": 0, "bytes": 12_288},
            "readings": {"batches": 1_164, "items": 340_112, "bytes": 43_608_473},
            "health": {"batches": 0, "items": 0, "bytes": 0},
            "pictures": {"batches": 0, "items": 0, "bytes": 0},
            "scheduled": {"batches": 0, "items": 0, "bytes": 0},
        },
        "peek": [MESSAGE],
    }  # fmt: skip


def test_what_waits_and_what_was_lost(daemon, polegate, full) -> None:
    daemon.answers["outbox"] = full
    result = polegate("outbox", "--peek", 1)
    oldest = result.stdout.partition("oldest   ")[2].partition(",")[0]
    assert result.stdout == FULL.format(oldest=oldest)
    assert result.exit_code == 0
    assert daemon.requests[-1]["peek"] == 1


def test_nothing_waits(daemon, polegate, healthy) -> None:
    daemon.answers["outbox"] = healthy["outbox"] | {"peek": []}
    assert polegate("outbox").stdout == "Nothing waits: everything has been acknowledged by the platform.\n"


def test_an_oldest_that_nobody_can_date(daemon, polegate, full) -> None:
    daemon.answers["outbox"] = full | {"oldest_ms": None}
    assert "oldest   from before the clock was trusted\n" in polegate("outbox").stdout


def test_json_is_the_daemons_answer(daemon, polegate, full) -> None:
    daemon.answers["outbox"] = full
    assert json.loads(polegate("outbox", "--json").stdout) == full


@pytest.mark.parametrize("columns", [40, 60])
def test_no_line_but_a_body_is_wider_than_the_terminal(daemon, polegate, full, columns: int) -> None:
    daemon.answers["outbox"] = full | {"peek": []}
    assert max(map(len, polegate("outbox", columns=columns).stdout.splitlines())) <= columns


@pytest.fixture
def left_behind(tmp_path: Path) -> Path:
    """The file of a daemon that has stopped, with two messages in it and two that were given up."""
    path = tmp_path / "outbox.db"
    (tmp_path / "polegate.toml").write_text(f'{HEAD}[outbox]\npath = "{path}"\nmax_size = "2MiB"\n')
    with Outbox.open(path, max_bytes=2 * 2**20) as outbox:
        for priority, items in ((Priority.READINGS, 2), (Priority.EVENT, 0)):
            outbox.put([envelope(outbox, priority, items, b'{"devices":[]}')], now_ms=None)
        outbox.put([envelope(outbox, Priority.HEALTH, 3, b"{}", expires_ms=1)], now_ms=None)
        outbox.flush(now_ms=1_795_420_800_000)
        with outbox.take(1, now_ms=None) as batch:
            [(number, _)] = batch
            batch.reject(number, "the broker says no")
        outbox.flush(now_ms=None)
    return path


def envelope(
    outbox: Outbox, priority: Priority, items: int, body: bytes, expires_ms: int | None = None
) -> Envelope:
    return Envelope(
        key=outbox.next_key(), topic="polegate/1/s/g/readings", priority=priority, at_ms=1_795_420_800_000,
        settled=True, items=items, expires_ms=expires_ms, body=body,
    )  # fmt: skip


def test_without_a_daemon_the_configured_file_is_looked_into(left_behind, polegate) -> None:
    before = {file.name: file.read_bytes() for file in left_behind.parent.glob("outbox*")}
    result = polegate("outbox", "--peek", 5)
    lines = result.stdout.splitlines()
    assert lines[0] == "waiting  2 readings in 1 message"
    assert lines[1].endswith("of 2.0 MiB (0%)")
    assert lines[3].startswith("oldest   2026-11-23T08:00:00.000Z")
    assert "3 expired: too old to be of use to anybody before they could be sent" in lines
    assert "1 message kept as dead letters" in lines
    assert lines[-1] == '{"devices":[]}'
    assert result.exit_code == 0
    assert {file.name: file.read_bytes() for file in left_behind.parent.glob("outbox*")} == before


def test_the_file_gives_the_same_facts_as_the_daemon(left_behind, polegate, full) -> None:
    found = json.loads(polegate("outbox", "--json", "--peek", 1).stdout)
    assert found.keys() == full.keys()
    assert found["peek"][0].keys() == MESSAGE.keys()
    assert found["by_priority"].keys() == full["by_priority"].keys()
    assert found["max_bytes"] == 2 * 2**20


def test_a_named_file_is_looked_into_even_while_a_daemon_runs(daemon, left_behind, polegate, full) -> None:
    daemon.answers["outbox"] = full
    result = polegate("outbox", "--path", left_behind)
    assert result.stdout.startswith("waiting  2 readings in 1 message\nsize     ")
    assert "[#" not in result.stdout
    assert not daemon.requests


def test_no_file_yet(polegate, tmp_path) -> None:
    result = polegate("outbox", "--path", tmp_path / "none.db")
    assert result.exit_code == 2
    assert "none.db: no outbox there yet; it is made at the first start of the daemon." in result.stderr


def test_a_file_of_another_kind(polegate, tmp_path) -> None:
    (tmp_path / "cat.db").write_bytes(b"not a database, " * 1000)
    result = polegate("outbox", "--path", tmp_path / "cat.db")
    assert result.exit_code == 1
    assert "cat.db is damaged" in result.stderr


def test_neither_daemon_nor_configuration(polegate) -> None:
    assert polegate("outbox").exit_code == 78
