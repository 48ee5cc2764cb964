"""How strong the line is, from what the kernel and ModemManager show."""

from __future__ import annotations

import pytest

from agent.cli.checks.machine import Machine
from agent.cli.sheet.signal import Signal, signal

ROUTE = (
    "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
    "{0}\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
    "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
    "far0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
)
WIRELESS = (
    "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n"
    " face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n"
    " wlan0: 0000   50.  {0}.  -256        0      0      0      0      0        0\n"
)
MODEM = (
    "modem.3gpp.operator-name                : CHINA MOBILE\n"
    "modem.generic.access-technologies.length   : 1\n"
    "modem.generic.access-technologies.value[1] : lte\n"
    "modem.generic.signal-quality.value      : {0}\n"
)


def told(tmp_path, interface: str, files: dict[str, str], modem: str = "") -> Signal:
    for name, text in {"proc/net/route": ROUTE.format(interface), **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return signal(Machine(root=tmp_path, run=lambda words: modem if words[0] == "mmcli" else ""))


@pytest.mark.parametrize(
    ("interface", "files", "modem", "found"),
    [
        ("eth0", {"sys/class/net/eth0/speed": "100\n"}, "", Signal("eth0: cable, 100 Mbit/s", weak=False)),
        ("eth0", {"sys/class/net/eth0/speed": "-1\n"}, "", Signal("eth0: cable, its speed is not told", None)),
        ("wlan0", {"proc/net/wireless": WIRELESS.format(-60)}, "", Signal("wlan0: Wi-Fi, -60 dBm", weak=False)),
        ("wlan0", {"proc/net/wireless": WIRELESS.format(-82)}, "", Signal("wlan0: Wi-Fi, -82 dBm", weak=True)),
        ("wwan0", {}, MODEM.format(70), Signal("wwan0: CHINA MOBILE lte, 70 % of full signal", weak=False)),
        ("wwan0", {}, MODEM.format(12), Signal("wwan0: CHINA MOBILE lte, 12 % of full signal", weak=True)),
        ("wwan0", {}, "", Signal("wwan0: modem , ? % of full signal", None)),
    ],
)  # fmt: skip
def test_the_interface_of_the_default_route(tmp_path, interface, files, modem, found) -> None:
    assert told(tmp_path, interface, files, modem) == found


def test_no_route_is_no_line(tmp_path) -> None:
    assert signal(Machine(root=tmp_path)) == Signal("no default route", None)
