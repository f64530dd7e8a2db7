"""The packet loop: in which order commands are done, and what happens when something goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

import pytest

from tests.unit.vswitchd.rig import settled
from vswitch.base.errors import KernelError
from vswitch.base.log import Level, Log, Logger
from vswitch.datapath.userspace.datapath import UserspaceDatapath
from vswitch.dpif.action import Output
from vswitch.dpif.megaflow import Execute, FlowStats, Megaflow, Ufid, Upcall
from vswitch.dpif.packet import Packet
from vswitch.dpif.ports import OdpPort
from vswitch.flow.extract import extract
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import IN_PORT
from vswitch.flow.ports import OfPort
from vswitch.ofproto.command import Command, ConnectionId, Install, Send, SetPortUp, Uninstall
from vswitch.ofproto.port import SwitchPort
from vswitch.openflow.messages.flow import RemovedReason
from vswitch.openflow.messages.switch import BarrierReply
from vswitch.vswitchd import forwarding
from vswitch.vswitchd.forwarding import Forwarding

FRAME = b"\xff" * 6 + bytes.fromhex("020000000001") + b"\x88\xb5" + bytes(46)


class Recording(UserspaceDatapath):
    """A datapath that tells what it is asked for, and refuses if it is told to."""

    def __init__(self) -> None:
        super().__init__("test", asyncio.get_running_loop().time)
        self.done: list[str] = []
        self.refuses = False

    def _note(self, what: str, n: int) -> None:
        self.done.append(f"{what} {n}")
        if self.refuses:
            raise KernelError(28, "out of room")

    def flow_put(self, flows: Sequence[Megaflow]) -> None:
        self._note("put", len(flows))
        super().flow_put(flows)

    def flow_del(self, ufids: Iterable[Ufid]) -> list[FlowStats | None]:
        ufids = list(ufids)
        self._note("del", len(ufids))
        return super().flow_del(ufids)

    def execute(self, executes: Sequence[Execute]) -> None:
        self._note("execute", len(executes))


class Loop:
    """A packet loop on such a datapath, with a switch that has two ports."""

    def __init__(self) -> None:
        self.datapath = Recording()
        self.forwarding = Forwarding(self.datapath, self.sent, self.sent)
        self.switch = self.forwarding.backer.add_switch("br0", 1, 0.0)
        for number in (1, 2):
            name = f"p{number}"
            self.switch.ports.add(SwitchPort(OfPort(number), name, number, OdpPort(number)), 0.0)
            self.switch.bundles.make(name, [OfPort(number)])

    def sent(self, command: Send | SetPortUp) -> None:
        self.datapath.done.append(type(command).__name__)

    def upcall(self) -> None:
        """A packet comes up, is translated, and what comes of it is done."""
        upcall = Upcall(Packet(FRAME), extract(FRAME, 1))
        self.forwarding.perform(self.forwarding.backer.upcall([upcall], asyncio.get_running_loop().time()))


def with_loop(test: Callable[[Loop], Awaitable[None]]) -> None:
    async def run() -> None:
        loop = Loop()
        try:
            await test(loop)
        finally:
            loop.forwarding.close(keep=False)
            await settled()

    asyncio.run(run())


def megaflow(number: int) -> Megaflow:
    flow = Flow(number << IN_PORT.offset)
    return Megaflow(Ufid(number), flow, Mask(IN_PORT.mask), (Output(OdpPort(9)),))


def execute() -> Execute:
    return Execute(Packet(FRAME), extract(FRAME, 1), (Output(OdpPort(2)),))


SEND, UP = Send(ConnectionId(1), BarrierReply(), 0), SetPortUp("p1", True)


def test_commands_are_done_in_order_and_runs_of_a_kind_in_one_go() -> None:
    async def test(loop: Loop) -> None:
        loop.forwarding.perform(
            [
                Install(megaflow(1)), execute(), Install(megaflow(2)), SEND, UP, execute(), Uninstall(Ufid(1)),
                Uninstall(Ufid(2)), Install(megaflow(3)),
            ]
        )  # fmt: skip
        assert loop.datapath.done == [
            "execute 1", "put 2", "Send", "SetPortUp", "execute 1", "del 2", "put 1"
        ]  # fmt: skip

    with_loop(test)


def test_what_a_megaflow_had_carried_is_heard_when_it_goes() -> None:
    async def test(loop: Loop) -> None:
        loop.upcall()
        [(installed, _)] = loop.datapath.flow_dump()
        heard = []
        loop.forwarding.backer.uninstalled = lambda *told: heard.append(told[:2])  # type: ignore[method-assign]
        loop.forwarding.perform([Uninstall(installed.ufid), Uninstall(Ufid(77))])
        assert heard == [(installed.ufid, FlowStats()), (Ufid(77), None)]

    with_loop(test)


def test_a_datapath_that_refuses_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []

    class Keeper(Log):
        def wants(self, module: str, level: Level) -> bool:
            return True

        def write(self, module: str, level: Level, message: str) -> None:
            warned.append(message)

    monkeypatch.setattr(forwarding, "limited", Logger("dpif", Keeper()))

    async def test(loop: Loop) -> None:
        loop.datapath.refuses = True
        loop.forwarding.perform([execute(), Install(megaflow(1)), SEND, Uninstall(Ufid(1)), UP])
        assert loop.datapath.done == ["execute 1", "put 1", "Send", "del 1", "SetPortUp"]
        assert len(warned) == 3

    with_loop(test)


def test_a_change_is_looked_at_before_anything_else_happens_and_once() -> None:
    async def test(loop: Loop) -> None:
        loop.upcall()
        await settled()
        loop.datapath.done.clear()
        loop.switch.flush_rules(0.0)
        for rule in list(loop.switch.tables[0]):
            loop.switch.remove_rule(rule, RemovedReason.DELETE, 0.0)
        runs, run = [], loop.forwarding.backer.run

        def counted(now: float) -> list[Command]:
            runs.append(now)
            return run(now)

        loop.forwarding.backer.run = counted  # type: ignore[method-assign]
        for _ in range(3):
            loop.forwarding.changed()
        await asyncio.sleep(0)
        assert len(runs) == 1
        await settled()
        assert loop.datapath.done == [
            "put 1",
            "del 1",
        ]  # the new one first, so that no packet comes up meanwhile
        [(now, _)] = loop.datapath.flow_dump()
        assert now.actions == ()

    with_loop(test)


def test_a_mistake_of_ours_is_told_and_the_switch_goes_on() -> None:
    async def test(loop: Loop) -> None:
        def fail(now: float) -> None:
            raise AssertionError("a mistake")

        run, loop.forwarding.backer.run = loop.forwarding.backer.run, fail  # type: ignore[assignment, method-assign]
        loop.forwarding.run()  # raises nothing
        loop.forwarding.backer.run = run  # type: ignore[method-assign]
        loop.upcall()
        assert "put 1" in loop.datapath.done

    with_loop(test)


def test_while_rules_are_restored_nothing_is_done() -> None:
    async def test(loop: Loop) -> None:
        loop.upcall()
        loop.datapath.done.clear()
        loop.forwarding.is_waiting = True
        loop.forwarding.purge()
        assert loop.datapath.done == ["del 1"]  # a command is
        loop.switch.flush_rules(0.0)
        loop.forwarding.run()
        await loop.forwarding.revalidate()
        assert loop.forwarding.most_flows == 0

    with_loop(test)


def test_revalidation_ends_when_all_is_right_and_remembers_how_much_there_was() -> None:
    async def test(loop: Loop) -> None:
        loop.upcall()
        await loop.forwarding.revalidate()
        assert loop.forwarding.backer.is_settled
        assert (loop.forwarding.most_flows, loop.forwarding.average_flows) == (1, 0.5)
        loop.forwarding.purge()
        await loop.forwarding.revalidate()
        assert (loop.forwarding.most_flows, loop.forwarding.average_flows) == (1, 0.25)

    with_loop(test)
