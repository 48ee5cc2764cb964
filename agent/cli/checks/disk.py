"""Where the outbox and the pictures lie: room, inodes, rights, file systems that the kernel gave up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from agent.amounts import many, size
from agent.cli import doctor_texts as say
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding, fail, ok, unknown, warn
from agent.cli.checks.machine import Machine, Who, mode_words
from agent.machine.space import space

LEAST_BYTES = 16 * 2**20
LEAST_INODES = 200
SPARE_BYTES = 64 * 2**20
"""What else grows on the same disk: logs, a package being installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A folder that fills. `bound` is the most it may hold, by the configuration's `key`; `held`: it does.

    `inodes` is None where the file system has no fixed number of them, as btrfs.
    """

    what: str
    path: Path
    key: str
    bound: int
    held: int = 0
    free: int = 0
    total: int = 1
    inodes: int | None = None
    read_only: bool = False
    pending: bool = False
    mode: int = 0o750
    uid: int = 0
    gid: int = 0
    group: str = ""


def check(case: Case) -> Iterator[Finding]:
    """The folders, then every file system."""
    if case.loaded is None:
        yield unknown(say.NO_CONFIG)
    else:
        config = case.loaded.config
        folders = [("outbox", config.outbox.path.parent, "outbox.max_size", config.outbox.max_size)]
        if config.cameras:
            folders.append(("pictures", config.pictures.path, "pictures.max_size", config.pictures.max_size))
        for what, path, key, bound in folders:
            held = _held(case, what)
            if room := look(case.machine, Room(what=what, path=path, key=key, bound=bound, held=held)):
                yield judge(room, case.who)
            else:
                yield unknown(say.DISK_UNSEEN.format(what=what, path=path), say.SUDO)
    yield from remounted(case.machine.read("/proc/self/mounts"))
    yield from _errors(case.machine)


def look(machine: Machine, asked: Room) -> Room | None:
    """The room with what the disk says of it; None where this user may not look."""
    disk = space(machine, asked.path)
    if disk is None:
        return None
    try:
        found = disk.place.stat()
    except OSError:
        return None
    return replace(
        asked,
        free=disk.free,
        total=disk.total,
        inodes=disk.inodes,
        read_only=disk.read_only,
        pending=disk.place != machine.at(asked.path),
        mode=found.st_mode,
        uid=found.st_uid,
        gid=found.st_gid,
        group=machine.group(found.st_gid),
    )


def judge(room: Room, who: Who) -> Finding:
    """The gravest thing about it."""
    what, path, free, total = room.what, room.path, size(room.free), size(room.total)
    if room.read_only:
        found = say.DISK_READ_ONLY.format(what=what, path=path)
        return fail(found, say.DISK_READ_ONLY_WHY, say.DISK_READ_ONLY_DO)
    if not room.pending and not who.may(room.mode, room.uid, room.gid, os.W_OK | os.X_OK):
        found = say.DISK_FORBIDDEN.format(
            what=what, path=path, who=who.name, mode=mode_words(room.mode), uid=room.uid, group=room.group
        )
        return fail(found, say.DISK_FULL_WHY, say.DISK_FORBIDDEN_DO.format(path=path))
    if room.free < LEAST_BYTES:
        found = say.DISK_FULL.format(what=what, path=path, free=free, total=total)
        return fail(found, say.DISK_FULL_WHY, say.DISK_FULL_DO)
    if room.inodes is not None and room.inodes < LEAST_INODES:
        found = say.DISK_NO_INODES.format(what=what, path=path, count=room.inodes)
        return fail(found, say.DISK_FULL_WHY, say.DISK_FULL_DO)
    growth = max(room.bound - room.held, 0)
    if room.free < growth + SPARE_BYTES:
        found = say.DISK_TIGHT.format(what=what, path=path, free=free, growth=size(growth))
        fits = size(max(room.free + room.held - SPARE_BYTES, 2**20))
        why, do = say.DISK_TIGHT_WHY.format(key=room.key), say.DISK_TIGHT_DO.format(key=room.key, fits=fits)
        return warn(found, why, do)
    inodes = "" if room.inodes is None else say.DISK_INODES.format(count=room.inodes)
    pending = say.DISK_PENDING if room.pending else ""
    share = room.free / room.total
    return ok(
        say.DISK_OK.format(what=what, path=path, free=free, total=total, share=share, inodes=inodes + pending)
    )


def remounted(mounts: str) -> Iterator[Finding]:
    """File systems that turned read-only on an error, from /proc/self/mounts; some are meant to be so."""
    for line in mounts.splitlines():
        device, mount, _, options, *_ = line.split()
        words = options.split(",")
        if "ro" in words and "errors=remount-ro" in words and device.startswith("/dev/"):
            found = say.REMOUNTED.format(mount=mount, device=device)
            yield fail(found, say.DISK_READ_ONLY_WHY, say.DISK_READ_ONLY_DO)


def _held(case: Case, what: str) -> int:
    if what == "pictures":
        return int(case.status.get("pictures", {}).get("waiting_bytes", 0))
    outbox = case.loaded.config.outbox.path if case.loaded else Path()
    try:
        return case.machine.at(outbox).stat().st_size
    except OSError:
        return 0


def _errors(machine: Machine) -> Iterator[Finding]:
    """What ext4 keeps in its superblock, /sys/fs/ext4/*/errors_count."""
    for place in machine.folders("sys/fs/ext4/*"):
        count = machine.number(place / "errors_count")
        if count:
            found = say.FS_ERRORS.format(device=f"/dev/{place.name}", count=many(count, "error"))
            yield fail(found, say.FS_ERRORS_WHY, say.FS_ERRORS_DO)
