"""Python's collector is back in its place when the switch is done."""

import asyncio
import gc

from vswitch.vswitchd.garbage import NEVER, collect_garbage


def test_the_collector_looks_at_everything_only_when_told_and_is_put_back() -> None:
    before = gc.get_threshold()

    async def run() -> None:
        task = asyncio.get_running_loop().create_task(collect_garbage())
        await asyncio.sleep(0)
        assert gc.get_threshold()[2] == NEVER
        assert gc.get_freeze_count() > 0
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
