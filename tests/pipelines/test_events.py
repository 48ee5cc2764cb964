"""Events as plain values and back, and ids that are the same wherever they are worked out."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.events import (
    Event,
    Kind,
    Nature,
    Phase,
    Severity,
    Source,
    Window,
    as_plain,
    event_id,
    from_plain,
)
from pipelines.state import decode, encode

NUMBERS = st.floats(allow_nan=False)
TIMES = st.integers(-(2**53), 2**53)
WORDS = st.text(max_size=5)
EVENTS = st.builds(
    Event,
    id=WORDS, kind=st.sampled_from(Kind), nature=st.sampled_from(Nature), rule=WORDS,
    version=st.integers(0, 99), source=st.builds(Source, WORDS, WORDS), severity=st.sampled_from(Severity),
    phase=st.sampled_from(Phase), began_ms=TIMES, at_ms=TIMES, value=st.none() | NUMBERS,
    baseline=st.none() | NUMBERS, threshold=st.none() | NUMBERS,
    window=st.none() | st.builds(Window, TIMES, TIMES, st.integers(0, 99)),
    evidence=st.lists(st.tuples(TIMES, NUMBERS), max_size=3).map(tuple),
    detail=st.dictionaries(WORDS, NUMBERS | WORDS, max_size=3), caused_by=WORDS,
    suppressed=st.integers(0, 99), pictures=st.booleans(), acknowledged=WORDS, shelved=st.booleans(),
)  # fmt: skip


@given(EVENTS)
def test_an_event_comes_back_from_a_state_as_it_was(event):
    back = from_plain(decode(encode({"event": as_plain(event)}))["event"])
    assert back == event
    assert repr(back) == repr(event), "to the very type"


def test_plain_is_only_what_says_something():
    event = Event(
        id="1", kind=Kind.WIND, nature=Nature.HAPPENING, rule="wind", version=1, source=Source("wind", "speed"),
        severity=Severity.INFO, phase=Phase.OPENED, began_ms=1, at_ms=2,
    )  # fmt: skip
    plain = orjson.loads(orjson.dumps(as_plain(event)))
    assert plain == {
        "id": "1", "kind": "wind", "nature": "happening", "rule": "wind", "version": 1,
        "source": ["wind", "speed"], "severity": 0, "phase": "opened", "began_ms": 1, "at_ms": 2,
    }  # fmt: skip


@pytest.mark.parametrize("change", [{"kind": "party"}, {"severity": 9}, {"source": []}, {"phase": None}])
def test_what_is_no_event_is_refused(change):
    plain = {
        "id": "1", "kind": "wind", "nature": "happening", "rule": "wind", "version": 1,
        "source": ["wind", "speed"], "severity": 0, "phase": "opened", "began_ms": 1, "at_ms": 2,
    }  # fmt: skip
    assert from_plain(plain)
    with pytest.raises((ValueError, TypeError)):
        from_plain(plain | change)


def test_an_id_is_the_same_on_every_machine_and_tells_events_apart():
    assert event_id("stage", Source("river", "level"), 1000) == "c0432820bfb19cd8"
    others = [
        event_id(*each)
        for each in [
            ("stage", Source("river", "level"), 1001),
            ("rise", Source("river", "level"), 1000),
            ("stage", Source("river", "flow"), 1000),
            ("stage", Source("lake", "level"), 1000),
        ]
    ]
    assert len({*others, event_id("stage", Source("river", "level"), 1000)}) == 5


def test_a_source_is_shown_as_far_as_it_goes():
    shown = [str(each) for each in (Source("river", "level"), Source("river"), Source(""))]
    assert shown == ["river.level", "river", "station"]
