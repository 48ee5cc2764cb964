"""Ports, secrets and disks: rights, holders, room."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.waiting import wait_until

from agent.cli.checks import disk, ports, secrets
from agent.cli.checks.machine import Machine, Who
from agent.cli.checks.ports import Port

from .conftest import CONFIG

SERVICE = Who("polegate", 990, frozenset({990, 20}))
SEEN = Port(path="/dev/ttyUSB0", real="ttyUSB0", mode=0o20660, gid=20, group="dialout")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ["ok: /dev/ttyUSB0: polegate may use it, nobody holds it"]),
        ({"all_seen": False}, ["ok: /dev/ttyUSB0: polegate may use it; who holds it is told with sudo"]),
        ({"holders": (("polegate", 42),)}, ["ok: /dev/ttyUSB0: polegate may use it, the daemon holds it"]),
        ({"holders": (("minicom", 7), ("polegate", 42))}, ["fail: /dev/ttyUSB0 is held by minicom (7)"]),
        ({"there": False}, ["fail: /dev/ttyUSB0 is not there"]),
        ({"device": False}, ["fail: /dev/ttyUSB0 is no serial port, but a file"]),
        ({"gid": 5, "group": "tty"}, ["fail: /dev/ttyUSB0 is not for polegate: rw-rw----, group tty"]),
        ({"mode": 0o20640}, ["fail: /dev/ttyUSB0 is not for polegate: rw-r-----, group dialout"]),
        ({"console": True}, ["ok: /dev/ttyUSB0: polegate may use it, nobody holds it", "warn: /dev/ttyUSB0 is the kernel's console"]),
    ],
)  # fmt: skip
def test_a_port(told, change: dict, expected: list[str]) -> None:
    assert told(ports.judge(replace(SEEN, **change), SERVICE, 42, "level and rain")) == expected


def test_what_a_port_costs_and_what_to_do_is_said() -> None:
    (finding,) = ports.judge(replace(SEEN, gid=5, group="tty"), SERVICE, None, "level and rain")
    assert finding.why == "Not read without it: level and rain."
    assert finding.do == "sudo usermod -aG tty polegate, then sudo systemctl restart polegate"


def test_a_login_on_a_port_is_switched_off_for_good() -> None:
    (taken,) = ports.judge(replace(SEEN, holders=(("agetty", 7),)), SERVICE, 42, "level")
    assert taken.do.startswith("sudo systemctl disable --now serial-getty@ttyUSB0")


def test_a_daemon_that_does_not_answer_is_no_stranger(told) -> None:
    held = replace(SEEN, holders=(("polegate", 42),))
    assert told(ports.judge(held, SERVICE, None, "level")) == [
        "ok: /dev/ttyUSB0: polegate may use it, the daemon holds it"
    ]
    assert told(ports.judge(held, SERVICE, 43, "level")) == ["fail: /dev/ttyUSB0 is held by polegate (42)"]


@pytest.fixture
def line() -> Iterator[str]:
    """A real character device."""
    master, slave = pty.openpty()
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


def test_a_real_device_is_looked_at_through_its_links(gateway, line: str) -> None:
    link = gateway.root / "dev/polegate/rs485-1"
    link.parent.mkdir(parents=True)
    link.symlink_to(line)
    gateway.hold(4711, "minicom", line)
    gateway.hold(4712, "sshd", "/dev/null")
    gateway.write({"/proc/cmdline": f"root=/dev/mmcblk0p2 console={Path(line).name},115200 console=tty1"})
    seen = ports.look(gateway.machine, "/dev/polegate/rs485-1")
    assert (seen.device, seen.holders, seen.real) == (True, (("minicom", 4711),), Path(line).name)
    assert seen.mode == Path(line).stat().st_mode
    assert seen.console


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["/opt/pole gate/bin/polegate", "run"], "polegate"),
        (["-X", "dev", "-u", "-m", "agent.cli.main", "run"], "polegate"),
        (["-m", "serial.tools.miniterm", "/dev/ttyUSB0"], "serial.tools.miniterm"),
        (["/root/read level.py", "-m", "x"], "read level.py"),
        (["-Im", "agent.cli.main", "run"], "polegate"),
        (["-c", "import serial"], "python3.11"),
        (["-lc", "echo hunter2"], "python3.11"),
        ([], "python3.11"),
    ],
)
def test_an_interpreter_is_called_by_what_it_runs(
    gateway, line: str, arguments: list[str], name: str
) -> None:
    port = gateway.root / "dev/ttyUSB0"
    port.parent.mkdir()
    port.symlink_to(line)
    gateway.hold(4711, "python3.11", line, *arguments)
    assert ports.look(gateway.machine, "/dev/ttyUSB0").holders == ((name, 4711),)


# As pip writes it: the kernel starts no interpreter whose path has a space.
PROGRAM = """#!/bin/sh
\'\'\'exec' "{python}" "$0" "$@"
' \'\'\'
input()
"""


def test_a_program_of_a_virtual_environment_whose_path_has_a_space(tmp_path) -> None:
    program = tmp_path / "pole gate/polegate"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    with subprocess.Popen([program], stdin=subprocess.PIPE) as running:
        process = Path("/proc", str(running.pid))
        wait_until(lambda: sys.executable.encode() in (process / "cmdline").read_bytes())
        assert Machine().program(process) == "polegate"
        running.communicate(b"\n")
    assert running.returncode == 0


def test_every_port_of_the_configuration_is_looked_at(gateway, told) -> None:
    config = CONFIG + '[devices.level]\ninstrument = "keller-36x"\nport = "/dev/ttyS9"\n'
    (finding,) = ports.check(gateway.case(config))
    assert (finding.found, finding.why) == ("/dev/ttyS9 is not there", "Not read without it: level.")
    gateway.write({"/dev/ttyS9": "oops"})
    assert told(ports.check(gateway.case(config))) == ["fail: /dev/ttyS9 is no serial port, but a file"]
    assert told(ports.check(gateway.case())) == ["ok: no serial port is configured"]


@pytest.mark.parametrize(
    ("line", "names"),
    [("console=ttyS0,115200n8 quiet", {"ttyS0"}), ("quiet noconsole=ttyS1", set()), ("a console=tty1 console=ttyAMA0", {"tty1", "ttyAMA0"})],
)  # fmt: skip
def test_consoles(line: str, names: set[str]) -> None:
    assert ports.consoles(line) == names


def test_the_service_is_who_runs_or_who_is_named_so(gateway) -> None:
    assert gateway.machine.service(None) == SERVICE
    gateway.write(
        {
            "/proc/42/status": "Name:\tpolegate\nUid:\t990\t991\t990\t990\nGid:\t990\t990\t990\t990\nGroups:\t5 20 \n"
        }
    )
    assert gateway.machine.service(42) == Who("991", 991, frozenset({990, 5, 20}))
    assert gateway.machine.service(43) == SERVICE
    assert Machine(root=gateway.root / "nothing").service(None).uid == os.geteuid()


def test_rights_are_the_owners_then_the_groups_then_everybodys() -> None:
    assert not SERVICE.may(0o077, 990, 990, 4)
    assert not SERVICE.may(0o707, 0, 20, 4)
    assert SERVICE.may(0o004, 0, 0, 4)
    assert Who("root", 0, frozenset()).may(0, 5, 5, 7)


SECRET = CONFIG + 'username = "p"\npassword = {{ file = "{}" }}\n'


def found(path: Path, mode: int, uid: int, gid: int) -> os.stat_result:
    return os.stat_result((0o100000 | mode, 1, 1, 1, uid, gid, 1, 0, 0, 0))


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "expected"),
    [
        (0o640, 0, 990, "ok: uplink.password: /s/p can be read by polegate, rw-r-----"),
        (0o600, 990, 990, "ok: uplink.password: /s/p can be read by polegate, rw-------"),
        (0o600, 0, 0, "fail: uplink.password: /s/p cannot be read by polegate: rw-------, owner 0, group polegate"),
        (0o644, 0, 990, "fail: uplink.password: /s/p can be read by every user of this gateway, rw-r--r--"),
        (0o642, 0, 990, "fail: uplink.password: /s/p can be written by every user of this gateway, rw-r---w-"),
    ],
)  # fmt: skip
def test_a_secret_is_the_services_alone(told, mode: int, uid: int, gid: int, expected: str) -> None:
    path = Path("/s/p")
    finding = secrets.judge("uplink.password", path, found(path, mode, uid, gid), SERVICE, "polegate")
    assert told([finding]) == [expected]


def test_a_secret_that_is_not_there(gateway, told) -> None:
    case = gateway.case(SECRET.format("/etc/polegate/secrets/mqtt"))
    assert told(secrets.check(case)) == ["fail: uplink.password: /etc/polegate/secrets/mqtt: no such file"]
    gateway.write({"/etc/polegate/secrets/mqtt": "x"})
    (gateway.root / "etc/polegate/secrets/mqtt").chmod(0o644)
    assert "every user" in told(secrets.check(case))[0]
    assert told(secrets.check(gateway.case())) == ["ok: none configured"]


UNIT = "[Service]\nLoadCredential=mqtt-password:/etc/polegate/credentials/p\n#LoadCredential=other:/x\n"


@pytest.mark.parametrize(
    ("name", "unit", "expected"),
    [
        ("mqtt-password", UNIT, "ok: k: the unit passes the credential mqtt-password"),
        ("mqtt", UNIT, "fail: k: the unit passes no credential mqtt"),
        ("other", UNIT, "fail: k: the unit passes no credential other"),
        ("key", "LoadCredentialEncrypted=key", "ok: k: the unit passes the credential key"),
        ("key", "", "?: k: whether the credential key is passed is known to the service alone"),
    ],
)
def test_a_credential_stands_in_the_unit(told, name: str, unit: str, expected: str) -> None:
    assert told([secrets.credential("k", name, unit)]) == [expected]


def test_the_units_text_is_asked_for(gateway, told) -> None:
    (gateway.root / "run/systemd/system").mkdir(parents=True)
    gateway.answers["systemctl cat"] = UNIT
    case = gateway.case(CONFIG + 'username = "p"\npassword = { credential = "mqtt-password" }\n')
    assert told(secrets.check(case)) == ["ok: uplink.password: the unit passes the credential mqtt-password"]


ROOM = disk.Room(
    what="outbox", path=Path("/var/lib/polegate"), key="outbox.max_size", bound=512 << 20, held=100 << 20,
    free=1 << 30, total=8 << 30, inodes=90_000, mode=0o40750, uid=990, gid=990, group="polegate",
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "ok: outbox: /var/lib/polegate: 1.0 GiB free of 8.0 GiB (12%), 90,000 files more"),
        ({"inodes": None}, "ok: outbox: /var/lib/polegate: 1.0 GiB free of 8.0 GiB (12%)"),
        ({"pending": True, "uid": 0}, "ok: outbox: /var/lib/polegate: 1.0 GiB free of 8.0 GiB (12%), 90,000 files more; made at the first start"),
        ({"free": 300 << 20}, "warn: outbox: /var/lib/polegate: 300 MiB free, and it may grow by 412 MiB"),
        ({"free": 300 << 20, "held": 500 << 20}, "ok: outbox: /var/lib/polegate: 300 MiB free of 8.0 GiB (4%), 90,000 files more"),
        ({"free": 10 << 20}, "fail: outbox: /var/lib/polegate: 10 MiB free of 8.0 GiB"),
        ({"inodes": 3}, "fail: outbox: /var/lib/polegate: room for 3 files more"),
        ({"read_only": True}, "fail: outbox: /var/lib/polegate lies on a read-only file system"),
        ({"uid": 0, "gid": 0, "group": "root"}, "fail: outbox: /var/lib/polegate is not for polegate: rwxr-x---, owner 0, group root"),
    ],
)  # fmt: skip
def test_room(told, change: dict, expected: str) -> None:
    assert told([disk.judge(replace(ROOM, **change), SERVICE)]) == [expected]


def test_a_bound_that_fits_is_named() -> None:
    finding = disk.judge(replace(ROOM, free=300 << 20), SERVICE)
    assert finding.do == "Free some, or lower outbox.max_size to 336 MiB or less."


def test_the_disk_under_the_outbox_is_asked(gateway, told) -> None:
    expected = "ok: outbox: /var/lib/polegate: 4.0 GiB free of 8.0 GiB (50%), 100,000 files more; made at the first start"
    assert told(disk.check(gateway.case())) == [expected]
    gateway.disk = {"f_flag": os.ST_RDONLY}
    assert told(disk.check(gateway.case())) == [
        "fail: outbox: /var/lib/polegate lies on a read-only file system"
    ]


def test_file_systems_that_gave_up(gateway, told) -> None:
    gateway.write(
        {
            "/proc/self/mounts": "/dev/mmcblk0p2 / ext4 ro,relatime,errors=remount-ro 0 0\n"
            "/dev/mmcblk0p3 /a squashfs ro 0 0\n/dev/mmcblk0p4 /b ext4 rw,errors=remount-ro 0 0\n",
            "/sys/fs/ext4/mmcblk0p2/errors_count": "3\n",
            "/sys/fs/ext4/mmcblk0p4/errors_count": "0\n",
        }
    )
    assert told(disk.check(gateway.case()))[1:] == [
        "fail: / (/dev/mmcblk0p2) is read-only now, and was meant to be writable (errors=remount-ro)",
        "fail: /dev/mmcblk0p2: the file system has counted 3 errors since it was made or checked",
    ]
