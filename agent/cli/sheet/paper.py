"""Pages of a PDF and what can be put on them: text, lines, boxes, pictures. y runs downwards from the top."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO

import pydyf

from agent.cli.sheet.typeface import FONTS, SONG, Face, runs, width

WIDTH, HEIGHT = 595.28, 841.89
"""A4, pt."""

LEFT, RIGHT, TOP, BOTTOM = 42.0, 553.0, 44.0, 795.0
"""The box for content."""

Colour = tuple[float, float, float]

INK: Colour = (0.11, 0.15, 0.2)
FAINT: Colour = (0.4, 0.44, 0.49)
RULE: Colour = (0.82, 0.85, 0.88)
ACCENT: Colour = (0.04, 0.35, 0.54)
PAPER: Colour = (1.0, 1.0, 1.0)


class Paper:
    """A document under way; everything goes to the page that was added last."""

    def __init__(self, title: str, made: str) -> None:
        self._pdf = pydyf.PDF()
        self._pages: list[pydyf.Stream] = []
        self._pictures: dict[str, pydyf.Stream] = {}
        self._pdf.info["Title"] = pydyf.String(title)
        self._pdf.info["Producer"] = pydyf.String("polegate")
        self._pdf.info["CreationDate"] = pydyf.String(made)

    def add_page(self) -> None:
        """Go on there."""
        self._pages.append(pydyf.Stream(compress=True))

    @property
    def _page(self) -> pydyf.Stream:
        return self._pages[-1]

    def text(
        self, x: float, y: float, text: str, size: float, *,
        face: Face = "regular", colour: Colour = INK, side: str = "start",
    ) -> None:  # fmt: skip
        """One line whose base line is at y; `side` is where x is: start, middle or end."""
        x -= {"start": 0.0, "middle": 0.5, "end": 1.0}[side] * width(text, size, face)
        self._page.set_color_rgb(*colour)
        self._page.begin_text()
        self._page.set_text_matrix(1, 0, 0, 1, _round(x), _round(HEIGHT - y))
        for font, octets in runs(text, face):
            self._page.set_font_size(font, size)
            self._page.stream.append(b"<" + octets.hex().encode() + b"> Tj")
        self._page.end_text()

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, thick: float = 0.5) -> None:
        """Through these points."""
        self._page.set_color_rgb(*colour, stroke=True)
        self._page.set_line_width(thick)
        self._page.set_line_join(1)
        for number, (x, y) in enumerate(points):
            (self._page.line_to if number else self._page.move_to)(_round(x), _round(HEIGHT - y))
        self._page.stroke()

    def box(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """A filled one, y its upper side."""
        self._page.set_color_rgb(*colour)
        self._page.rectangle(_round(x), _round(HEIGHT - y - height), _round(width), _round(height))
        self._page.fill()

    def picture(self, jpeg: bytes, pixels: tuple[int, int], x: float, y: float, width: float) -> None:
        """A JPEG as it is (DCTDecode), as wide as this."""
        name = f"P{len(self._pictures) + 1}"
        facts = {
            "Type": "/XObject", "Subtype": "/Image", "Width": pixels[0], "Height": pixels[1],
            "ColorSpace": "/DeviceRGB", "BitsPerComponent": 8, "Filter": "/DCTDecode",
        }  # fmt: skip
        self._pictures[name] = pydyf.Stream([jpeg], facts)
        height = width * pixels[1] / pixels[0]
        self._page.push_state()
        self._page.set_matrix(_round(width), 0, 0, _round(height), _round(x), _round(HEIGHT - y - height))
        self._page.draw_x_object(name)
        self._page.pop_state()

    def pages(self) -> Iterator[tuple[int, int]]:
        """Number and count of each page, which is written on meanwhile."""
        whole = self._pages
        for number in range(1, len(whole) + 1):
            self._pages = whole[:number]
            yield number, len(whole)
        self._pages = whole

    def finish(self) -> bytes:
        """The file."""
        for picture in self._pictures.values():
            self._pdf.add_object(picture)
        resources = pydyf.Dictionary(
            {
                "ProcSet": pydyf.Array(["/PDF", "/Text", "/ImageC"]),
                "Font": self._fonts(),
                "XObject": pydyf.Dictionary({name: each.reference for name, each in self._pictures.items()}),
            }
        )
        self._pdf.add_object(resources)
        for stream in self._pages:
            self._pdf.add_object(stream)
            self._pdf.add_page(pydyf.Dictionary({
                "Type": "/Page", "Parent": self._pdf.pages.reference, "Contents": stream.reference,
                "MediaBox": pydyf.Array([0, 0, WIDTH, HEIGHT]), "Resources": resources.reference,
            }))  # fmt: skip
        out = BytesIO()
        self._pdf.write(out)
        return out.getvalue()

    def _fonts(self) -> pydyf.Dictionary:
        found = pydyf.Dictionary()
        for face, name in FONTS.items():
            base = "/Helvetica-Bold" if face == "bold" else "/Helvetica"
            found[name] = self._added({
                "Type": "/Font", "Subtype": "/Type1", "BaseFont": base, "Encoding": "/WinAnsiEncoding",
            })  # fmt: skip
        found[SONG] = self._song()
        return found

    def _song(self) -> bytes:
        """ISO 32000-1, 9.7.6: not embedded; the reader finds it by its name and its collection."""
        descriptor = self._added({
            "Type": "/FontDescriptor", "FontName": "/STSong-Light", "Flags": 6, "ItalicAngle": 0,
            "FontBBox": pydyf.Array([-25, -254, 1000, 880]), "Ascent": 752, "Descent": -271, "CapHeight": 737,
            "StemV": 58,
        })  # fmt: skip
        system = {"Registry": pydyf.String("Adobe"), "Ordering": pydyf.String("GB1"), "Supplement": 4}
        descendant = self._added({
            "Type": "/Font", "Subtype": "/CIDFontType0", "BaseFont": "/STSong-Light", "DW": 1000,
            "CIDSystemInfo": pydyf.Dictionary(system), "FontDescriptor": descriptor,
        })  # fmt: skip
        return self._added({
            "Type": "/Font", "Subtype": "/Type0", "BaseFont": "/STSong-Light-UniGB-UCS2-H",
            "Encoding": "/UniGB-UCS2-H", "DescendantFonts": pydyf.Array([descendant]),
        })  # fmt: skip

    def _added(self, facts: dict[str, object]) -> bytes:
        made = pydyf.Dictionary(facts)
        self._pdf.add_object(made)
        reference: bytes = made.reference
        return reference


def _round(number: float) -> float:
    return round(number, 2)
