"""A restore killed at every step: what is there afterwards is the old station or the new one, never a mix."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.keeping import folders, replacing, restoring
from agent.keeping.archive import FORMAT, Entry, Manifest, write
from agent.loading import load
from buffer.copying import copy_store
from buffer.envelope import Envelope, Priority
from buffer.errors import OutboxError
from buffer.outbox import Outbox

CONFIG = """
[station]
site = "river"
gateway = "gw-1"
title = "{title}"
[uplink]
url = "mqtt://localhost:1"
[outbox]
path = "{store}"
"""
RAM = Path("/dev/shm")
CALLS = (
    "rename",
    "replace",
    "mkdir",
    "chmod",
    "open",
    "unlink",
    "rmdir",
    "sync",
    "fsync",
    "symlink",
    "utime",
)


class Gateway:
    """A configuration folder and a store; `state` tells which of two stations it is."""

    def __init__(self, root: Path) -> None:
        self.main = root / "etc" / "polegate.toml"
        self.store = root / "var" / "outbox.db"
        for folder in ("etc/conf.d", "etc/secrets", "etc/profiles/instruments", "var"):
            (root / folder).mkdir(parents=True)
        self.write("old", {"old-only": 1, "both": 1})
        (root / "etc" / "secrets" / "mqtt").write_text("secret")
        (root / "etc" / "secrets" / "mqtt").chmod(0o600)
        (root / "etc" / "link").symlink_to("secrets/mqtt")

    def write(self, title: str, fragments: dict[str, int]) -> None:
        self.main.write_text(CONFIG.format(title=title, store=self.store))
        for file in (self.main.parent / "conf.d").iterdir():
            file.unlink()
        for name in fragments:
            text = f'[devices.{title}-{name}]\ninstrument = "keller-36x"\nport = "/dev/ttyS9{len(name)}"\n'
            (self.main.parent / "conf.d" / f"{name}.toml").write_text(text)

    def put(self, key: str) -> None:
        with Outbox.open(self.store, max_bytes=10_000_000) as store:
            one = Envelope(
                key=key, topic="t", priority=Priority.READINGS, at_ms=1, settled=True, items=1,
                expires_ms=None, body=b"{}",
            )  # fmt: skip
            store.put([one], now_ms=None, remember={"state": key.encode()})

    def state(self) -> tuple[object, ...]:
        """As the daemon finds it at its next start."""
        loaded = load(self.main)
        replacing.settle(self.main, loaded.config.outbox.path)
        with Outbox.open(self.store, max_bytes=10_000_000) as store:
            messages, states = [each.key for each in store.peek(9)], store.remembered()
        secret = (self.main.parent / "link").read_text()
        mode = (self.main.parent / "secrets" / "mqtt").stat().st_mode & 0o777
        return loaded.config.station.title, *sorted(loaded.config.devices), messages, states, secret, mode

    def backup(self, path: Path) -> Path:
        copy_store(self.store, path.with_suffix(".db"))
        names = [self.main, *sorted((self.main.parent / "conf.d").iterdir())]
        entries = [Entry(f"config/{name.relative_to(self.main.parent)}", name) for name in names]
        entries.append(Entry("store/outbox.db", path.with_suffix(".db")))
        made = Manifest(
            format=FORMAT, kind="backup", polegate="0.1.0", made="", clock_trusted=True, site="river",
            gateway="gw-1", files=tuple(entry.held() for entry in entries),
        )  # fmt: skip
        with path.open("wb") as out:
            write(out, made, entries)
        return path

    def restore(self, path: Path, into: Path, name: str = "one") -> None:
        unpacked = restoring.unpack(path, self.main, into)
        with replacing.locked({self.store}):
            restoring.carry_out(unpacked, self.main, name, with_store=True)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A place where a sync costs nothing."""
    with tempfile.TemporaryDirectory(dir=RAM if RAM.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path / "gateway")


@pytest.fixture
def backup(gateway: Gateway, tmp_path: Path) -> Path:
    """Taken of the new station; the gateway itself is the old one again."""
    gateway.write("new", {"new-only": 1, "both": 1})
    gateway.put("new")
    path = gateway.backup(tmp_path / "backup.tar.gz")
    gateway.write("old", {"old-only": 1, "both": 1})
    gateway.store.unlink()
    gateway.put("old")
    return path


def killed_after(calls: int, act: Callable[[], object]) -> bool:
    """Run `act` in a process that is killed before its call number `calls` that changes the disk."""
    pid = os.fork()
    if pid == 0:
        left = iter(range(calls))

        def counted(name: str, call: Callable[..., object]) -> Callable[..., object]:
            def step(*args: object, **named: object) -> object:
                if name != "open" or args[1] & (os.O_CREAT | os.O_TRUNC):
                    next(left, None) is None and os.kill(os.getpid(), signal.SIGKILL)
                return call(*args, **named)

            return step

        for name in CALLS:
            setattr(os, name, counted(name, getattr(os, name)))
        folders._renameat2 = counted("exchange", folders._renameat2)
        try:
            act()
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def test_a_restore_killed_at_any_step_leaves_the_old_or_the_new(gateway, backup, tmp_path):
    pristine = tmp_path / "pristine"
    shutil.copytree(tmp_path / "gateway", pristine, symlinks=True)
    old = gateway.state()
    assert old[:3] == ("old", "old-both", "old-old-only")
    seen = set()
    for calls in range(500):  # one more each time, until it is through
        shutil.rmtree(tmp_path / "gateway")
        shutil.copytree(pristine, tmp_path / "gateway", symlinks=True)
        into = _made(tmp_path / f"into-{calls}")
        if not killed_after(calls, lambda into=into: gateway.restore(backup, into)):
            break
        found = gateway.state()
        seen.add(found[0])
        assert found[:3] in {("old", "old-both", "old-old-only"), ("new", "new-both", "new-new-only")}
        assert found[3:] == ([found[0]], {"state": found[0].encode()}, "secret", 0o600)
        if calls % 4:
            continue
        gateway.restore(backup, _made(tmp_path / f"again-{calls}"), "two")
        assert gateway.state()[0] == "new"
        assert not list(tmp_path.glob("gateway/.*")), "what was left is cleared away"
        assert not list(tmp_path.glob("gateway/var/*.restore-*"))
    assert seen == {"old", "new"}
    assert calls > 20, "a file at least is four steps"
    assert gateway.state()[0] == "new"


def test_where_the_configuration_is_the_same_the_outbox_alone_is_old_or_new(gateway, backup, tmp_path):
    """For a folder that cannot be exchanged, filled by hand: nothing beside it is made or needed."""
    gateway.write("new", {"new-only": 1, "both": 1})
    pristine, seen = tmp_path / "pristine", set()
    shutil.copytree(tmp_path / "gateway", pristine, symlinks=True)
    for calls in range(500):
        shutil.rmtree(tmp_path / "gateway")
        shutil.copytree(pristine, tmp_path / "gateway", symlinks=True)
        into = _made(tmp_path / f"into-{calls}")
        if not killed_after(calls, lambda into=into: gateway.restore(backup, into)):
            break
        assert [place.name for place in gateway.main.parent.parent.iterdir() if "etc" in place.name] == [
            "etc"
        ]
        found = gateway.state()
        assert (found[0], found[4]) == ("new", {"state": found[3][0].encode()})
        seen.add(found[3][0])
    assert seen == {"old", "new"}
    assert gateway.state()[3] == ["new"]


def test_what_was_there_before_is_kept_whole(gateway, backup, tmp_path):
    gateway.restore(backup, _made(tmp_path / "into"))
    kept = tmp_path / "gateway" / "etc.before-one"
    assert load(kept / "polegate.toml").config.station.title == "old"
    assert (kept / "secrets" / "mqtt").read_text() == "secret"
    with Outbox.open(tmp_path / "gateway" / "var" / "outbox.db.before-one", max_bytes=10_000_000) as store:
        assert [each.key for each in store.peek(9)] == ["old"]


def test_it_can_be_undone_by_hand(gateway, backup, tmp_path):
    """As docs/operator/maintenance.md says."""
    gateway.restore(backup, _made(tmp_path / "into"))
    gateway.main.parent.rename(tmp_path / "gateway" / "etc.tried")
    (tmp_path / "gateway" / "etc.before-one").rename(tmp_path / "gateway" / "etc")
    (tmp_path / "gateway" / "var" / "outbox.db.before-one").replace(gateway.store)
    assert gateway.state()[0] == "old"
    assert gateway.state()[3] == ["old"]


def test_a_gateway_without_a_configuration_gets_one(gateway, backup, tmp_path):
    shutil.rmtree(gateway.main.parent)
    gateway.store.unlink()
    gateway.restore(backup, _made(tmp_path / "into"))
    assert load(gateway.main).config.station.title == "new"
    with Outbox.open(gateway.store, max_bytes=10_000_000) as store:
        assert [each.key for each in store.peek(9)] == ["new"]


def test_a_folder_that_cannot_be_replaced_is_left_alone(gateway, backup, tmp_path):
    os.mkfifo(gateway.main.parent / "pipe")
    with pytest.raises(folders.Unfit, match="no plain file"):
        gateway.restore(backup, _made(tmp_path / "into"))
    (gateway.main.parent / "pipe").unlink()
    (gateway.main.parent / "film").write_bytes(b"")
    os.truncate(gateway.main.parent / "film", folders.MOST_OTHER_BYTES + 1)
    with pytest.raises(folders.Unfit, match="give the configuration its own folder"):
        gateway.restore(backup, _made(tmp_path / "more"), "two")
    assert gateway.state()[0] == "old"
    assert not list(tmp_path.glob("gateway/.*"))


def test_a_link_in_the_folder_of_the_service_leads_root_nowhere(gateway, backup, tmp_path):
    """The store's folder is the service's: what it has put there must not be written to, nor change hands."""
    elsewhere = tmp_path / "shadow"
    lock, staged = (gateway.store.with_name(f"outbox.db.{end}") for end in ("lock", "restore-one"))
    lock.unlink()
    lock.symlink_to(elsewhere)
    with pytest.raises(OutboxError, match="symbolic link"), replacing.locked({gateway.store}):
        pytest.fail("the lock was taken")
    lock.unlink()
    for there in (staged, gateway.store.with_name("outbox.db.owned")):
        there.symlink_to(elsewhere)
    fresh = tmp_path / "fresh"
    fresh.write_bytes(b"content")
    with pytest.raises(FileExistsError):
        folders.lay(fresh, staged, 0o640)
    assert not elsewhere.exists()
    elsewhere.touch()
    before = elsewhere.stat()
    folders.owned_as(gateway.store.parent, gateway.store.with_name("outbox.db.owned"))
    assert elsewhere.stat().st_ctime_ns == before.st_ctime_ns


def test_names_that_a_clock_without_a_battery_gives_again_are_not_used_again(gateway, backup, tmp_path):
    """Where the configuration was the same, the store alone was kept under it."""
    gateway.store.with_name("outbox.db.before-one").touch()
    assert replacing.free_name(gateway.main, gateway.store, "one") == "one-1"
    assert replacing.free_name(gateway.main, gateway.store, "two") == "two"


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_a_mount_point_is_said_to_be_one(tmp_path, gateway):
    """What the kernel answers for one, and for file systems that cannot exchange: EBUSY, EINVAL."""
    with pytest.raises(folders.Unfit, match="tar -xzf"):
        folders._renameat2(Path("/proc"), gateway.main.parent)
    assert ctypes.get_errno() in (0, 16, 18, 22)
