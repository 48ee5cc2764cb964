"""docs/pictures/bus-scan.svg: what polegate bus scan shows of three slaves on one line.

.venv/bin/python -m scripts.documents.scan_picture
"""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from fakes.mixed_bus import MixedBus, Slave
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from drivers.simulation.registers import Image
from drivers.simulation.scene import Scene
from firmware_profiles.loader import load_instrument
from scripts.demonstration.picture import FORMAT

ROOT = Path(__file__).parents[2]
WIDTH = 82
PORT = "rs485-1"
CONFIG = '[ports.{port}]\npath = "{path}"\n'


def registers(name: str) -> dict:
    profile = load_instrument(name)
    image, values = Image(profile.points, profile.modbus.hole), Scene(profile.points, 1).at(60)
    for point in profile.points:
        image.put(point, values[point.channel])
    return {table: dict(words) for table, words in image.tables.items() if words}


def scanned(config: Path) -> str:
    """What the verb writes on a terminal of its own; the bar on standard error is another's."""
    words = ["-c", str(config), "bus", "scan", PORT, "--quick", "--parity", "N", "--out", "scan.json"]
    master, slave = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "agent.cli.main", *words]
    with subprocess.Popen(
        command, stdout=slave, stderr=subprocess.DEVNULL, env=environment, cwd=config.parent,
    ) as process:  # fmt: skip
        os.close(slave)
        heard = b""
        while True:
            try:
                heard += os.read(master, 65536)
            except OSError:
                break
        process.wait()
    os.close(master)
    return heard.decode().replace("\r", "")


def main() -> None:
    slaves = (
        Slave(unit=1, baud=9600, registers=registers("keller-36x")),
        Slave(unit=5, baud=9600, registers={"holding": {0: 0x41A2, 1: 0x0000, 2: 1234, 3: 0xFF9C}}),
        Slave(unit=1, baud=4800, registers=registers("renke-rs-fsxcs"), delay_s=0.06),
    )
    with MixedBus(*slaves) as bus, tempfile.TemporaryDirectory() as place:
        config = Path(place) / "polegate.toml"
        config.write_text(CONFIG.format(port=PORT, path=bus.path), encoding="utf-8")
        os.environ["PYTHONPATH"] = str(ROOT)
        text = scanned(config).replace(f" -c {config}", "")  # a gateway has one place for it
    lines = [f"$ polegate bus scan {PORT} --quick --parity N --out scan.json", *text.splitlines()]
    console = Console(
        record=True,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        width=WIDTH,
        highlight=False,
    )
    for line in lines:
        console.print(Text.from_ansi(line), soft_wrap=True)
    file = ROOT / "docs" / "pictures" / "bus-scan.svg"
    console.save_svg(
        str(file), title="polegate bus scan", theme=MONOKAI, code_format=FORMAT, unique_id="scan"
    )


if __name__ == "__main__":
    main()
