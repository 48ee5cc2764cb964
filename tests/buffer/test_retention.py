"""The order of giving up, and the account of it, without a store."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from buffer.envelope import Priority
from buffer.retention import Depth, Loss, Reason, Waiting, depths, losses, merged, victims
from buffer.rows import row_id

sequences = st.integers(1, 1000)
rows = st.builds(
    lambda priority, sequence, items, size, at_ms: Waiting(row_id(priority, sequence), items, size, at_ms),
    st.sampled_from(Priority),
    sequences,
    st.integers(0, 50),
    st.integers(1, 100),
    st.none() | st.integers(0, 10**6),
)
stores = st.lists(rows, max_size=30, unique_by=lambda row: row.id)


@given(stores, st.sets(st.integers(0, 29)), st.integers(-10, 2000))
def test_gives_up_enough_and_never_the_wrong_one(
    all_rows: list[Waiting], held_at: set[int], excess: int
) -> None:
    all_rows = sorted(all_rows)
    held = {all_rows[at].id for at in held_at if at < len(all_rows)}
    arrivals = all_rows[::4]
    stored = [row for row in all_rows if row not in arrivals]
    chosen = victims(lambda kind: [row for row in stored if row.priority is kind], arrivals, held, excess)
    assert len({row.id for row in chosen}) == len(chosen)
    freed = sum(row.size_bytes for row in chosen)
    assert freed >= min(excess, sum(row.size_bytes for row in all_rows))
    assert not chosen or freed - chosen[-1].size_bytes < excess, "not one more than needed"
    kept = [row for row in all_rows if row not in chosen]
    for gone in chosen:
        for spared in kept:
            if spared.priority is not Priority.ALARM:
                assert gone.priority is not Priority.ALARM
            if (gone.id in held) is (spared.id in held) and gone.priority != Priority.ALARM:
                assert gone.priority >= spared.priority


@given(stores, stores)
def test_the_account_adds_up(one: list[Waiting], two: list[Waiting]) -> None:
    account = merged(losses(Reason.EVICTED, one), losses(Reason.EVICTED, two))
    both = [*one, *two]
    assert {priority: loss.lost for (_, priority), loss in account.items()} == depths(both)
    for (reason, priority), loss in account.items():
        times = [row.at_ms for row in both if row.priority is priority and row.at_ms is not None]
        assert reason is Reason.EVICTED
        assert loss.first_at_ms == min(times, default=None)
        assert loss.last_at_ms == max(times, default=None)


def test_reasons_are_kept_apart() -> None:
    row = Waiting(row_id(Priority.EVENT, 1), 3, 70, 9)
    account = merged(losses(Reason.EXPIRED, [row]), losses(Reason.REJECTED, [row]))
    one = Depth(batches=1, items=3, size_bytes=70)
    assert list(account.values()) == [
        Loss(reason=reason, priority=Priority.EVENT, lost=one, first_at_ms=9, last_at_ms=9)
        for reason in (Reason.EXPIRED, Reason.REJECTED)
    ]
