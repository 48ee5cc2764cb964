"""What the kernel shows of the gateway, from folders as recorded on real boards, and of the machine we are on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.machine import heat, memory, power, space, system, wear
from agent.machine.files import Files
from agent.machine.gateway import look


@pytest.fixture
def board(tmp_path):
    return Board(tmp_path)


class Board:
    """A root with the files that are written to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = Files(root)

    def write(self, files: Mapping[str, str]) -> Files:
        for name, text in files.items():
            file = self.root / name.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return self.files


def test_a_zone_is_not_told_again_as_its_own_monitor(board):
    files = board.write(
        {
            "/sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
            "/sys/class/thermal/thermal_zone0/temp": "48312\n",
            "/sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
            "/sys/class/hwmon/hwmon0/temp1_input": "48312\n",
            "/sys/class/hwmon/hwmon1/name": "nvme\n",
            "/sys/class/hwmon/hwmon1/temp1_input": "35850\n",
            "/sys/class/hwmon/hwmon2/name": "nvme\n",
            "/sys/class/hwmon/hwmon2/temp1_input": "36850\n",
            "/sys/class/hwmon/hwmon3/name": "rpi_volt\n",
            "/sys/class/hwmon/hwmon4/temp1_input": "-274000\n",
        }
    )
    assert heat.temperatures(files) == {"cpu-thermal": 48.312, "nvme": 35.85, "nvme-2": 36.85}


def test_a_zone_knows_where_it_switches_off(board):
    zone = "/sys/class/thermal/thermal_zone0"
    files = board.write(
        {
            f"{zone}/temp": "51000",
            f"{zone}/trip_point_0_type": "critical",
            f"{zone}/trip_point_0_temp": "110000",
            f"{zone}/trip_point_1_type": "critical",
            f"{zone}/trip_point_1_temp": "100000",
        }
    )
    assert list(heat.zones(files)) == [heat.Zone("thermal_zone0", 51.0, 100.0)]


def test_a_disk_says_how_worn_it_is_and_what_was_written(board):
    stat = (
        "    5023     1234   402338    2210     9112     8001   524288     9021        0     8020    11231\n"
    )
    files = board.write(
        {
            "/sys/block/mmcblk0/device/name": "DG4032\n",
            "/sys/block/mmcblk0/device/life_time": "0x02 0x01\n",
            "/sys/block/mmcblk0/device/pre_eol_info": "0x01\n",
            "/sys/block/mmcblk0/stat": stat,
            "/sys/block/mmcblk0boot0/stat": stat,
            "/sys/block/sda/device/model": "KINGSTON\n",
        }
    )
    emmc = wear.Disk(disk="mmcblk0", name="DG4032", life=(2, 1), reserve=1, written=268_435_456)
    assert wear.disks(files) == [emmc, wear.Disk(disk="sda", name="KINGSTON")]


NODE = """\
Node 0 MemTotal:       {total} kB
Node 0 MemFree:        1000 kB
Node 0 MemUsed:        5000 kB
Node 0 Active(anon):   9999 kB
Node 0 Active(file):   200 kB
Node 0 Inactive(file): 30 kB
Node 0 SReclaimable:   4 kB
"""


def test_memory_of_a_service_that_may_see_its_nodes_only(board):
    files = board.write(
        {f"/sys/devices/system/node/node{number}/meminfo": NODE.format(total=8000) for number in (0, 1)}
    )
    assert memory.memory(files) == memory.Memory(16_000 * 1024, 2 * 1234 * 1024)
    board.write({"/proc/meminfo": "MemTotal: 16000 kB\nMemFree: 1 kB\nMemAvailable:   2222 kB\n"})
    assert memory.memory(files) == memory.Memory(16_000 * 1024, 2222 * 1024)


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        ("0", []),
        ("50005", ["under_voltage", "throttled", "under_voltage_before", "throttled_before"]),
        ("20002", ["throttled", "throttled_before"]),
        ("", None),
    ],
)
def test_the_supply_in_words(board, bits, words):
    assert power.supply(board.write({power.THROTTLED: bits})) == words


def test_the_board_its_system_and_why_it_was_reset(board):
    files = board.write(
        {
            "/sys/firmware/devicetree/base/model": "Raspberry Pi 4 Model B Rev 1.5\0",
            "/sys/class/dmi/id/product_name": "not this",
            "/etc/os-release": 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
            "/sys/class/watchdog/watchdog0/bootstatus": "32\n",
        }
    )
    found = system.system(files)
    assert (found.board, found.os) == ("Raspberry Pi 4 Model B Rev 1.5", "Debian GNU/Linux 12 (bookworm)")
    assert found.reset == ("watchdog",)
    board.write({"/sys/class/watchdog/watchdog0/bootstatus": "0"})
    assert system.system(files).reset == ()


def test_a_board_that_says_nothing(board):
    found = look(board.files, system.system(board.files), {"outbox": Path("/var/lib/polegate")})
    assert (found.system.board, found.system.os, found.system.reset) == ("", "", None)
    assert (found.memory, found.supply, found.temperatures, found.disks) == (None, None, {}, [])
    assert found.spaces["outbox"].place == board.root


def test_room_of_a_folder_that_is_not_made_yet_is_that_of_the_one_above_it(tmp_path):
    found = space.space(Files(), tmp_path / "a" / "b")
    held = os.statvfs(tmp_path)
    assert found is not None
    assert (found.place, found.total, found.read_only) == (tmp_path, held.f_blocks * held.f_frsize, False)
    assert abs(found.free - held.f_bavail * held.f_frsize) < 2**30


def test_the_machine_we_are_on():
    files = Files()
    found = look(files, system.system(files), {"root": Path("/")})
    assert found.memory is not None
    assert found.memory.total == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE")
    assert 0 < found.memory.available <= found.memory.total
    said_s = float(Path("/proc/uptime").read_text().split()[0])
    assert abs(found.uptime_s - said_s) < 5
    assert abs(found.load - os.getloadavg()[0]) < 1
    assert found.system.kernel.startswith(os.uname().release)
    assert found.spaces["root"].total > 0
