"""The sub-index by hand: HJ 633-2012 and HJ 633-2026."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.city.aqi_tables import (
    CLASSES,
    IAQI,
    TABLES,
    Averaging,
    class_of,
    primary,
    sub_index,
    table_at,
)

OLD, NEW = TABLES
DAY, EIGHT, HOUR = Averaging.HOURS_24, Averaging.HOURS_8, Averaging.HOUR


@pytest.mark.parametrize(
    ("table", "pollutant", "averaging", "concentration", "index"),
    [
        (OLD, "pm2_5", DAY, 0, 0),
        (OLD, "pm2_5", DAY, 35, 50),
        (OLD, "pm2_5", DAY, 55, 75),  # 50 + 50 * 20 / 40
        (OLD, "pm2_5", DAY, 60, 82),  # 50 + 50 * 25 / 40 = 81.25
        (NEW, "pm2_5", DAY, 60, 100),
        (NEW, "pm2_5", DAY, 61, 101),  # 100 + 50 / 55 = 100.9
        (OLD, "pm2_5", DAY, 75, 100),
        (OLD, "pm2_5", DAY, 76, 102),  # 100 + 50 / 40 = 101.25
        (NEW, "pm2_5", DAY, 75, 114),  # 100 + 50 * 15 / 55 = 113.6
        (OLD, "pm10", DAY, 120, 85),  # 50 + 50 * 70 / 100
        (NEW, "pm10", DAY, 120, 100),
        (NEW, "pm10", DAY, 150, 112),  # 100 + 50 * 30 / 130 = 111.5
        (OLD, "pm10", DAY, 150, 100),
        (OLD, "pm2_5", DAY, 500, 500),
        (OLD, "pm2_5", DAY, 900, 500),
        (OLD, "pm2_5", HOUR, 75, 100),
        (OLD, "o3", HOUR, 160, 50),
        (OLD, "o3", EIGHT, 265, 200),
        (OLD, "o3", EIGHT, 800, 300),
        (OLD, "o3", EIGHT, 801, None),
        (OLD, "o3", DAY, 100, None),
        (OLD, "so2", HOUR, 800, 200),
        (OLD, "so2", HOUR, 801, None),
        (OLD, "so2", DAY, 801, 201),  # 200 + 100 / 800
        (OLD, "no2", HOUR, 150, 75),
        (OLD, "co", HOUR, 7.5, 75),
        (OLD, "co", DAY, 2.1, 53),  # 50 + 50 * 0.1 / 2 = 52.5
        (OLD, "pm10", DAY, -1, None),
    ],
)
def test_worked_by_hand(table, pollutant, averaging, concentration, index):
    assert sub_index(table, pollutant, averaging, concentration) == index


@pytest.mark.parametrize("table", TABLES)
def test_every_break_point_has_its_own_index(table):
    for (pollutant, averaging), points in table.points.items():
        for point, index in zip(points, IAQI, strict=False):
            assert sub_index(table, pollutant, averaging, point) == index


@given(
    st.sampled_from(TABLES),
    st.sampled_from(["pm2_5", "pm10", "no2", "so2"]),
    st.floats(0, 700),
    st.floats(0, 50),
)
def test_more_of_it_is_never_a_lower_index(table, pollutant, concentration, more):
    low = sub_index(table, pollutant, DAY, concentration)
    high = sub_index(table, pollutant, DAY, concentration + more)
    assert low <= high


def test_the_table_is_that_of_the_day():
    day = (date(2026, 3, 1) - date(1970, 1, 1)).days
    assert table_at(day - 1) is OLD
    assert table_at(day) is NEW
    assert table_at(0) is OLD
    assert (date(2012, 2, 29) - date(1970, 1, 1)).days == OLD.from_day


@pytest.mark.parametrize(
    ("aqi", "number"),
    [
        (0, 1),
        (50, 1),
        (51, 2),
        (100, 2),
        (101, 3),
        (150, 3),
        (151, 4),
        (200, 4),
        (201, 5),
        (300, 5),
        (301, 6),
        (500, 6),
    ],
)
def test_classes_begin_one_above_the_break_point(aqi, number):
    assert class_of(aqi) == number
    assert len(CLASSES) == 6


def test_a_primary_pollutant_is_named_above_50_only():
    assert primary({"pm2_5": 50, "pm10": 20}) == ""
    assert primary({"pm2_5": 51, "pm10": 20}) == "pm2_5"
    assert primary({"pm2_5": 120, "pm10": 120}) == "pm2_5,pm10"
    assert primary({}) == ""
