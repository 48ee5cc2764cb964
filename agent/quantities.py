"""Numbers with units as people write them: `33.5 m`, `5 cm`, `0.4 m/h`, `30 min`."""

from __future__ import annotations

import re

_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S(?:.*\S)?)?\s*")

_LENGTHS = {"km": 1000.0, "m": 1.0, "cm": 0.01, "mm": 0.001}
_TIMES = {"d": 86400.0, "h": 3600.0, "min": 60.0, "s": 1.0, "ms": 0.001}
_SCALES: tuple[dict[str, float], ...] = (
    _LENGTHS,
    {f"{length}/{time}": size / span for length, size in _LENGTHS.items() for time, span in _TIMES.items()},
    {"kV": 1000.0, "V": 1.0, "mV": 0.001},
    {"A": 1.0, "mA": 0.001},
    {"kW": 1000.0, "W": 1.0},
    {"kW.h": 1.0, "W.h": 0.001},
    {"bar": 1000.0, "hPa": 1.0, "mbar": 1.0, "kPa": 10.0, "Pa": 0.01},
    {"g/m3": 1e6, "mg/m3": 1000.0, "ug/m3": 1.0},
    {"mg/L": 1.0, "ug/L": 0.001},
    {"m3/s": 1.0, "L/s": 0.001},
    {"m3": 1.0, "L": 0.001},
    {"mS/cm": 1000.0, "uS/cm": 1.0},
)
"""Units that measure the same, by their size; of one row any may be written for any other."""

_SPELLINGS = {
    "°C": "Cel", "℃": "Cel", "C": "Cel", "°": "deg", "dB(A)": "dB", "dBA": "dB", "µg/m³": "ug/m3",
    "μg/m³": "ug/m3", "µg/m3": "ug/m3", "mg/m³": "mg/m3", "m³/s": "m3/s", "m³": "m3", "l/s": "L/s",
    "mg/l": "mg/L",
    "µS/cm": "uS/cm", "kWh": "kW.h", "NTU": "{NTU}", "ppm": "[ppm]", "pH": "[pH]",
    "m²": "m2", "minutes": "min", "hours": "h", "days": "d", "seconds": "s",
}  # fmt: skip
"""Usual ways to write a UCUM unit."""


def quantity(written: str | float, unit: str) -> float:
    """The number in `unit` (UCUM). One without a unit is taken only where the unit is 1.

    Raises:
        ValueError: no number, no unit, or a unit that measures something else; says what was expected.
    """
    match = _QUANTITY.fullmatch(str(written)) if not isinstance(written, bool) else None
    if match is None:
        raise ValueError(f'expected a number with a unit such as "{_example(unit)}", got {written!r}')
    number, given = float(match[1]), _SPELLINGS.get(match[2] or "1", match[2] or "1")
    if given == unit:
        return number
    for scale in _SCALES:
        if given in scale and unit in scale:
            return float(
                f"{number * scale[given] / scale[unit]:.12g}"
            )  # without the noise of binary fractions
    if given.startswith(","):
        raise ValueError(f"expected a decimal point, got the comma of {written!r}")
    fits = next((", ".join(scale) for scale in _SCALES if unit in scale), unit)
    got = "no unit" if given == "1" else f'"{given}"'
    raise ValueError(f"expected a unit that fits {unit} ({fits}), got {got}")


def duration_s(written: str | float) -> float:
    """`30 min` in seconds.

    Raises:
        ValueError: no number, no unit of time.
    """
    match = _QUANTITY.fullmatch(str(written)) if not isinstance(written, bool) else None
    given = _SPELLINGS.get(match[2] or "", match[2] or "") if match else ""
    if match is None or given not in _TIMES:
        raise ValueError(f'expected a time such as "30 min" (ms, s, min, h or d), got {written!r}')
    return float(match[1]) * _TIMES[given]


def _example(unit: str) -> str:
    return "5" if unit == "1" else f"5 {unit}"
