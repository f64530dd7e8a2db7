"""Time that stands still, and moves when told to."""

import asyncio

import pytest

from vswitch.aio.clock import SteerableLoop, settle


def run(work) -> object:
    with asyncio.Runner(loop_factory=SteerableLoop) as runner:
        return runner.run(work())


def loop() -> SteerableLoop:
    running = asyncio.get_running_loop()
    assert isinstance(running, SteerableLoop)
    return running


def test_timers_wait_for_the_clock_to_be_moved() -> None:
    async def work() -> list[float]:
        clock = loop()
        clock.stop_clock()
        start, fired = clock.time(), []
        for delay in (1.0, 2.0, 3.0):
            clock.call_later(delay, lambda: fired.append(clock.time() - start))
        await settle()
        assert not fired
        await clock.advance(2.5, 0.5)
        return fired

    assert run(work) == pytest.approx([1.0, 2.0])


def test_one_long_step_is_one_step() -> None:
    async def work() -> float:
        clock = loop()
        clock.stop_clock()
        start, seen = clock.time(), []
        clock.call_later(1.0, lambda: seen.append(clock.time() - start))
        await clock.advance(10.0, 10.0)
        return seen[0]

    assert run(work) == pytest.approx(10.0)


def test_time_can_be_warped_while_it_runs() -> None:
    async def work() -> float:
        before = loop().time()
        await loop().advance(100.0, 100.0)
        return loop().time() - before

    assert 100.0 <= float(str(run(work))) < 101.0
