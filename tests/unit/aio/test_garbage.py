"""Python's collector leaves alone what lives, and is back in its place when the switch is done."""

from __future__ import annotations

import asyncio
import gc

import pytest

from vswitch.aio import garbage
from vswitch.aio.garbage import NEVER, collect_garbage


class Ring:
    """Something that refers to itself."""

    def __init__(self) -> None:
        self.me = self


def rings() -> int:
    return sum(isinstance(each, Ring) for each in gc.get_objects())


def test_the_collector_looks_at_everything_only_when_told_and_is_put_back() -> None:
    before = gc.get_threshold()

    async def run() -> None:
        task = asyncio.get_running_loop().create_task(collect_garbage(lambda: 0))
        await asyncio.sleep(0)
        assert gc.get_threshold()[2] == NEVER
        assert gc.get_freeze_count() > 0
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
    assert garbage.freeze_survivors not in gc.callbacks


def test_what_lives_after_two_looks_is_looked_at_no_more_but_rings_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(garbage, "PERIOD", 0.0)

    async def run() -> None:
        task = asyncio.get_running_loop().create_task(collect_garbage(lambda: 0))
        await asyncio.sleep(0)
        kept = Ring()
        Ring()
        for _ in range(3):
            await asyncio.sleep(0)
        assert rings() == 0  # one is gone, the other frozen
        assert kept.me is kept
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


async def rings_go() -> bool:
    """Whether those that are frozen are collected soon."""
    deadline = asyncio.get_running_loop().time() + 10
    gone = False
    while not gone and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.001)
        gc.unfreeze()
        gone = rings() == 0
        gc.freeze()
    return gone


def test_once_in_a_while_it_looks_at_what_was_frozen_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "PERIOD", 0.001)
    monkeypatch.setattr(garbage, "THOROUGH_PERIOD", 0.002)

    async def run() -> None:
        ring = Ring()
        task = asyncio.get_running_loop().create_task(collect_garbage(lambda: 0))  # which freezes it
        await asyncio.sleep(0)
        del ring
        assert await rings_go()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


def test_it_looks_at_everything_soon_after_something_large_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "PERIOD", 0.001)

    async def run() -> None:
        ring: Ring | None = Ring()
        task = asyncio.get_running_loop().create_task(collect_garbage(lambda: ring is None))
        await asyncio.sleep(0)  # it is frozen
        ring = None
        assert await rings_go()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
