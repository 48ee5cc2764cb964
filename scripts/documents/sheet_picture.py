"""docs/pictures/signoff.png: the pages of a commissioning sheet, from a station that is well.

The station is that of scripts/documents/station.py; what polegate doctor says of its ports is left out, for
they are played and held by those who play.

.venv/bin/python -m scripts.documents.sheet_picture [FOLDER for the files themselves]

Needs Debian's poppler-utils, and a Chinese font such as fonts-wqy-microhei.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2

from agent.cli.checks.case import gather
from agent.cli.doctor import CHECKS, findings
from agent.cli.sheet.collecting import collect
from agent.cli.sheet.composing import Written, compose
from agent.cli.sheet.content import Sheet, Signature
from agent.cli.sheet.html import html
from agent.cli.sheet.pdf import pdf
from agent.cli.sheet.picturing import cameras
from agent.loading import load
from scripts.documents.station import ROOT, station

FOR_S = 150.0
LEFT_OUT = {"ports", "unit", "secrets"}
DPI = 74
SHADE = (200, 196, 192)


def made() -> Sheet:
    with station(well=True) as it:
        loaded = load(it.config)
        seen = asyncio.run(collect(it.socket, FOR_S, lambda _: None))
        case = gather(it.config, it.socket)
        doctor = [
            found
            for name, check in CHECKS.items()
            if name not in LEFT_OUT
            for place, found in enumerate(findings(name, check, case))
            if name != "config" or not place
        ]
        written = Written(
            serials={"level": "KL-204711", "weather": "RS-93041", "mains": "21081177"},
            remarks=["The tube is 4.2 m below the bridge deck; its foot is reinforced. Datum by levelling."],
            signatures=[
                Signature("Commissioned by", "李伟 Li Wei", "2026-11-24"),
                Signature("Accepted by, Heyuan Water Authority"),
            ],
        )  # fmt: skip
        sheet = compose(
            case, loaded, seen, cameras=list(cameras(loaded, seen.status, {})), doctor=doctor, written=written
        )
    buses = [
        replace(each, bus=re.sub(r"\S*/(rs485-\d)", r"/dev/polegate/\1", each.bus))
        for each in sheet.instruments
    ]
    return replace(sheet, instruments=tuple(buses))


def main() -> None:
    sheet = made()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder)
        (place / "sheet.html").write_text(html(sheet), encoding="utf-8")
        (place / "sheet.pdf").write_bytes(pdf(sheet))
        subprocess.run(
            ["pdftoppm", "-r", str(DPI), "-png", place / "sheet.pdf", f"{folder}/page"], check=True
        )
        pages = [cv2.imread(str(file)) for file in sorted(Path(folder).glob("page-*.png"))]
    framed = [cv2.copyMakeBorder(page, 10, 10, 10, 10, cv2.BORDER_CONSTANT, value=SHADE) for page in pages]
    file = ROOT / "docs" / "pictures" / "signoff.png"
    cv2.imwrite(str(file), cv2.hconcat(framed), [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
