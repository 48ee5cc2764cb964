"""docs/pictures/doctor.svg: what polegate doctor says of a station on a bad day.

The gateway is a folder of what /proc, /sys and /etc hold on a board with an eMMC; the broker, its TLS and its
certificates are real. `--text` prints it for docs/operator/cli.md instead.

.venv/bin/python -m scripts.documents.doctor_picture
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from fakes.certificates import Authority
from fakes.mosquitto import Mosquitto
from rich.console import Console
from rich.terminal_theme import MONOKAI

from agent.cli import doctor
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding
from agent.cli.checks.machine import Machine
from agent.clock import Clock
from agent.loading import load
from scripts.demonstration.picture import FORMAT

ROOT = Path(__file__).parents[2]
WIDTH = 80
COMMAND = "$ polegate doctor"

CONFIG = """
[station]
site = "heyuan-dongjiang"
gateway = "river-3"
[uplink]
url = "mqtts://localhost:{port}"
ca = "{ca}"
password = {{ file = "/etc/polegate/secrets/mqtt" }}
username = "river-3"
[devices.level]
instrument = "keller-36x"
port = "/dev/polegate/rs485-1"
[devices.rain]
instrument = "keller-36x"
unit = 2
port = "/dev/polegate/rs485-1"
"""

FILES = {
    "/etc/passwd": "polegate:x:990:990::/var/lib/polegate:/usr/sbin/nologin\n",
    "/etc/group": "dialout:x:20:polegate\npolegate:x:990:\n",
    "/proc/211/comm": "systemd-timesyn\n",
    "/proc/meminfo": "MemTotal: 999412 kB\nMemAvailable: 688130 kB\n",
    "/proc/vmstat": "oom_kill 0\n",
    "/proc/self/mounts": "/dev/mmcblk0p2 / ext4 rw,relatime,errors=remount-ro 0 0\n",
    "/sys/block/mmcblk0/device/name": "DG4032\n",
    "/sys/block/mmcblk0/device/life_time": "0x08 0x02\n",
    "/sys/block/mmcblk0/device/pre_eol_info": "0x01\n",
    "/sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "/sys/class/thermal/thermal_zone0/temp": "52300\n",
    "/sys/class/rtc/rtc0/name": "rtc-ds1307\n",
    "/sys/devices/platform/soc/soc:firmware/get_throttled": "50000\n",
    "/run/systemd/system/none": "",
}
UNIT = """LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
NRestarts=0
Result=success
ExecMainStatus=0
NeedDaemonReload=no
"""


def gateway(root: Path, now_ms: int) -> Machine:
    secret = root / "etc/polegate/secrets/mqtt"
    for name, text in {**FILES, "/sys/class/rtc/rtc0/since_epoch": str(now_ms // 1000)}.items():
        file = root / name.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    secret.parent.mkdir(parents=True)
    secret.write_text("secret\n")
    secret.chmod(0o644)
    port = root / "dev/polegate/rs485-1"
    port.parent.mkdir(parents=True)
    port.symlink_to("/dev/null")
    (root / "proc/4711/fd").mkdir(parents=True)
    (root / "proc/4711/comm").write_text("minicom\n")
    (root / "proc/4711/fd/3").symlink_to("/dev/null")
    space = SimpleNamespace(
        f_bavail=4_610_000, f_frsize=4096, f_blocks=7_300_000, f_favail=1_740_000, f_files=1, f_flag=0
    )
    return Machine(root=root, run=lambda _: UNIT, synced=lambda: True, statvfs=lambda _: space)


def status(now_ms: int, config: Path) -> dict:
    level = {"device": "level", "bus": "/dev/polegate/rs485-1", "state": "ok", "error": ""}
    rain = level | {"device": "rain", "state": "garbled", "error": "unit 2: bytes came, but no valid frame"}
    fault = {
        "kind": "device_unreadable", "subject": "rain", "reason": "garbled", "message": rain["error"],
        "began_ms": now_ms - 2_500_000,
    }  # fmt: skip
    return {
        "version": "0.1.0", "pid": 28919, "uptime_s": 273_720, "now_ms": now_ms,
        "process": {"rss_bytes": 49_283_072}, "config": {"files": [str(config)], "refused": ""},
        "parts": {}, "faults": [fault], "devices": [level, rain], "cameras": [], "pictures": {},
        "uplink": {
            "state": "connected", "since_ms": now_ms - 7_800_000, "error": "",
            "published": 274_119, "acknowledged": 274_118,
        },
    }  # fmt: skip


def show(console: Console) -> None:
    now_ms = Clock().now()[0]
    with tempfile.TemporaryDirectory() as place:
        authority = Authority(Path(place) / "authority", "Heyuan water platform CA")
        broker = Mosquitto(Path(place) / "broker", certificate=authority.server(), ca=authority.ca)
        config = Path(place) / "polegate.toml"
        machine = gateway(Path(place) / "root", now_ms)
        ca = machine.at(authority.ca)
        ca.parent.mkdir(parents=True)
        ca.write_text(authority.ca.read_text())
        with broker:
            config.write_text(CONFIG.format(port=broker.port, ca=authority.ca))
            case = Case(
                machine=machine, config=config, socket=Path(place) / "none", now_ms=now_ms,
                loaded=load(config), status=status(now_ms, config),
            )  # fmt: skip
            counts: Counter = Counter()
            for name, check in doctor.CHECKS.items():
                for at, finding in enumerate(doctor.findings(name, check, case)):
                    if name == "config" and at:  # of this machine, not of the folder
                        continue
                    counts[finding.verdict] += 1
                    console.print(doctor.row("" if at else name, replaced(finding, place, authority.ca)))
        console.print()
        console.print(doctor.summary(counts))


def replaced(finding: Finding, place: str, ca: Path) -> Finding:
    words = {str(ca): "/etc/polegate/ca.pem", f"{place}/polegate.toml": "/etc/polegate/polegate.toml"}

    def mend(text: str) -> str:
        for here, there in words.items():
            text = text.replace(here, there)
        return text

    return replace(finding, found=mend(finding.found), do=mend(finding.do))


def main() -> None:
    as_text = "--text" in sys.argv
    console = Console(
        record=True, file=sys.stdout if as_text else io.StringIO(), force_terminal=not as_text,
        color_system=None if as_text else "truecolor", width=WIDTH,
        highlight=False, markup=False, emoji=False,
    )  # fmt: skip
    os.environ.pop("NO_COLOR", None)
    console.print(COMMAND)
    show(console)
    if not as_text:
        file = ROOT / "docs" / "pictures" / "doctor.svg"
        looks = {"theme": MONOKAI, "code_format": FORMAT, "unique_id": "doctor"}
        console.save_svg(str(file), title="polegate doctor", **looks)


if __name__ == "__main__":
    main()
