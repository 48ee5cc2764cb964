"""Pictures as files: whole or not there, within a budget, in the order in which they may be given up."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buffer import contents
from buffer.contents import MOST_INCOMING, Damaged, Missing, deposit
from buffer.errors import OutboxError, OutboxFull, OutboxInUse
from buffer.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ASKED, SCHEDULED = 4, 5
Open = Callable[..., Spool] if TYPE_CHECKING else object


def content(number: int, size: int = 100) -> bytes:
    return (b"%d " % number * size)[:size]


@pytest.fixture
def root(path: Path) -> Path:
    return path.parent / "spool"


@pytest.fixture
def opened(root: Path) -> Iterator[Open]:
    spools: list[Spool] = []

    def open_spool(max_bytes: int = 1000, max_files: int = 100, keep_free_bytes: int = 0) -> Spool:
        for spool in spools:
            spool.close()
        options = {"max_bytes": max_bytes, "max_files": max_files, "keep_free_bytes": keep_free_bytes}
        spools.append(Spool.open(root, **options))
        return spools[-1]

    yield open_spool
    for spool in spools:
        spool.close()


def files(root: Path) -> set[str]:
    return {
        str(file.relative_to(root)) for file in root.rglob("*") if file.is_file() and file.suffix != ".lock"
    }


def test_what_is_put_lies_under_its_hash_and_is_read_in_parts(opened: Open, root: Path) -> None:
    spool = opened()
    stored = spool.put(b"a picture", ASKED)
    assert stored == (sha256(b"a picture").hexdigest(), 9)
    assert files(root) == {f"{stored.hash[:2]}/{stored.hash}.jpg"}
    assert (root / f"{stored.hash[:2]}/{stored.hash}.jpg").stat().st_mode & 0o777 == 0o640
    assert spool.read(stored.hash, 2, 7) == b"picture"
    assert spool.put(b"a picture", ASKED) == stored
    assert spool.stats().waiting == 1


def test_what_another_process_left_is_taken_once(opened: Open, root: Path) -> None:
    spool = opened()
    left = deposit(root, b"a picture")
    assert left.hash not in spool
    assert spool.adopt(left.hash, ASKED) == (b"a picture", True)
    deposit(root, b"a picture")
    assert spool.adopt(left.hash, ASKED) == (b"a picture", False)
    with pytest.raises(Missing, match="must be left before it is named"):
        spool.adopt(left.hash, ASKED)
    assert files(root) == {f"{left.hash[:2]}/{left.hash}.jpg"}


def test_what_was_left_and_is_not_what_it_says_is_refused_and_removed(opened: Open, root: Path) -> None:
    spool = opened()
    left = deposit(root, b"a picture")
    (root / "incoming" / f"{left.hash}.jpg").write_bytes(b"a pictur_")
    with pytest.raises(Damaged):
        spool.adopt(left.hash, ASKED)
    assert files(root) == set()


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "a" * 63, "/" * 64])
def test_a_name_leads_nowhere_else(opened: Open, name: str) -> None:
    spool = opened()
    with pytest.raises(Missing, match="no SHA-256"):
        spool.adopt(name, ASKED)
    with pytest.raises(Missing, match="no SHA-256"):
        spool.read(name, 0, 1)


def test_what_nobody_claims_goes_with_the_second_sweep(opened: Open, root: Path) -> None:
    spool = opened()
    left = deposit(root, content(1))
    spool.sweep()
    claimed = deposit(root, content(2))
    spool.sweep()
    assert files(root) == {f"incoming/{claimed.hash}.jpg"}
    assert left.hash not in spool
    assert spool.adopt(claimed.hash, ASKED)[1]


def test_an_owner_that_takes_nothing_is_not_flooded(opened: Open, root: Path) -> None:
    opened()
    for number in range(MOST_INCOMING):
        deposit(root, content(number))
    with pytest.raises(OutboxFull, match="nobody has taken"):
        deposit(root, content(MOST_INCOMING))


def test_delivered_go_first_then_the_cheapest_then_the_oldest(opened: Open) -> None:
    spool = opened(max_bytes=500)
    asked, old, young, sent = (
        spool.put(content(number), rank).hash
        for number, rank in enumerate((ASKED, SCHEDULED, SCHEDULED, ASKED))
    )
    spool.deliver(sent)
    gone = []
    for number in range(4, 9):
        spool.put(content(number), ASKED)
        gone.append([name for name in (asked, old, young, sent) if name not in spool])
    assert gone == [[], [sent], [old, sent], [old, young, sent], [asked, old, young, sent]]
    stats = spool.stats()
    assert (stats.evicted, stats.evicted_delivered, stats.waiting_bytes) == (3, 1, 500)


def test_what_waits_is_never_given_up_for_something_cheaper(opened: Open, root: Path) -> None:
    spool = opened(max_files=2)
    kept = [spool.put(content(number), ASKED).hash for number in range(2)]
    with pytest.raises(OutboxFull, match="worth more"):
        spool.put(content(2), SCHEDULED)
    left = deposit(root, content(3))
    with pytest.raises(OutboxFull, match="worth more"):
        spool.adopt(left.hash, SCHEDULED)
    assert all(name in spool for name in kept)
    assert len(files(root)) == 2
    spool.put(content(4), ASKED)
    assert kept[0] not in spool


def test_one_larger_than_the_budget_costs_nothing_else(opened: Open) -> None:
    spool = opened(max_bytes=500)
    kept = spool.put(content(1), SCHEDULED).hash
    with pytest.raises(OutboxFull):
        spool.put(content(2, 501), ASKED)
    assert kept in spool


def test_the_disk_keeps_room_for_the_readings(opened: Open) -> None:
    spool = opened()
    first = spool.put(content(1), ASKED).hash
    spool.deliver(first)
    waiting = spool.put(content(2), ASKED).hash
    spool._keep_free_bytes = 2**60
    with pytest.raises(OutboxFull, match="readings need"):
        spool.put(content(3), ASKED)
    assert (first in spool, waiting in spool) == (False, True)


def test_it_goes_on_after_a_restart_whatever_the_clock_said(opened: Open, root: Path) -> None:
    spool = opened(max_bytes=400)
    names = [spool.put(content(number), SCHEDULED).hash for number in range(4)]
    spool.deliver(names[3])
    for name, year in zip(names[:3], (2100, 1970, 2026), strict=True):
        os.utime(root / name[:2] / f"{name}.jpg", ns=((year - 1970) * 10**9,) * 2)
    spool = opened(max_bytes=400)
    assert spool.stats().waiting == 3
    assert [spool.expect(name, SCHEDULED) for name in names[:3]] == [True] * 3
    assert spool.forget_strangers() == 0
    spool.put(content(5), SCHEDULED)
    assert names[3] not in spool
    spool.put(content(6), SCHEDULED)
    assert [name in spool for name in names[:3]] == [False, True, True]


def test_what_no_envelope_stands_for_and_what_is_unfinished_goes(opened: Open, root: Path) -> None:
    spool = opened()
    stranger = spool.put(content(1), ASKED).hash
    deposit(root, content(2))
    folder = root / stranger[:2]
    (folder / f".{stranger}.jpg.77.tmp").write_bytes(b"half")
    (folder / "README").write_bytes(b"somebody's own")
    spool = opened()
    assert files(root) == {f"{stranger[:2]}/{stranger}.jpg", f"{stranger[:2]}/README"}
    assert spool.read(stranger, 0, 3) == content(1)[:3]
    assert spool.forget_strangers() == 1
    assert files(root) == {f"{stranger[:2]}/README"}
    assert spool.stats().strangers == 1


def test_a_stranger_that_comes_again_is_written_anew(opened: Open, root: Path) -> None:
    name = opened().put(content(1), ASKED).hash
    (root / name[:2] / f"{name}.jpg").write_bytes(b"rotten")
    spool = opened()
    spool.put(content(1), ASKED)
    assert spool.read(name, 0, 100) == content(1)
    assert spool.forget_strangers() == 0
    assert spool.stats().waiting_bytes == 100


def test_a_file_cut_short_or_taken_away_is_told(opened: Open, root: Path) -> None:
    spool = opened()
    name = spool.put(content(1), ASKED).hash
    file = root / name[:2] / f"{name}.jpg"
    file.write_bytes(content(1)[:50])
    with pytest.raises(Damaged, match="has 10 bytes from 40 on, 60 were stored"):
        spool.read(name, 40, 60)
    file.unlink()
    with pytest.raises(Missing):
        spool.read(name, 0, 10)
    assert spool.stats().waiting == 0
    spool.remove(name)


def test_one_owner_at_a_time(opened: Open, root: Path) -> None:
    opened()
    with pytest.raises(OutboxInUse):
        Spool.open(root, max_bytes=1, max_files=1)


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, OutboxFull), (errno.EDQUOT, OutboxFull), (errno.EROFS, OutboxError)]
)
def test_a_disk_that_refuses_leaves_nothing_behind(
    opened: Open, root: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[OutboxError]
) -> None:
    spool = opened()

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(contents.os, "write", refuse)
        with pytest.raises(OutboxError, match=os.strerror(number)) as caught:
            spool.put(content(1), ASKED)
        with pytest.raises(OutboxError):
            deposit(root, content(2))
    assert type(caught.value) is kind
    assert files(root) == set()
    assert spool.stats().waiting_bytes == 0
    spool.put(content(1), ASKED)


def test_a_real_full_disk(root: Path) -> None:
    """RLIMIT_FSIZE stands for it: a write is cut short, the rest refused (EFBIG)."""
    program = (
        "import resource, signal, sys\nfrom pathlib import Path\nfrom buffer.spool import Spool\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "spool = Spool.open(Path(sys.argv[1]), max_bytes=10**9, max_files=9, keep_free_bytes=0)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "spool.put(bytes(5000), 4)\n"
    )
    argv = [sys.executable, "-c", program, str(root)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert "OutboxError" in done.stderr
    assert files(root) == set()


def test_a_writer_killed_at_any_moment_leaves_whole_files(root: Path, opened: Open) -> None:
    opened().close()
    program = (
        "import sys\nfrom pathlib import Path\nfrom buffer.spool import Spool\n"
        "spool = Spool.open(Path(sys.argv[1]), max_bytes=10**9, max_files=10**6, keep_free_bytes=0)\n"
        "for n in range(10**6): print(spool.put(b'%d ' % n * 30_000, 4).hash, flush=True)\n"
    )
    for _ in range(3):
        argv = [sys.executable, "-c", program, str(root)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as writer:
            assert writer.stdout
            told = [writer.stdout.readline().decode().strip() for _ in range(20)]
            writer.send_signal(signal.SIGKILL)
        spool = opened(max_bytes=10**9, max_files=10**6)
        assert all(name in spool for name in told)
        for file in root.glob("??/*.jpg"):
            assert sha256(file.read_bytes()).hexdigest() == file.stem
        spool.close()
