"""States are written small and read back exactly, or refused."""

from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.state import decode, encode

ARRAYS = st.sampled_from("dfqI").flatmap(
    lambda code: st.lists(
        st.floats(width=32 if code == "f" else 64) if code in "df" else st.integers(0, 2**31), max_size=5
    ).map(lambda numbers: array(code, numbers))
)
KEYS = st.text(max_size=5).filter(lambda key: not key.startswith("\0"))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=5) | ARRAYS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def shown(value):
    """Tells 1 from 1.0, 0.0 from -0.0, and knows that a NaN is a NaN."""
    if isinstance(value, dict):
        return {key: shown(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shown(each) for each in value]
    return (value.typecode, value.tobytes()) if isinstance(value, array) else repr(value)


@given(st.dictionaries(KEYS, PLAIN, max_size=4))
def test_a_state_comes_back_as_it_was(state):
    assert shown(decode(encode(state))) == shown(state)


@given(st.binary(max_size=60))
def test_other_bytes_are_refused(raw):
    with pytest.raises(ValueError, match="not a stored state"):
        decode(raw)


@pytest.mark.parametrize("text", [b"[]", b"1", b'{"a":{"\\u0000a":"d"}}', b'{"a":{"\\u0000a":"z","n":0}}'])
def test_a_text_that_is_no_state_is_refused(text):
    with pytest.raises(ValueError, match=r"stored state|typecode"):
        decode(len(text).to_bytes(4, "little") + text)


@given(st.integers(0, 200))
def test_a_state_that_is_cut_short_is_refused(size):
    raw = encode({"numbers": array("d", range(10)), "more": [1.5, math.inf]})
    if size < len(raw):
        with pytest.raises(ValueError, match="not a stored state"):
            decode(raw[:size])


def test_an_array_takes_its_bytes_and_little_more():
    assert len(encode({"numbers": array("d", [1.0]) * 1000})) < 8000 + 50


def test_tuples_and_named_ones_are_lists():
    assert decode(encode({"pair": (1, "a"), "many": [(2, 3)]})) == {"pair": [1, "a"], "many": [[2, 3]]}
