"""The long windows against a plain look at all the values."""

from hypothesis import given
from hypothesis import strategies as st

from pipelines.quality.stillness import BUCKETS, STEPS, Run, Spread

START_MS = 1_767_225_600_000
steps = st.integers(1, 40)
coarse = st.lists(
    st.tuples(steps, st.integers(-6, 6).map(lambda number: number / 4)), min_size=1, max_size=80
)
fine = st.lists(st.tuples(steps, st.floats(-1.0, 1.0)), min_size=1, max_size=80)


def items_of(walk):
    at_ms = START_MS
    for step, value in walk:
        at_ms += step
        yield at_ms, value


def sinces(run, items):
    """Feed as the owner of a run does."""
    found, before_ms, before = [], 0, None
    for at_ms, value in items:
        if before is None or abs(value - before) >= run.eps:
            run.start(at_ms)
        elif value != before:
            run.shift(before_ms, before, at_ms, value)
        before_ms, before = at_ms, value
        found.append(run.since_ms)
    return found


def since(items, eps):
    """When the longest stretch up to the end with a range below eps began."""
    low = high = items[-1][1]
    begin = items[-1][0]
    for at_ms, value in reversed(items):
        low, high = min(low, value), max(high, value)
        if high - low >= eps:
            break
        begin = at_ms
    return begin


@given(coarse, st.integers(1, 8).map(lambda number: number / 4))
def test_a_run_is_exact_where_values_are_coarse(walk, eps):
    items = list(items_of(walk))
    expected = [since(items[: index + 1], eps) for index in range(len(items))]
    assert sinces(Run(eps), items) == expected


@given(fine, st.floats(0.05, 1.0))
def test_a_run_is_never_too_long_and_hardly_too_short(walk, eps):
    items = list(items_of(walk))
    for index, found in enumerate(sinces(Run(eps), items)):
        seen = items[: index + 1]
        assert since(seen, eps) <= found <= since(seen, eps * (1 - 2.01 / STEPS))


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=300))
def test_a_run_remembers_little(values):
    run = Run(1.5)
    sinces(run, [(START_MS + index, value) for index, value in enumerate(values)])
    assert len(run._highs.values) <= STEPS + 2
    assert len(run._lows.values) <= STEPS + 2


@given(fine, st.integers(1, 1000))
def test_a_spread_is_that_of_its_window_but_for_one_bucket(walk, window_ms):
    spread = Spread(window_ms)
    bucket_ms = -(-window_ms // BUCKETS)
    items = list(items_of(walk))
    for index, (at_ms, value) in enumerate(items):
        spread.feed(at_ms, value)
        least = [each for time_ms, each in items[: index + 1] if time_ms > at_ms - (BUCKETS - 1) * bucket_ms]
        most = [each for time_ms, each in items[: index + 1] if time_ms > at_ms - BUCKETS * bucket_ms]
        assert len(least) <= spread.n <= len(most)
        assert min(most) <= spread.low <= min(least)
        assert max(least) <= spread.high <= max(most)


@given(st.lists(st.integers(1, 200), min_size=1, max_size=60), st.integers(1, 3))
def test_a_spread_is_exact_at_the_end_of_a_bucket(gaps, bucket_ms):
    spread = Spread(BUCKETS * bucket_ms)
    items = list(items_of([(gap * bucket_ms, (gap * 0.618) % 1.0) for gap in gaps]))
    origin = items[0][0] % bucket_ms
    items = [(at_ms - origin, value) for at_ms, value in items]
    for index, (at_ms, value) in enumerate(items):
        spread.feed(at_ms, value)
        window = [each for time_ms, each in items[: index + 1] if time_ms > at_ms - BUCKETS * bucket_ms]
        assert (spread.n, spread.low, spread.high) == (len(window), min(window), max(window))


def test_a_cleared_spread_begins_anew():
    spread = Spread(640)
    spread.feed(1000, 5.0)
    spread.clear()
    spread.feed(1001, 1.0)
    assert (spread.since_ms, spread.n, spread.low, spread.high) == (1001, 1, 1.0, 1.0)
