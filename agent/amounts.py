"""Numbers as a person reads them: ages, sizes, counts, values with their units, sparklines. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

Shown = float | int | str | bool | None

_SYMBOLS = {
    "1": "", "Cel": "°C", "deg": "°", "m3": "m³", "m3/s": "m³/s", "W/m2": "W/m²", "ug/m3": "µg/m³",
    "ug/L": "µg/L", "uS/cm": "µS/cm", "kW.h": "kWh", "{NTU}": "NTU", "{Beaufort}": "Bft", "[pH]": "pH",
    "[ppm]": "ppm",
}  # fmt: skip
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")
_SPANS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_STEPS = "▁▂▃▄▅▆▇█"
_GAP = "·"


def span(seconds: float) -> str:
    """`43 ms`, `1.2 s`, `5 min`, `2 h 10 min`, `3 d 4 h`: the two largest units."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:.{1 if seconds < 0.01 else 0}f} ms"
    if seconds < 60:
        return f"{max(seconds, 0):.{2 if seconds < 10 else 3}g} s"
    left = int(seconds)
    parts: list[str] = []
    for name, size in _SPANS[:-1]:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {name}" if count else "")
    return " ".join(filter(None, parts[:2]))


def ago(at_ms: int | None, now_ms: int) -> str:
    """`3 s ago`; "never" for None, "now" for this second or a time ahead of the clock."""
    if at_ms is None:
        return "never"
    seconds = (now_ms - at_ms) // 1000
    return f"{span(seconds)} ago" if seconds > 0 else "now"


def moment(at_ms: int) -> str:
    """`2026-11-23 08:00 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at_ms / 1000))


def instant(at_ms: int) -> str:
    """`2026-11-23T08:00:00.123Z` (RFC 3339)."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at_ms // 1000))}.{at_ms % 1000:03d}Z"


def size(count: int) -> str:
    """`512 B`, `1.2 MiB`, `34 MiB`."""
    amount, step = float(count), 0
    while amount >= 1024 and step < len(_SIZES) - 1:
        amount, step = amount / 1024, step + 1
    digits = 1 if step and amount < 10 else 0
    return f"{amount:.{digits}f} {_SIZES[step]}"


def many(count: int, noun: str, plural: str = "") -> str:
    """`1 device`, `1,204 devices`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def symbol(unit: str) -> str:
    """The usual sign of a UCUM unit, "" for the unit one."""
    return _SYMBOLS.get(unit, unit)


def value(number: Shown, unit: str, decimals: int) -> str:
    """`1.234 m`, `on` for a bit, `-` for no value; whole numbers that came as such keep no decimals."""
    if number is None:
        return "-"
    if isinstance(number, bool):
        return "on" if number else "off"
    text = f"{number:.{decimals}f}" if isinstance(number, float) else str(number)
    return f"{text} {symbol(unit)}".rstrip()


def sparkline(values: Sequence[Shown]) -> str:
    """A step a value between the lowest and the highest; a dot where there is none or it is no number."""
    points = [float(each) if isinstance(each, int | float) else None for each in values]
    numbers = [point for point in points if point is not None]
    if not numbers:
        return _GAP * len(points)
    low, high = min(numbers) / 2, max(numbers) / 2  # halves: the range of any two numbers is a number
    top = len(_STEPS) - 1

    def mark(point: float) -> str:
        return _STEPS[round((point / 2 - low) / (high - low) * top) if high > low else top // 2]

    return "".join(_GAP if point is None else mark(point) for point in points)


def bar(share: float, width: int) -> str:
    """`[####......]`, full at 1; any share above 0 shows."""
    inside = max(width - 2, 1)
    filled = min(inside, max(round(share * inside), int(share > 0)))
    return f"[{'#' * filled}{'.' * (inside - filled)}]"


def listed(words: Iterable[str]) -> str:
    """`a, b and c`; "nothing" for none."""
    *most, last = list(words) or ["nothing"]
    return f"{', '.join(most)} and {last}" if most else last
