"""Which message is given up when the broker keeps hanging up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.uplink.poison import DEATHS, Poison


def test_three_hang_ups_in_a_row_give_it_up() -> None:
    poison = Poison()
    assert [poison.hung_up("a", answered=True) for _ in range(DEATHS)] == [False, False, True]
    assert poison.suspect == ""


def test_the_suspect_travels_alone_until_it_is_through() -> None:
    poison = Poison()
    assert poison.window > 100
    poison.hung_up("a", answered=True)
    poison.passed("b")
    assert poison.window == 1
    poison.passed("a")
    assert poison.window > 100


def test_another_oldest_message_starts_the_count_anew() -> None:
    poison = Poison()
    keys = ["a", "a", "b", "b", "a", "a"]
    assert not any(poison.hung_up(key, answered=True) for key in keys)


def test_a_connection_that_never_answered_proves_nothing() -> None:
    poison = Poison()
    assert not any(poison.hung_up("a", answered=False) for _ in range(10))


def test_a_broker_that_hangs_up_on_everything_costs_one_message() -> None:
    poison = Poison()
    given_up = [poison.hung_up(key, answered=True) for key in "abcd" for _ in range(DEATHS)]
    assert given_up.count(True) == 1
    poison.passed("e")
    assert poison.hung_up("d", answered=True)


@given(st.lists(st.tuples(st.sampled_from(["pass", "hang up"]), st.sampled_from("abc"), st.booleans())))
def test_given_up_only_after_enough_hang_ups_on_it(events: list[tuple[str, str, bool]]) -> None:
    poison = Poison()
    deaths = dict.fromkeys("abc", 0)
    passed, given_up = 0, 0
    for event, key, answered in events:
        if event == "pass":
            poison.passed(key)
            deaths[key] = 0
            passed += 1
            continue
        deaths[key] += answered
        if poison.hung_up(key, answered=answered):
            assert deaths[key] >= DEATHS
            deaths[key] = 0
            given_up += 1
    assert given_up <= passed + 1
