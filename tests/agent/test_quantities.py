"""Numbers with units: what fits is converted, what does not is refused with what would fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.quantities import duration_s, quantity


@pytest.mark.parametrize(
    ("written", "unit", "number"),
    [
        ("33.5 m", "m", 33.5), ("5cm", "m", 0.05), ("-3 mm", "m", -0.003), ("36 km/h", "m/s", 10.0),
        ("30 mm/h", "m/h", 0.03), ("12 kPa", "hPa", 120.0), ("75 dB(A)", "dB", 75.0), ("40 °C", "Cel", 40.0),
        ("75 µg/m³", "ug/m3", 75.0), ("0.1 mg/m3", "ug/m3", 100.0), ("11.5V", "V", 11.5), ("3", "1", 3.0), (3, "1", 3.0),
        ("80 %", "%", 80.0), ("1e3 mV", "V", 1.0), ("200 NTU", "{NTU}", 200.0),
    ],
)  # fmt: skip
def test_a_quantity_is_given_in_the_unit_asked_for(written, unit, number):
    assert quantity(written, unit) == number


@pytest.mark.parametrize(
    ("written", "unit", "message"),
    [
        ("33.5", "m", "expected a unit that fits m (km, m, cm, mm), got no unit"),
        (33.5, "m", "expected a unit that fits m (km, m, cm, mm), got no unit"),
        ("5 kPa", "m", 'expected a unit that fits m (km, m, cm, mm), got "kPa"'),
        ("5 V", "%", 'expected a unit that fits % (%), got "V"'),
        ("high", "m", "expected a number with a unit such as \"5 m\", got 'high'"),
        ("33,5 m", "m", "expected a decimal point, got the comma of '33,5 m'"),
        (True, "1", 'expected a number with a unit such as "5", got True'),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(written, unit, message):
    with pytest.raises(ValueError, match="expected") as error:
        quantity(written, unit)
    assert str(error.value) == message


@given(st.floats(-1e6, 1e6).map(lambda x: float(f"{x:.6g}")))
def test_there_and_back_is_the_same_number(number):
    assert quantity(f"{quantity(f'{number!r} m', 'cm')!r} cm", "m") == pytest.approx(number, rel=1e-11)


def test_a_duration_is_given_in_seconds():
    assert [duration_s(each) for each in ("30 min", "1.5 h", "2 d", "10s", "500 ms")] == [
        1800,
        5400,
        172800,
        10,
        0.5,
    ]


@pytest.mark.parametrize("written", ["30", 30, "30 m", "soon", True])
def test_a_duration_needs_a_unit_of_time(written):
    with pytest.raises(ValueError, match="expected a time such as"):
        duration_s(written)
