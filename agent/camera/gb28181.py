"""The 20-digit id of a device: read, checked, explained (GB/T 28181-2022 annex E, GB/T 28181-2016 annex D).

Digits 1 to 8 are the centre (region by GB/T 2260, then the unit), 9 and 10 the industry, 11 to 13 the type,
14 the network, 15 to 20 the serial number. The tables were read from several public implementations and not
from the standard's own text. Where the two editions give a code different meanings, both are told and the
meaning counts as unconfirmed; a code in neither is no error, for cities extend the tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CAMERA_TYPES = frozenset({131, 132})
"""What a camera's id should have for its type."""

_INDUSTRIES = {
    0: "public security, roads", 1: "public security, neighbourhoods", 2: "public security, indoors",
    3: "public security, other", 4: "traffic, roads", 5: "traffic, checkpoints", 6: "traffic, indoors",
    7: "traffic, other", 8: "city administration", 9: "health and environment", 10: "customs and inspection",
    11: "education",
}  # fmt: skip
"""The same in both editions."""

_INDUSTRIES_2016 = {
    40: "agriculture, forestry and fishing", 41: "mining", 42: "manufacturing", 43: "metallurgy",
    44: "electric power", 45: "gas supply", 46: "building", 47: "logistics", 48: "post", 49: "information",
    50: "hotels and restaurants", 51: "finance", 52: "real estate", 53: "business services",
    54: "water works", 55: "entertainment",
}  # fmt: skip
_INDUSTRIES_2022 = {
    12: "civil aviation", 13: "railways", 14: "shipping", 40: "agriculture, forestry and fishing",
    41: "mining", 42: "manufacturing", 43: "power, heat, gas and water supply", 44: "building", 45: "trade",
    46: "transport, storage and post", 47: "hotels and restaurants", 48: "information technology",
    49: "finance", 50: "real estate", 51: "leasing and business services", 52: "research",
    53: "water, environment and public facilities", 54: "services to residents", 55: "education",
    56: "health and social work", 57: "culture, sports and entertainment", 58: "public administration",
    59: "international organisations",
}  # fmt: skip
_TYPES = {
    111: "digital video recorder", 112: "video server", 113: "encoder", 114: "decoder",
    115: "video switch", 116: "audio switch", 117: "alarm controller", 118: "network video recorder",
    130: "hybrid video recorder", 131: "camera", 132: "network camera", 133: "monitor",
    134: "alarm input", 135: "alarm output", 136: "microphone", 137: "loudspeaker", 138: "mobile transmitter",
    139: "other peripheral", 200: "signalling server", 202: "media server", 209: "access gateway",
    215: "business group", 216: "virtual organisation",
}  # fmt: skip
_NETWORKS_2016 = {
    **dict.fromkeys(range(5), "surveillance network"), 5: "police information network",
    6: "government network", 7: "internet", 8: "access network of private owners",
}  # fmt: skip
_NETWORKS_2022 = {
    0: "police video network", 1: "police video network", 2: "network of an industry",
    3: "judicial network", 4: "police mobile network", 5: "police information network",
    6: "government network", 7: "internet", 8: "leased line",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """Some digits of an id and what they mean; `meaning` is "" where no table has them."""

    name: str
    digits: str
    meaning: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class GbId:
    """An id of 20 digits, in its parts."""

    text: str

    @property
    def region(self) -> str:
        """Province, city and county: six digits of GB/T 2260."""
        return self.text[:6]

    @property
    def unit(self) -> str:
        """The unit within the region, "00" where the centre is the region's own."""
        return self.text[6:8]

    @property
    def industry(self) -> int:
        """Whose device it is."""
        return int(self.text[8:10])

    @property
    def type(self) -> int:
        """What it is: 132 is a network camera."""
        return int(self.text[10:13])

    @property
    def network(self) -> int:
        """Which network it is in."""
        return int(self.text[13])

    @property
    def serial(self) -> str:
        """Six digits."""
        return self.text[14:]

    @property
    def parts(self) -> tuple[Part, ...]:
        """All digits, explained."""
        unit = "the region's own centre" if self.unit == "00" else "a unit of the region"
        return (
            Part("region", self.region, "GB/T 2260 code of the county or city", confirmed=True),
            Part("unit", self.unit, unit, confirmed=True),
            _industry(self.industry, self.text[8:10]),
            _type(self.type, self.text[10:13]),
            _either("network", self.text[13], self.network, _NETWORKS_2016, _NETWORKS_2022),
            Part("serial", self.serial, "counted by the centre", confirmed=True),
        )


def parse(text: str) -> GbId:
    """The id in its parts.

    Raises:
        ValueError: not 20 digits; says how many there are.
    """
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) == 20):
        shown = f"{len(digits)} characters" if not digits.isdecimal() else f"{len(digits)} digits"
        raise ValueError(f"expected 20 digits (GB/T 28181), got {shown}")
    return GbId(digits)


def doubts(id_: GbId) -> tuple[str, ...]:
    """What speaks against this being the id of a camera; nothing of it makes the id impossible."""
    found = []
    if not 11 <= int(id_.region[:2]) <= 82:
        found.append(f"region {id_.region}: no province begins with {id_.region[:2]} (GB/T 2260)")
    if id_.type not in CAMERA_TYPES:
        meaning = _type(id_.type, str(id_.type)).meaning or "in no table"
        found.append(f"type {id_.type:03d} is {meaning}; a camera has 132 (network camera) or 131")
    if id_.serial == "000000":
        found.append("serial number 000000: is it still to be given?")
    return tuple(found)


def _industry(code: int, digits: str) -> Part:
    if code in _INDUSTRIES:
        return Part("industry", digits, _INDUSTRIES[code], confirmed=True)
    if not 12 <= code <= 79:
        who = "private residents" if 80 <= code <= 89 else "others"
        return Part("industry", digits, who, confirmed=True)
    return _either("industry", digits, code, _INDUSTRIES_2016, _INDUSTRIES_2022)


def _type(code: int, digits: str) -> Part:
    if code in _TYPES:
        return Part("type", digits, _TYPES[code], confirmed=True)
    groups = (
        (111, 130, "a recorder or the like"), (131, 199, "a peripheral"), (200, 299, "a platform's device"),
        (300, 399, "a user of a centre"), (400, 499, "a user"), (500, 599, "a server beside the platform"),
    )  # fmt: skip
    meaning = next((name for first, last, name in groups if first <= code <= last), "")
    return Part("type", digits, meaning, confirmed=False)


def _either(name: str, digits: str, code: int, old: Mapping[int, str], new: Mapping[int, str]) -> Part:
    """A code that the editions may read differently."""
    before, after = old.get(code, ""), new.get(code, "")
    if before == after:
        return Part(name, digits, after, confirmed=bool(after))
    told = [f"{meaning} ({year})" for meaning, year in ((after, 2022), (before, 2016)) if meaning]
    return Part(name, digits, ", ".join(told), confirmed=False)
