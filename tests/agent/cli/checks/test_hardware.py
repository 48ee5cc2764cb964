"""What the kernel shows of the gateway, from folders as recorded on real boards."""

from __future__ import annotations

import pytest

from agent.cli.checks import clock, heat, memory, power, wear
from agent.clock import BUILT_MS
from agent.machine.power import THROTTLED

TRUSTING = """
[station]
site = "riverside"
gateway = "pole-7"
[uplink]
url = "mqtt://localhost:1"
[clock]
source = "system"
"""
EMMC = "/sys/block/mmcblk0/device"


def test_an_emmc_says_how_worn_it_is(gateway, told) -> None:
    gateway.write(
        {f"{EMMC}/name": "DG4032\n", f"{EMMC}/life_time": "0x02 0x01\n", f"{EMMC}/pre_eol_info": "0x01\n"}
    )
    gateway.write({"/sys/block/loop0/size": "0", "/sys/block/mmcblk0boot0/size": "8192"})
    assert told(wear.check(gateway.case())) == [
        "ok: mmcblk0 (DG4032): 10-20% of its life used, reserve blocks normal"
    ]


@pytest.mark.parametrize(
    ("life", "reserve", "expected"),
    [
        ("0x07 0x07", "0x01", "ok: mmcblk0 (x): 60-70% of its life used, reserve blocks normal"),
        ("0x01 0x08", "0x01", "warn: mmcblk0 (x): 70-80% of its life used, reserve blocks normal"),
        ("0x01 0x01", "0x02", "warn: mmcblk0 (x): 0-10% of its life used, reserve blocks 80% used"),
        ("0x0a 0x01", "0x01", "fail: mmcblk0 (x): 90-100% of its life used, reserve blocks normal"),
        ("0x0b 0x0b", "0x03", "fail: mmcblk0 (x): all of its life used, reserve blocks nearly used up"),
        ("0x00 0x00", "0x00", "?: mmcblk0 (x): wear cannot be told, SD cards do not say"),
        ("", "", "?: mmcblk0 (x): wear cannot be told, SD cards do not say"),
    ],
)
def test_wear_by_its_tenths_and_its_reserve(gateway, told, life: str, reserve: str, expected: str) -> None:
    gateway.write({f"{EMMC}/name": "x", f"{EMMC}/life_time": life, f"{EMMC}/pre_eol_info": reserve})
    assert told(wear.check(gateway.case())) == [expected]


def test_other_disks_have_a_tool_of_their_own(gateway) -> None:
    gateway.write({"/sys/block/sda/device/model": "KINGSTON\n"})
    (finding,) = wear.check(gateway.case())
    assert finding.found == "sda (KINGSTON): wear cannot be told, only by its own tool"
    assert "smartctl -a /dev/sda" in finding.do


def test_no_disk_at_all(gateway, told) -> None:
    assert told(wear.check(gateway.case())) == ["?: no disk is seen here"]


@pytest.mark.parametrize(
    ("milli", "critical", "expected"),
    [
        ("48312", None, "ok: cpu-thermal 48 °C"),
        ("80000", None, "warn: cpu-thermal 80 °C"),
        ("95000", None, "fail: cpu-thermal 95 °C"),
        ("84000", "100000", "ok: cpu-thermal 84 °C"),
        ("85000", "100000", "warn: cpu-thermal 85 °C, switched off at 100 °C"),
        ("95000", "100000", "fail: cpu-thermal 95 °C, switched off at 100 °C"),
        ("-274000", None, "?: the kernel knows no temperature"),
    ],
)
def test_heat_against_its_own_limit(gateway, told, milli: str, critical: str | None, expected: str) -> None:
    zone = "/sys/class/thermal/thermal_zone0"
    gateway.write({f"{zone}/type": "cpu-thermal\n", f"{zone}/temp": milli})
    gateway.write({f"{zone}/trip_point_0_type": "passive", f"{zone}/trip_point_0_temp": "60000"})
    if critical:
        gateway.write({f"{zone}/trip_point_1_type": "critical\n", f"{zone}/trip_point_1_temp": critical})
    assert told(heat.check(gateway.case())) == [expected]


MEMINFO = "MemTotal:        1000000 kB\nMemFree:  1 kB\nMemAvailable:   {} kB\nActive(anon): 1 kB\n"


@pytest.mark.parametrize(
    ("available", "expected"),
    [(100_000, "ok: 98 MiB of 977 MiB available"), (99_000, "warn: only 97 MiB of 977 MiB available"),
     (39_000, "fail: only 38 MiB of 977 MiB available")],
)  # fmt: skip
def test_memory(gateway, told, available: int, expected: str) -> None:
    gateway.write({"/proc/meminfo": MEMINFO.format(available), "/proc/vmstat": "pgpgin 5\noom_kill 0\n"})
    assert told(memory.check(gateway.case())) == [expected]


def test_processes_that_the_kernel_ended(gateway, told) -> None:
    gateway.write({"/proc/vmstat": "oom_kill 2\n"})
    assert told(memory.check(gateway.case())) == [
        "?: the kernel does not say",
        "warn: the kernel has ended 2 processes since the start because memory ran out",
    ]


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        ("0", ["ok: no under-voltage since the start"]),
        ("50000", ["warn: under-voltage since the start of the gateway", "warn: the processor was slowed down since the start"]),
        ("50005", ["fail: under-voltage now", "warn: the processor is slowed down now"]),
        ("80008", ["ok: no under-voltage since the start", "warn: the processor is slowed down now"]),
    ],
)  # fmt: skip
def test_the_firmwares_word_on_the_supply(gateway, told, bits: str, expected: list[str]) -> None:
    gateway.write({THROTTLED: f"{bits}\n"})
    assert told(power.check(gateway.case())) == expected


@pytest.mark.parametrize(
    ("alarm", "expected"), [("0", "ok: no under-voltage since the start"), ("1", "fail: under-voltage now")]
)
def test_the_hardware_monitors_word(gateway, told, alarm: str, expected: str) -> None:
    gateway.write({"/sys/class/hwmon/hwmon1/name": "cpu_thermal\n"})
    gateway.write(
        {"/sys/class/hwmon/hwmon2/name": "rpi_volt\n", "/sys/class/hwmon/hwmon2/in0_lcrit_alarm": alarm}
    )
    assert told(power.check(gateway.case())) == [expected]


def test_most_boards_say_nothing_of_their_supply(gateway, told) -> None:
    assert told(power.check(gateway.case())) == ["?: this board does not say whether its supply sags"]


def test_a_clock_that_is_kept_right_and_remembered(gateway, told) -> None:
    gateway.write({"/proc/211/comm": "systemd-timesyn\n", "/proc/212/comm": "sshd\n"})
    gateway.write(
        {
            "/sys/class/rtc/rtc0/name": "rtc-ds1307 1-0068\n",
            "/sys/class/rtc/rtc0/since_epoch": f"{BUILT_MS // 1000 + 3602}",
        }
    )
    assert told(clock.check(gateway.case())) == [
        "ok: 2026-11-23 01:00 UTC, synchronised, by systemd-timesyncd",
        "ok: real-time clock rtc-ds1307 1-0068, 2 s from the system's",
    ]


def test_a_clock_nobody_keeps(gateway, told) -> None:
    gateway.synced = False
    assert told(clock.check(gateway.case())) == [
        "fail: 2026-11-23 01:00 UTC, not synchronised, and no time service is seen",
        "warn: no real-time clock",
    ]
    gateway.write({"/proc/7/comm": "chronyd\n"})
    first = next(clock.check(gateway.case()))
    assert first.found == "2026-11-23 01:00 UTC, not synchronised, by chronyd"
    assert "polegate clock" in first.do


@pytest.mark.parametrize(
    ("now_ms", "found"),
    [
        (31_536_000_000, "1971-01-01 00:00 UTC, before polegate was built (2026-11-23)"),
        (BUILT_MS + 21 * clock.YEAR_MS, "2047-11-18 00:00 UTC, more than 20 years after polegate was built"),
    ],
)
def test_a_time_that_cannot_be_true_is_wrong_though_synchronised(now_ms: int, found: str) -> None:
    finding = clock.judge(now_ms, synced=True, source="system", services=["ntpd"])
    assert (finding.verdict, finding.found) == ("fail", found)


def test_a_configured_trust_is_taken(told) -> None:
    finding = clock.judge(BUILT_MS, synced=False, source="system", services=[])
    assert (finding.verdict, "because of clock.source" in finding.found) == ("ok", True)


def test_readings_wait_for_a_clock_only_where_they_do(gateway) -> None:
    (none,) = clock.judge_rtc([], "ntp")
    assert "readings wait for it" in none.why
    trusted = gateway.case(TRUSTING)
    none = list(clock.check(trusted))[1]
    assert (none.found, "wait" in none.why) == ("no real-time clock", False)
    assert "readings carry it all the same, because of clock.source" in none.why


def test_a_real_time_clock_that_is_far_off(gateway, told) -> None:
    gateway.write(
        {"/sys/class/rtc/rtc0/name": "snvs_rtc\n", "/sys/class/rtc/rtc0/since_epoch": f"{BUILT_MS // 1000}"}
    )
    assert told(clock.check(gateway.case()))[1] == "warn: the real-time clock snvs_rtc is 1 h off"


def test_a_real_time_clock_with_an_empty_battery(gateway, told) -> None:
    gateway.write({"/sys/class/rtc/rtc0/name": "pcf85063\n", "/sys/class/rtc/rtc0/since_epoch": "946684800"})
    assert told(clock.check(gateway.case()))[1] == (
        "warn: the real-time clock pcf85063 says 2000-01-01 00:00 UTC: its battery is empty, or it was never set"
    )
