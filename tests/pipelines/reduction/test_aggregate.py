"""Windows, against readings sorted into lists and summed up exactly."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.readings import Quality
from pipelines.reduction.aggregate import DAY_MS, Aggregate, AggregateSettings, Row
from pipelines.reduction.forms import Form
from pipelines.state import decode, encode

GOOD, UNKNOWN, SUSPECT, BAD, MISSING = Quality
MINUTE_MS = 60_000
T0_MS = 1_790_000_000_000 // DAY_MS * DAY_MS
AFTER = (Form.INTERVAL, Form.COUNTER)


class Given(NamedTuple):
    at_ms: int
    value: float | None
    quality: Quality


qualities = st.sampled_from([GOOD, GOOD, GOOD, UNKNOWN, SUSPECT, BAD])
values = st.floats(-200, 200) | st.integers(0, 50).map(float)


@st.composite
def series(draw: st.DrawFn) -> list[Given]:
    at_ms, found = T0_MS + draw(st.integers(0, DAY_MS)), []
    for _ in range(draw(st.integers(0, 50))):
        at_ms += draw(st.sampled_from([10_000, 10_000, 10_000, 20_000, 7_001, 1, 200_000, 4 * 3_600_000]))
        value = draw(values | st.none())
        found.append(Given(at_ms, value, draw(qualities) if value is not None else MISSING))
    return found


settings_of = st.builds(
    AggregateSettings,
    window_ms=st.sampled_from([MINUTE_MS, 5 * MINUTE_MS, 60 * MINUTE_MS, DAY_MS]),
    every_ms=st.sampled_from([10_000, 7_000, 60_000]),
    form=st.sampled_from(Form),
    utc_offset_ms=st.sampled_from([0, 8 * 3_600_000, -90 * MINUTE_MS]),
    wraps_at=st.sampled_from([None, 65536.0]),
)


def run(stage: Aggregate, readings: list[Given]) -> list[Row]:
    return [row for reading in readings if (row := stage.feed(*reading))]


def begin_of(reading: Given, settings: AggregateSettings) -> int:
    local = reading.at_ms + settings.utc_offset_ms
    if settings.form in AFTER:
        return (
            math.ceil(Fraction(local, settings.window_ms) - 1) * settings.window_ms - settings.utc_offset_ms
        )
    return local // settings.window_ms * settings.window_ms - settings.utc_offset_ms


def windows(readings: list[Given], settings: AggregateSettings) -> dict[int, list[Given]]:
    found: dict[int, list[Given]] = {}
    for reading in readings:
        found.setdefault(begin_of(reading, settings), []).append(reading)
    return found


def flag_of(counts: Counter[Quality], expected: int) -> Quality:
    usable = counts[GOOD] + counts[UNKNOWN] + counts[SUSPECT]
    if not usable:
        return BAD if counts[BAD] else MISSING
    judged = usable + counts[BAD]
    if usable / expected < 0.75:
        return SUSPECT
    if counts[GOOD] / judged >= 0.75:
        return GOOD
    return UNKNOWN if (counts[GOOD] + counts[UNKNOWN]) / judged >= 0.75 else SUSPECT


@given(settings_of, series())
def test_windows_counts_and_flags_are_those_of_a_list(
    settings: AggregateSettings, readings: list[Given]
) -> None:
    stage = Aggregate(settings)
    rows = run(stage, readings)
    expected = windows(readings, settings)
    assert [row.begin_ms for row in rows] == list(expected)[:-1]
    if readings:
        assert stage.tick(list(expected)[-1] + settings.window_ms - 1) is None
        last = stage.tick(list(expected)[-1] + settings.window_ms + 1)
        assert last
        rows.append(last)
    for row, (begin_ms, inside) in zip(rows, expected.items(), strict=True):
        assert (row.begin_ms, row.end_ms) == (begin_ms, begin_ms + settings.window_ms)
        assert (row.begin_ms + settings.utc_offset_ms) % settings.window_ms == 0
        assert row.expected == settings.window_ms // settings.every_ms
        counts = Counter(reading.quality for reading in inside)
        assert [row.good, row.not_evaluated, row.suspect, row.bad, row.missing] == [
            counts[quality] for quality in Quality
        ]
        assert row.quality == flag_of(counts, row.expected)
        assert (row.test != "") is (row.quality == SUSPECT)
        usable = [reading.value for reading in inside if reading.quality in (GOOD, UNKNOWN, SUSPECT)]
        assert row.last == (usable[-1] if usable else None)
        assert row.values == len(usable)
    assert stage.late == 0


def near(found: float | None, expected: float | None, within: float) -> bool:
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=within, abs_tol=within)


def naive(form: Form, usable: list[float]) -> tuple[float | None, ...]:
    """Least, greatest, mean and total."""
    if not usable:
        return None, None, None, None
    exact = sum(map(Fraction, usable))
    least, most, mean = min(usable), max(usable), float(exact / len(usable))
    match form:
        case Form.INSTANT:
            return least, most, mean, None
        case Form.INTERVAL:
            return least, most, mean, float(exact)
        case Form.LEVEL:
            energy = math.fsum(10 ** (value / 10) for value in usable) / len(usable)
            return least, most, 10 * math.log10(energy), None
        case Form.DIRECTION:
            vector = sum(complex(math.cos(math.radians(v)), math.sin(math.radians(v))) for v in usable)
            if abs(vector) < 1e-6:
                return None, None, None, None
            return None, None, math.degrees(math.atan2(vector.imag, vector.real)), None
    raise AssertionError(form)


@given(settings_of.filter(lambda settings: settings.form is not Form.COUNTER), series())
def test_figures_are_those_of_a_list(settings: AggregateSettings, readings: list[Given]) -> None:
    for row, inside in zip(
        run(Aggregate(settings), readings), windows(readings, settings).values(), strict=False
    ):
        usable = [reading.value for reading in inside if reading.quality in (GOOD, UNKNOWN, SUSPECT)]
        least, most, mean, total = naive(settings.form, usable)
        assert (row.min, row.max) == (least, most)
        assert near(row.total, total, 1e-13)
        if settings.form is Form.DIRECTION:
            if mean is not None and row.mean is not None:
                assert 0 <= row.mean < 360
                assert math.remainder(row.mean - mean, 360) == pytest.approx(0, abs=1e-4)
        else:
            assert near(row.mean, mean, 1e-12)
            assert row.mean is None or row.min <= row.mean <= row.max


@given(
    st.integers(0, 65535),
    st.lists(
        st.tuples(st.integers(0, 150), st.sampled_from(["", "", "", "reset", "suspect", "bad"])), max_size=40
    ),
)
def test_a_counter_goes_on_by_what_passed_whatever_happened_to_it(
    shown: int, steps: list[tuple[int, str]]
) -> None:
    """A reset where it cannot be taken for an overflow; what was counted before it and not read is lost."""
    settings = AggregateSettings(window_ms=MINUTE_MS, every_ms=10_000, form=Form.COUNTER, wraps_at=65536.0)
    stage = Aggregate(settings)
    at_ms, read, unread, truth = T0_MS, shown, 0, 0
    rows = [stage.feed(at_ms, shown, GOOD)]
    for step, what in steps:
        at_ms += 10_000
        if what == "reset" and 6000 < read < 58_000:
            shown = unread = step
        else:
            shown, unread = (shown + step) % 65536, unread + step
        if what in ("suspect", "bad"):
            rows.append(stage.feed(at_ms, *((1e6, SUSPECT) if what == "suspect" else (None, BAD))))
            continue
        rows.append(stage.feed(at_ms, shown, GOOD))
        truth, read, unread = truth + unread, shown, 0
    rows.append(stage.tick(at_ms + 2 * MINUTE_MS))
    assert sum(row.total or 0 for row in rows if row) == truth


def test_a_counter_that_does_not_go_over_was_reset() -> None:
    def totals(wraps_at: float | None, *shown: float) -> float | None:
        form = Form.COUNTER
        stage = Aggregate(
            AggregateSettings(window_ms=MINUTE_MS, every_ms=10_000, form=form, wraps_at=wraps_at)
        )
        for n, value in enumerate(shown):
            stage.feed(T0_MS + 1 + n, value, GOOD)
        return stage.tick(T0_MS + 2 * MINUTE_MS).total

    assert totals(None, 65530, 4) == 4
    assert totals(65536.0, 65530, 4) == 10
    assert totals(65536.0, 40_000, 4) == 4
    assert totals(65536.0, 70_000, 4) == 4, "it was never above, so it says nothing"
    assert totals(None, 5, -3) == 0
    assert totals(None, 5) is None
    assert totals(None, 5, 5) == 0


def test_rain_on_the_hour_belongs_to_the_hour_that_ends() -> None:
    for form, begins in ((Form.INTERVAL, [0, 0, 1]), (Form.INSTANT, [0, 1, 1])):
        stage = Aggregate(AggregateSettings(window_ms=3_600_000, every_ms=1_800_000, form=form))
        rows = [stage.feed(T0_MS + minutes * MINUTE_MS, 1.0, GOOD) for minutes in (30, 60, 90)]
        rows.append(stage.tick(T0_MS + 121 * MINUTE_MS))
        found = [(row.begin_ms, row.values) for row in rows if row]
        assert found == [(T0_MS + hour * 3_600_000, begins.count(hour)) for hour in (0, 1)]


def test_a_window_without_readings_is_told_and_a_long_stop_is_not() -> None:
    stage = Aggregate(AggregateSettings(window_ms=MINUTE_MS, every_ms=10_000))
    rows = [stage.tick(T0_MS + seconds * 1000) for seconds in range(0, 190, 10)]
    told = [(row.begin_ms, row.quality, row.missing) for row in rows if row]
    assert told == [(T0_MS + n * MINUTE_MS, MISSING, 0) for n in range(3)]
    assert stage.tick(T0_MS + 30 * DAY_MS).begin_ms == T0_MS + 3 * MINUTE_MS
    assert stage.tick(T0_MS + 30 * DAY_MS) is None
    assert stage.feed(T0_MS + 30 * DAY_MS, 1.0, GOOD) is None
    assert stage.feed(T0_MS + 31 * DAY_MS, 1.0, GOOD).values == 1


def test_what_comes_late_is_counted_apart() -> None:
    stage = Aggregate(AggregateSettings(window_ms=MINUTE_MS, every_ms=10_000))
    stage.feed(T0_MS + 1000, 1.0, GOOD)
    assert stage.tick(T0_MS + MINUTE_MS).values == 1
    assert stage.feed(T0_MS + 59_000, 99.0, GOOD) is None
    row = stage.tick(T0_MS + 2 * MINUTE_MS)
    assert (row.values, row.missing, stage.late) == (0, 0, 1)


@pytest.mark.parametrize(
    ("flags", "quality", "test"),
    [
        ([GOOD] * 6, GOOD, ""),
        ([GOOD] * 5, GOOD, ""),
        ([GOOD] * 4, SUSPECT, "incomplete"),
        ([GOOD] * 5 + [SUSPECT], GOOD, ""),
        ([GOOD] * 4 + [SUSPECT] * 2, SUSPECT, "mixed"),
        ([GOOD] * 3 + [UNKNOWN] * 3, UNKNOWN, ""),
        ([GOOD] * 5 + [BAD] * 2, SUSPECT, "mixed"),
        ([SUSPECT] * 6, SUSPECT, "mixed"),
        ([BAD, MISSING, MISSING], BAD, ""),
        ([MISSING], MISSING, ""),
    ],
)
def test_the_flag_follows_its_rule(flags: list[Quality], quality: Quality, test: str) -> None:
    stage = Aggregate(AggregateSettings(window_ms=MINUTE_MS, every_ms=10_000))
    for n, flag in enumerate(flags):
        stage.feed(T0_MS + n * 5000, None if flag is MISSING else 1.0, flag)
    row = stage.tick(T0_MS + MINUTE_MS)
    assert (row.quality, row.test) == (quality, test)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e301, 10**400])
def test_a_number_beyond_measure_is_bad_and_spoils_nothing(value: float) -> None:
    stage = Aggregate(AggregateSettings(window_ms=MINUTE_MS, every_ms=10_000))
    stage.feed(T0_MS, value, GOOD)
    stage.feed(T0_MS + 1, 2.0, GOOD)
    row = stage.tick(T0_MS + MINUTE_MS)
    assert (row.good, row.bad, row.mean, row.max, row.last) == (1, 1, 2.0, 2.0, 2.0)


def test_small_values_beside_large_ones_are_not_lost() -> None:
    stage = Aggregate(AggregateSettings(window_ms=DAY_MS, every_ms=1000, form=Form.INTERVAL))
    for n, value in enumerate([1e16, *[1.0] * 1000, -1e16]):
        stage.feed(T0_MS + 1 + n, value, GOOD)
    assert stage.tick(T0_MS + DAY_MS + 1).total == 1000.0


def test_directions_around_north_and_opposed_ones() -> None:
    def mean(*angles: float) -> float | None:
        stage = Aggregate(AggregateSettings(window_ms=MINUTE_MS, every_ms=10_000, form=Form.DIRECTION))
        for n, angle in enumerate(angles):
            stage.feed(T0_MS + n, angle, GOOD)
        return stage.tick(T0_MS + MINUTE_MS).mean

    assert mean(350, 10) == pytest.approx(0, abs=1e-9)
    assert mean(350, 20) == pytest.approx(5)
    assert mean(-90, 630) == pytest.approx(270)
    assert mean(0, 180) is None
    assert mean(0, 120, 240) is None
    assert mean(360 - 1e-15, -1e-14) == 0.0


def test_levels_are_averaged_as_energies() -> None:
    stage = Aggregate(AggregateSettings(window_ms=MINUTE_MS, every_ms=10_000, form=Form.LEVEL))
    for n, level in enumerate([60.0, 70.0, -2000.0]):
        stage.feed(T0_MS + n, level, GOOD)
    row = stage.tick(T0_MS + MINUTE_MS)
    assert row.mean == pytest.approx(10 * math.log10((10**6 + 10**7) / 2))
    assert row.bad == 1


@given(settings_of, series(), st.integers(0, 50))
def test_a_restart_changes_nothing(settings: AggregateSettings, readings: list[Given], at: int) -> None:
    stage, again = Aggregate(settings), Aggregate(settings)
    run(stage, readings[:at])
    again.restore(decode(encode(stage.state())))
    assert run(again, readings[at:]) == run(stage, readings[at:])
    assert encode(again.state()) == encode(stage.state())


def test_a_state_of_others_is_refused_and_leaves_it_as_new() -> None:
    def made(form: Form) -> Aggregate:
        return Aggregate(AggregateSettings(window_ms=MINUTE_MS, every_ms=10_000, form=form))

    for form in Form:
        stage = made(form)
        stage.feed(T0_MS, 1.0, GOOD)
        state = stage.state()
        fresh = made(form)
        for broken in (
            {**state, "made_by": "another"},
            {**state, "counts": [1]},
            {**state, "tally": state["tally"][:-1]},
            {**state, "window": state["window"][:-1]},
        ):
            with pytest.raises(ValueError, match=r"expected|unpack"):
                fresh.restore(broken)
        assert encode(fresh.state()) == encode(made(form).state())
        fresh.restore(state)
        assert fresh.state() == state


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"window_ms": 7 * MINUTE_MS}, "window_ms: expected a part of 86400000, got 420000"),
        ({"every_ms": 0}, "every_ms: expected 1 to 60000, got 0"),
        ({"every_ms": MINUTE_MS + 1}, "every_ms: expected 1 to 60000"),
        ({"utc_offset_ms": -2 * DAY_MS}, "utc_offset_ms: expected at most a day"),
        ({"wraps_at": 0.0}, "wraps_at: expected a number above 0, got 0.0"),
        ({"enough": 1.1}, "enough: expected a share above 0, got 1.1"),
    ],
)
def test_settings_that_do_not_hold_are_refused(settings: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        AggregateSettings(**{"window_ms": MINUTE_MS, "every_ms": 10_000, **settings})  # type: ignore[arg-type]
