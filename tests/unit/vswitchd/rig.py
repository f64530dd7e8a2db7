"""A switch that does what rows of the database want, on devices and a datapath in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.unit.vswitchd.rows import config
from vswitch.aio.clock import SteerableLoop
from vswitch.dpif.packet import Packet
from vswitch.netdev.dummy import DummyDevice
from vswitch.vswitchd.existing import Bridge
from vswitch.vswitchd.machine import build_platform
from vswitch.vswitchd.vswitch import Vswitch

DUMMY = "set bridge br0 datapath_type=dummy"
BROADCAST = b"\xff" * 6


def dummy_port(name: str, bridge: str = "br0") -> list[str]:
    """The commands that add one."""
    return [f"add-port {bridge} {name}", f"set interface {name} type=dummy"]


class Rig:
    """The switch, and what there is of the world around it."""

    def __init__(self) -> None:
        self.platform = build_platform("on", system=None)
        self.vswitch = Vswitch(self.platform)

    async def want(self, *commands: str) -> None:
        """Have the database be what these commands of ovs-vsctl make of an empty one."""
        await self.vswitch.apply(config(*commands))
        await settled()

    @property
    def br0(self) -> Bridge:
        return self.vswitch.bridges["br0"]

    def device(self, name: str) -> DummyDevice:
        assert self.platform.dummies is not None
        found = self.platform.dummies.get(name)
        assert found is not None
        return found

    async def receive(self, name: str, source: int, destination: bytes = BROADCAST) -> None:
        """A packet comes in on a device."""
        frame = destination + source.to_bytes(6, "big") + b"\x88\xb5" + bytes(46)
        self.device(name).inject([Packet(frame)])
        await settled()

    def sent(self, *names: str) -> list[int]:
        """How many packets have left each device."""
        return [self.device(name).stats().tx_packets for name in names]


async def settled() -> None:
    """Let everybody have his turn."""
    for _ in range(10):
        await asyncio.sleep(0)


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """A switch with nothing in it; afterwards nothing is left of it."""
    made = Rig()
    try:
        yield made
    finally:
        await made.vswitch.close(cleanup=True)
        made.platform.close()


def with_rig(test: Callable[[Rig], Awaitable[None]]) -> None:
    """Run `test` with a rig, in a loop whose time can be moved."""

    async def run() -> None:
        async with rig() as made:
            await test(made)

    with asyncio.Runner(loop_factory=SteerableLoop) as runner:
        runner.run(run())
