"""Whether the supply sags, where the board says."""

from __future__ import annotations

from agent.machine.files import Files

THROTTLED = "/sys/devices/platform/soc/soc:firmware/get_throttled"
UNDER_VOLTAGE_NOW, THROTTLED_NOW = 1 << 0, 1 << 1 | 1 << 2 | 1 << 3
UNDER_VOLTAGE_EVER, THROTTLED_EVER = 1 << 16, 1 << 17 | 1 << 18 | 1 << 19
"""Bits of the Raspberry Pi firmware's get_throttled: under-voltage, capped, throttled, soft limit."""

WORDS = {
    "under_voltage": UNDER_VOLTAGE_NOW,
    "throttled": THROTTLED_NOW,
    "under_voltage_before": UNDER_VOLTAGE_EVER,
    "throttled_before": THROTTLED_EVER,
}


def throttled(files: Files) -> int | None:
    """get_throttled; on kernels without it the alarm of the monitor `rpi_volt`, which means under-voltage."""
    try:
        return int(files.read(THROTTLED), 16)
    except ValueError:
        pass
    for place in files.folders("sys/class/hwmon/hwmon*"):
        if files.read(place / "name") == "rpi_volt":
            alarm = files.number(place / "in0_lcrit_alarm")
            return None if alarm is None else UNDER_VOLTAGE_NOW * alarm
    return None


def supply(files: Files) -> list[str] | None:
    """What is wrong with the supply, in words; None where the board does not say."""
    bits = throttled(files)
    return None if bits is None else [word for word, mask in WORDS.items() if bits & mask]
