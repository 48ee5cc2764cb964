"""The two files hold the same facts; the PDF is read back by another program, the HTML needs nothing else."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.sheet.content import Sheet, Signature
from agent.cli.sheet.html import html
from agent.cli.sheet.pdf import pdf
from agent.cli.sheet.typeface import width, wrap

FACTS = (
    "Commissioning sheet", "东江大桥 <Dongjiang> & bridge", "heyuan", "river-3", "river station", "KL-204711",
    "keller-36x", "/dev/ttyS1 9600 8N1", "level.water_level", "16.590 m", "58 good", "1 suspect", "1 missing",
    "spike", "Left bank", "LB0001", "score 97", "no picture: it is away", "synchronised by NTP", "23 ms",
    "Not accepted: 1 check failed.", "The position is known", "no real-time clock", "polegate camera probe gate",
    "camera_failing gate", "Bank reinforced", "李伟 Li Wei", "2026-11-23", "Accepted by", "Signature",
)  # fmt: skip


def read_back(sheet: Sheet, tmp_path, *options: str) -> str:
    file = tmp_path / "sheet.pdf"
    file.write_bytes(pdf(sheet))
    return subprocess.run(
        ["pdftotext", *options, file, "-"], check=True, capture_output=True, text=True
    ).stdout


def without_breaks(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_the_pdf_says_every_fact(sheet, tmp_path) -> None:
    text = without_breaks(read_back(sheet, tmp_path))
    assert [fact for fact in FACTS if without_breaks(fact) not in text] == []
    assert f"SHA-256ofthecontent:{sheet.digest}" in text


def test_the_pdf_is_whole(sheet, tmp_path) -> None:
    read_back(sheet, tmp_path)
    run = subprocess.run(["pdfinfo", tmp_path / "sheet.pdf"], check=True, capture_output=True, text=True)
    assert run.stderr == ""
    assert re.search(r"Title: +Commissioning sheet: 东江大桥", run.stdout)
    assert "A4" in run.stdout
    fonts = subprocess.run(["pdffonts", tmp_path / "sheet.pdf"], check=True, capture_output=True, text=True)
    assert {line.split()[0] for line in fonts.stdout.splitlines()[2:]} == {
        "Helvetica", "Helvetica-Bold", "STSong-Light-UniGB-UCS2-H",
    }  # fmt: skip
    images = subprocess.run(
        ["pdfimages", "-list", tmp_path / "sheet.pdf"], check=True, capture_output=True, text=True
    )
    assert len(images.stdout.splitlines()) == 3


def test_many_rows_go_over_several_pages_each_with_its_heading_and_number(sheet, tmp_path) -> None:
    many = dataclasses.replace(sheet, channels=sheet.channels * 40, checks=sheet.checks * 30)
    text = read_back(many, tmp_path, "-layout")
    pages = text.split("\f")[:-1]
    assert len(pages) > 5
    assert [f"page {n} of {len(pages)}" in page for n, page in enumerate(pages, 1)] == [True] * len(pages)
    assert sum("samples quality" in re.sub(r" +", " ", page) for page in pages) >= 3


def test_nothing_stands_outside_the_page(sheet, tmp_path) -> None:
    long = dataclasses.replace(
        sheet,
        remarks=("word " * 200, "x" * 400, "东江" * 120),
        signatures=tuple(Signature(f"Witness {n}", "A. Name") for n in range(7)),
    )
    read_back(long, tmp_path)
    run = subprocess.run(
        ["pdftotext", "-bbox", tmp_path / "sheet.pdf", "-"], check=True, capture_output=True, text=True
    )
    places = [float(x) for x in re.findall(r'xMax="([\d.]+)"', run.stdout)]
    assert max(places) <= 560.0
    assert max(float(y) for y in re.findall(r'yMax="([\d.]+)"', run.stdout)) <= 842.0


class Reader(HTMLParser):
    """The text, and every address that something is fetched from."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href") and value]

    def handle_data(self, data) -> None:
        self.said.append(data)


def test_the_html_says_every_fact_and_fetches_nothing(sheet) -> None:
    page = html(sheet)
    reader = Reader(page)
    text = " ".join(reader.said)
    assert [fact for fact in FACTS if fact not in text] == []
    assert all(address.startswith("data:image/jpeg;base64,") for address in reader.addresses)
    assert len(reader.addresses) == 1
    assert reader.tags.count("svg") == 1
    assert "@import" not in page
    assert "url(" not in page


def test_the_digest_can_be_checked_with_the_tools_of_any_system(sheet, tmp_path) -> None:
    (tmp_path / "sheet.html").write_text(html(sheet), encoding="utf-8")
    told = subprocess.run(
        "grep '^{\"' sheet.html | tr -d '\\n' | sha256sum",
        shell=True, cwd=tmp_path, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert told.split()[0] == sheet.digest == sha256(sheet.canonical().encode()).hexdigest()


def test_the_digest_changes_with_the_content(sheet) -> None:
    assert dataclasses.replace(sheet, remarks=("Other",)).digest != sheet.digest
    facts = json.loads(sheet.canonical())
    assert facts["passed"] is False
    assert facts["station"]["title"] == "东江大桥 <Dongjiang> & bridge"


@given(st.text("ab ,东江°µ-", max_size=60), st.floats(12, 200))
def test_lines_are_no_wider_than_their_room_and_nothing_is_lost(text: str, room: float) -> None:
    lines = wrap(text, room, 8.5)
    assert without_breaks("".join(lines)) == without_breaks(text)
    assert all(width(line, 8.5) <= room or len(line) == 1 for line in lines)


@pytest.mark.parametrize(
    ("text", "size", "found"),
    [("Hello", 10, 22.78), ("1.234 m", 8.5, 30.71), ("东江", 9, 18.0), ("°C", 10, 11.22)],
)
def test_widths_are_those_of_the_fonts(text: str, size: float, found: float) -> None:
    assert width(text, size) == pytest.approx(found, abs=0.01)
