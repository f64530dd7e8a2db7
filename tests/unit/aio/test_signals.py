"""Signals reach the loop, whenever they come."""

import asyncio
import os
import signal
import subprocess
import sys

from vswitch.aio.signals import Signals

USUAL = (signal.SIGUSR1, signal.SIGUSR2)


def test_each_signal_is_delivered_in_the_loop() -> None:
    async def main() -> list[int]:
        got: list[int] = []
        loop = asyncio.get_running_loop()
        arrived = asyncio.Event()
        signals.deliver(loop, lambda number: (got.append(number), arrived.set()))
        os.kill(os.getpid(), signal.SIGUSR1)
        await arrived.wait()
        arrived.clear()
        os.kill(os.getpid(), signal.SIGUSR2)
        await arrived.wait()
        return got

    with Signals(USUAL) as signals:
        assert asyncio.run(main()) == [signal.SIGUSR1, signal.SIGUSR2]


def test_one_that_came_before_the_loop_is_not_lost() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        number = loop.create_future()
        signals.deliver(loop, number.set_result)
        return await number

    with Signals(USUAL) as signals:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert asyncio.run(main()) == signal.SIGUSR1


def test_others_are_left_alone_and_all_is_as_before_afterwards() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGUSR2, lambda number, frame: seen.append(number))
    try:
        with Signals([signal.SIGUSR1]) as signals:
            loop = asyncio.new_event_loop()
            signals.deliver(loop, lambda number: seen.append(-number))
            os.kill(os.getpid(), signal.SIGUSR2)
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()
        assert seen == [signal.SIGUSR2]
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_a_system_call_goes_on_after_one() -> None:
    program = """
import os, signal, time
from vswitch.aio.signals import Signals
with Signals([signal.SIGALRM]):
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    began = time.monotonic()
    time.sleep(0.1)
    print(time.monotonic() - began >= 0.1)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")
