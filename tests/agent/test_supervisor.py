"""Parts that fail, recover, are parked, stopped and replaced."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from fakes.waiting import wait_until_async

from agent import supervisor
from agent.supervisor import Part, State, Supervisor


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(supervisor, "Backoff", Quick)
    monkeypatch.setattr(supervisor, "STEADY_S", 0.01)


class Quick:
    """A backoff that does not keep a test waiting."""

    def __next__(self) -> float:
        return 0.001

    def reset(self) -> None:
        pass


class Told:
    def __init__(self) -> None:
        self.changes: list[tuple[str, State, str]] = []

    def __call__(self, name: str, state: State, error: str) -> None:
        self.changes.append((name, state, error))


@asynccontextmanager
async def supervising():
    told = Told()
    async with asyncio.TaskGroup() as group:
        it = Supervisor(group, told)
        yield it, told
        await it.stop()


def part(name, run, settings=None) -> dict[str, Part]:
    return {name: Part(name, settings, run)}


async def forever() -> None:
    await asyncio.Event().wait()


async def test_a_part_that_always_fails_is_parked_and_its_neighbour_runs_on():
    runs = 0

    async def failing() -> None:
        nonlocal runs
        runs += 1
        raise RuntimeError("broken")

    beats = 0

    async def beating() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0)

    async with supervising() as (it, told):
        await it.reconcile(part("bad", failing) | part("good", beating))
        await wait_until_async(lambda: it.describe()["bad"]["state"] == State.PARKED)
        before = beats
        await wait_until_async(lambda: beats > before)
        assert runs == supervisor.RESTARTS
        assert it.describe()["bad"]["error"] == "RuntimeError: broken"
        assert it.describe()["good"] == {"state": State.RUNNING, "error": ""}
    assert told.changes == [
        ("bad", State.RESTARTING, "RuntimeError: broken"),
        ("bad", State.PARKED, "RuntimeError: broken"),
    ]


async def test_a_part_recovers_when_it_has_run_for_a_while_and_is_told_once():
    runs = 0

    async def failing_twice() -> None:
        nonlocal runs
        runs += 1
        if runs <= 2:
            raise OSError("not yet")
        await forever()

    async with supervising() as (it, told):
        await it.reconcile(part("flaky", failing_twice))
        await wait_until_async(lambda: told.changes[-1:] == [("flaky", State.RUNNING, "")])
        assert it.describe()["flaky"]["state"] == State.RUNNING
    assert told.changes == [("flaky", State.RESTARTING, "OSError: not yet"), ("flaky", State.RUNNING, "")]


async def test_a_part_that_ends_by_itself_has_failed():
    async def ending() -> None:
        return

    async with supervising() as (it, told):
        await it.reconcile(part("short", ending))
        await wait_until_async(lambda: told.changes)
    assert told.changes[0] == ("short", State.RESTARTING, "ended by itself")


async def test_a_reload_leaves_equal_parts_alone_and_tries_a_parked_one_again():
    started: list[str] = []

    def run(name):
        async def running() -> None:
            started.append(name)
            if name == "bad":
                raise RuntimeError("broken")
            await forever()

        return running

    def wanted(version):
        return {
            **part("same", run("same"), settings=1),
            **part("other", run("other"), settings=version),
            **part("bad", run("bad"), settings=1),
        }

    async with supervising() as (it, _told):
        await it.reconcile(wanted(1))
        await wait_until_async(lambda: it.describe()["bad"]["state"] == State.PARKED)
        tries = started.count("bad")
        assert await it.reconcile(wanted(2)) == (["other"], ["other", "bad"])
        await wait_until_async(lambda: started.count("bad") > tries and started.count("other") == 2)
        assert started.count("same") == 1
        stopped, new = await it.reconcile(part("same", run("same"), settings=1))
        assert (set(stopped), new) == ({"other", "bad"}, [])
        assert list(it.describe()) == ["same"]
