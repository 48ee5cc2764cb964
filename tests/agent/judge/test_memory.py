"""Which states go with a commit: the urgent at once, the others at a pace by their size, nothing twice."""

from __future__ import annotations

from typing import Any

import pytest

from agent.judge.memory import BYTES_PER_S, SPREAD_S, Memory
from pipelines.state import State, decode


class Note:
    """A stage that remembers a text."""

    def __init__(self, text: str = "") -> None:
        self.text = text

    def state(self) -> State:
        return {"text": self.text}

    def restore(self, state: State) -> None:
        self.text = state["text"]


class Desk:
    """Stages whose clock the test moves."""

    def __init__(self, *names: str) -> None:
        self.now_s = 1000.0
        self.stages: dict[str, Any] = {name: Note(name) for name in names}
        self.urgent: set[str] = set()
        self.memory = Memory(self, lambda: self.now_s)

    def take_urgent(self) -> set[str]:
        urgent, self.urgent = self.urgent, set()
        return urgent

    def commit(self, *, everything: bool = False) -> dict[str, str | None]:
        """What went to disk, as texts."""
        due = self.memory.due(everything=everything)
        self.memory.written(due)
        return {name: None if body is None else decode(body)["text"] for name, body in due.items()}


@pytest.fixture
def desk():
    desk = Desk("a", "b", "c", "d")
    assert desk.commit() == {}
    return desk


def test_the_first_states_are_spread_so_that_no_commit_has_them_all(desk):
    found = []
    for _ in range(4):
        desk.now_s += SPREAD_S / 4
        found.append(list(desk.commit()))
    assert found == [["a"], ["b"], ["c"], ["d"]]


def test_a_state_rests_by_its_size_and_is_not_written_again_unchanged(desk):
    desk.stages["a"].text = "x" * 4000
    desk.commit(everything=True)
    desk.stages["a"].text, desk.stages["b"].text = "y" * 4000, "changed"
    desk.now_s += 100
    assert desk.commit() == {"b": "changed"}
    desk.now_s += 4000 / BYTES_PER_S - 100
    assert desk.commit() == {}
    desk.now_s += 10
    assert desk.commit() == {"a": "y" * 4000}
    desk.now_s += 10_000
    assert desk.commit() == {}


def test_what_is_urgent_goes_with_this_commit_and_again_until_it_is_written(desk):
    desk.urgent = {"b"}
    assert list(desk.memory.due()) == ["b"]
    assert list(desk.memory.due()) == ["b"], "it was not written"
    assert desk.commit() == {"b": "b"}
    assert desk.commit() == {}


def test_what_the_store_had_no_room_for_is_due_again(desk):
    desk.urgent = {"b", "c"}
    due = desk.memory.due()
    desk.memory.written({"b": due["b"]})
    assert list(desk.memory.due()) == ["c"]


def test_at_the_end_everything_goes(desk):
    assert desk.commit(everything=True) == {name: name for name in "abcd"}
    desk.stages["a"].text = "last"
    assert desk.commit(everything=True) == {"a": "last"}


def test_states_of_nothing_are_deleted_once(desk):
    desk.memory.found(["a", "gone"])
    desk.stages = dict(desk.stages)
    assert desk.commit() == {"gone": None}
    assert desk.commit() == {}


def test_other_stages_keep_what_was_urgent_and_lose_what_is_gone(desk):
    desk.commit(everything=True)
    desk.urgent = {"a", "b"}
    desk.stages["a"].text = "news"
    assert list(desk.memory.due()) == ["a"]
    desk.stages = {"a": desk.stages["a"], "new": Note("new")}
    assert desk.commit() == {"b": None, "c": None, "d": None, "a": "news"}
    desk.now_s += SPREAD_S
    assert desk.commit() == {"new": "new"}


def test_bytes_are_counted(desk):
    due = desk.memory.due(everything=True)
    desk.memory.written(due)
    assert desk.memory.bytes == sum(len(body) for body in due.values() if body)
