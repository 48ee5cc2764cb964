"""The sketches against the sorted values themselves."""

import math

from hypothesis import given
from hypothesis import strategies as st

from pipelines.quality.sketch import PARTS, Around, Fewest, Sizes
from pipelines.state import decode, encode

sizes = st.lists(st.just(0.0) | st.floats(1e-9, 1e9), min_size=1, max_size=200)
shares = st.floats(0.0, 1.0)


def at(values, share):
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@given(sizes, shares)
def test_a_quantile_is_right_to_one_part(values, share):
    sketch = Sizes()
    for value in values:
        sketch.add(value)
    found = sketch.quantile(share)
    assert sum(value <= found for value in values) >= share * len(values)
    if share * len(values) > values.count(0.0):
        assert at(values, share) <= found <= at(values, share) * (1 + 1 / PARTS)


@given(sizes, st.floats(1e-9, 1e9))
def test_how_many_are_above(values, limit):
    sketch = Sizes()
    for value in values:
        sketch.add(value)
    least = sum(value > limit * (1 + 1 / PARTS) for value in values)
    most = sum(value > limit for value in values)
    assert least <= sketch.above(limit) <= most


def test_what_is_beyond_all_sizes_is_counted_all_the_same():
    sketch = Sizes()
    for value in (1e-300, 1e300, 1.0):
        sketch.add(value)
    assert sketch.n == 3
    assert sketch.quantile(1 / 3) < 1e-9
    assert sketch.quantile(1.0) > 1e9


def test_an_empty_sketch():
    assert Sizes().quantile(0.5) == 0.0
    assert Sizes().above(0.0) == 0
    assert Around().n == 0


def test_a_sketch_is_small():
    sketch = Sizes()
    for power in range(-3000, 3000):
        sketch.add(1.07**power)
    assert len(encode(sketch.state())) < 81 * PARTS * 10 + 200


@given(st.lists(st.floats(-1e6, 1e6).map(lambda number: round(number, 3)), min_size=1, max_size=200), shares)
def test_a_quantile_of_values_is_right_by_its_distance_from_the_first(values, share):
    sketch = Around()
    for value in values:
        sketch.add(value)
    found = sketch.quantile(share)
    ranked = sorted(values)
    near = [
        ranked[min(len(ranked) - 1, max(0, math.ceil(share * len(ranked)) + more))] for more in (-2, -1, 0)
    ]
    assert any(
        abs(value - found) <= abs(value - values[0]) / PARTS + 1e-6 for value in near
    )  # fmt: skip


thousandths = st.integers(-100_000, 100_000).map(lambda number: number / 1000)


@given(st.lists(thousandths, min_size=1, max_size=100), thousandths.map(abs), thousandths.map(abs))
def test_how_many_values_are_outside(values, below, above):
    sketch = Around()
    for value in values:
        sketch.add(value)
    low, high = values[0] - below, values[0] + above
    more = 1 + 1.001 / PARTS
    least = sum(
        value < values[0] - below * more - 1e-9 or value > values[0] + above * more + 1e-9 for value in values
    )
    most = sum(value < low or value > high for value in values)
    assert least <= sketch.outside(low, high) <= most


@given(st.lists(st.integers(0, 30), max_size=100), st.integers(1, 8))
def test_the_fewest_are_counted_exactly(numbers, most):
    fewest = Fewest(most)
    for number in numbers:
        fewest.add(float(number))
    kept = sorted(set(numbers))[:most]
    assert fewest.sorted() == [(float(each), numbers.count(each)) for each in kept]
    ranked = [number for number in sorted(numbers) if number in kept]
    assert [fewest.number(rank) for rank in range(len(ranked) + 1)] == [*ranked, None]


@given(sizes)
def test_sketches_are_kept(values):
    around, fewest = Around(), Fewest(5)
    for value in values:
        around.add(value)
        fewest.add(value)
    again, other = Around(), Fewest(5)
    again.restore(decode(encode(around.state())))
    other.restore(decode(encode(fewest.state())))
    assert [again.quantile(share / 10) for share in range(11)] == [
        around.quantile(share / 10) for share in range(11)
    ]
    assert (again.n, other.sorted()) == (around.n, fewest.sorted())
