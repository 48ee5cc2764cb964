from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.readings import Quality
from pipelines.state import decode, encode
from pipelines.water.reread import Outcome, Reread, RereadSettings

T0 = 1_780_272_000_000
HOUR = 3_600_000


def reread(**settings):
    return Reread(RereadSettings(**{"tolerance": 0.05} | settings))


def ask(policy, *answers):
    """Ask and answer until there is a verdict."""
    for answer in answers:
        assert policy.wanted(policy.next_ms)
        verdict = policy.answer(answer)
        if verdict:
            return verdict
    return None


def test_four_questions_are_spread_over_twenty_seconds():
    policy = reread()
    assert policy.next_ms is None
    assert policy.doubt(T0, 3.5, 1.0)
    assert [second for second in range(40) if policy.wanted(T0 + second * 1000)] == [5, 10, 15, 20]


def test_a_step_that_is_still_there_is_confirmed_as_soon_as_most_agree():
    policy = reread()
    policy.doubt(T0, 3.5, 1.0)
    verdict = ask(policy, 3.52, 3.48, 3.55)
    assert (verdict.outcome, verdict.quality, verdict.test) == (
        Outcome.CONFIRMED,
        Quality.GOOD,
        "reread_confirmed",
    )
    assert (verdict.at_ms, verdict.value, verdict.answers) == (T0, 3.5, (3.52, 3.48, 3.55))
    assert not policy.busy


def test_a_spike_that_is_gone_is_withdrawn():
    policy = reread()
    policy.doubt(T0, 3.5, 1.0)
    verdict = ask(policy, 1.0, 3.5, 1.02, 0.98)
    assert (verdict.outcome, verdict.quality, verdict.test) == (
        Outcome.WITHDRAWN,
        Quality.BAD,
        "reread_withdrawn",
    )


@pytest.mark.parametrize(
    "answers", [(2.0, 0.1, 5.0, 2.2), (3.5, 3.5, 1.0, 1.0), (3.5, 3.5, None, None), (None,) * 4]
)
def test_scatter_a_tie_and_silence_leave_it_undecided(answers):
    policy = reread()
    policy.doubt(T0, 3.5, 1.0)
    verdict = ask(policy, *answers)
    assert (verdict.outcome, verdict.quality, verdict.test) == (
        Outcome.UNDECIDED, Quality.SUSPECT, "reread_undecided",
    )  # fmt: skip


def test_where_both_are_near_the_nearer_one_counts():
    policy = reread(tolerance=0.5)
    policy.doubt(T0, 1.3, 1.0)
    assert ask(policy, 1.2, 1.25, 1.4).outcome is Outcome.CONFIRMED


def test_answers_that_never_come_end_with_the_time():
    policy = reread()
    policy.doubt(T0, 3.5, 1.0)
    assert policy.wanted(T0 + 5000)
    assert policy.expire(T0 + 29_999) is None
    assert policy.expire(T0 + 30_000).outcome is Outcome.UNDECIDED
    assert not policy.busy


def test_an_answer_nobody_asked_for_is_not_counted():
    policy = reread()
    assert policy.answer(3.5) is None
    policy.doubt(T0, 3.5, 1.0)
    for _ in range(4):
        assert policy.answer(3.5) is None
    assert policy.wanted(T0 + 5000)


def test_one_doubt_at_a_time():
    policy = reread()
    assert policy.doubt(T0, 3.5, 1.0)
    assert not policy.doubt(T0 + 1000, 3.6, 1.0)


def test_an_erratic_gauge_gets_no_more_than_its_share_of_the_bus():
    policy = reread(most_per_hour=2)
    for at_ms, taken in (
        (T0, True),
        (T0 + 60_000, True),
        (T0 + 120_000, False),
        (T0 + HOUR - 1, False),
        (T0 + HOUR, True),
    ):
        assert policy.doubt(at_ms, 3.5, 1.0) is taken
        policy.expire(at_ms + 30_000)


@given(
    answers=st.lists(st.none() | st.floats(0, 5), min_size=4, max_size=4),
    cut=st.integers(0, 4),
)
def test_a_restart_in_between_changes_nothing(answers, cut):
    verdicts = []
    for restart in (False, True):
        policy = reread()
        policy.doubt(T0, 3.5, 1.0)
        found = None
        for n, answer in enumerate(answers):
            if restart and n == cut:
                state, policy = policy.state(), reread()
                policy.restore(decode(encode(state)))
            if policy.busy and policy.wanted(T0 + 5000 * (n + 1)):
                found = policy.answer(answer) or found
        verdicts.append((found, policy.state()))
    assert verdicts[0] == verdicts[1]
    assert verdicts[0][0] is not None


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"tolerance": 0.0}, "tolerance"),
        ({"count": 1}, "count"),
        ({"spread_ms": 5000}, "spread_ms"),
        ({"patience_ms": -1}, "patience_ms"),
        ({"most_per_hour": 0}, "most_per_hour"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings, key):
    with pytest.raises(ValueError, match=f"^{key}: expected .*, got "):
        reread(**settings)


def test_a_state_of_other_settings_is_refused():
    with pytest.raises(ValueError, match="other settings"):
        reread(count=5).restore(reread().state())


@pytest.mark.parametrize(
    ("answers", "phases", "news"),
    [
        ((1.02, 0.99, 1.0), ["opened", "closed"], "withdrawn"),
        ((4.48, 4.5, 4.53), ["opened", "updated"], "confirmed"),
        ((2.0, 3.0, 0.5, 4.0), ["opened"], "reached"),
    ],
)
def test_a_doubted_flood_is_told_at_once_and_confirmed_or_withdrawn_within_seconds(answers, phases, news):
    from pipelines.events import Source
    from pipelines.water.stage import StageRule, StageSettings

    level = Source("gauge", "water_level")
    stage = StageRule(StageSettings(name="stage", source=level, warning_m=3.0, guarantee_m=4.0))
    policy = reread()
    events = [
        *stage.feed(level, T0 - 300_000, 1.0, Quality.GOOD),
        *stage.feed(level, T0, 4.5, Quality.SUSPECT),
    ]
    assert policy.doubt(T0, 4.5, 1.0)
    verdict = ask(policy, *answers)
    if verdict.outcome is Outcome.CONFIRMED:
        events += stage.confirmed(verdict.at_ms)
    elif verdict.outcome is Outcome.WITHDRAWN:
        events += stage.withdrawn(verdict.at_ms)
    assert [str(event.phase) for event in events] == phases
    assert events[0].detail["confidence"] == 0.5
    assert events[-1].detail["news"] == news
