"""Commands that are for tests: devices in memory get packets and go up and down; and traces, by all names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.unit.vswitchd.rig import DUMMY, Rig, dummy_port, with_rig
from vswitch.aio.daemon import Service
from vswitch.aio.sinks import LogFile
from vswitch.base.errors import TextError
from vswitch.base.options import Given
from vswitch.openflow.messages.port import OFPPC_PORT_DOWN
from vswitch.vswitchd.dummy import add_dummy_commands

pytestmark = pytest.mark.usefixtures("rundir")

TWO = ["add-br br0", DUMMY, *dummy_port("p1"), *dummy_port("p2"), "set interface p1 ofport_request=1"]
PACKET = "ffffffffffff020000000001" + "88b5" + "00" * 46
FLOW = "in_port(p1),eth(src=02:00:00:00:00:01,dst=ff:ff:ff:ff:ff:ff),eth_type(0x88b5)"
Command = Callable[..., Awaitable[str | None]]


def with_commands(test: Callable[[Rig, Command], Awaitable[None]]) -> None:
    """Run `test` with a switch and what runs its commands."""

    async def run(rig: Rig) -> None:
        service = Service("ovs-vswitchd", Given([]), LogFile())
        assert rig.platform.dummies is not None
        add_dummy_commands(service, rig.vswitch, rig.platform.dummies)
        await rig.want(*TWO)
        await test(rig, lambda name, *words: service.commands.run(f"netdev-dummy/{name}", words))

    with_rig(run)


@pytest.mark.parametrize(
    ("words", "n", "size"),
    [
        ([PACKET], 1, 60),
        ([PACKET, PACKET], 2, 120),
        ([" ".join(PACKET[i : i + 4] for i in range(0, len(PACKET), 4))], 1, 60),
        ([FLOW, "--len", "100"], 1, 100),
        (["--qid", "0", PACKET, FLOW, "--len", "64"], 2, 124),
    ],
)
def test_packets_come_in_as_bytes_or_as_flows(words: list[str], n: int, size: int) -> None:
    async def test(rig: Rig, run: Command) -> None:
        assert await run("receive", "p1", *words) is None
        stats = rig.device("p1").stats()
        assert (stats.rx_packets, stats.rx_bytes) == (n, size)
        assert rig.sent("p2") == [n]

    with_commands(test)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("receive", "p9", PACKET), "no such dummy netdev"),
        (("receive", "p1", "--qid", "1", PACKET), "bad rx queue id."),
        (("receive", "p1", FLOW, "--len", "20"), "too small packet len"),
        (("set-admin-state", "p9", "up"), "Unknown Dummy Interface"),
        (("set-admin-state", "p1", "sideways"), "Invalid Admin State"),
        (("conn-state", "p9"), "Unknown Dummy Interface"),
    ],
)
def test_what_is_wrong_is_said(words: tuple[str, ...], error: str) -> None:
    async def test(rig: Rig, run: Command) -> None:
        with pytest.raises(TextError) as caught:
            await run(*words)
        assert str(caught.value) == error
        assert rig.device("p1").stats().rx_packets == 0

    with_commands(test)


def test_packets_that_are_too_short_to_be_any_are_refused() -> None:
    async def test(rig: Rig, run: Command) -> None:
        with pytest.raises(TextError):
            await run("receive", "p1", "ffffffff")

    with_commands(test)


def test_devices_go_up_and_down_one_or_all() -> None:
    async def test(rig: Rig, run: Command) -> None:
        assert await run("set-admin-state", "p1", "down") == "OK\n"
        assert [rig.device(name).state().up for name in ("p1", "p2")] == [False, True]
        assert rig.br0.switch.ports[rig.br0.interfaces["p1"].ofport].config & OFPPC_PORT_DOWN
        assert await run("set-admin-state", "down") == "OK\n"
        assert [rig.device(name).state().up for name in ("p1", "p2")] == [False, False]
        assert await run("set-admin-state", "up") == "OK\n"
        assert [rig.device(name).state().up for name in ("p1", "p2")] == [True, True]
        assert not rig.br0.switch.ports[rig.br0.interfaces["p1"].ofport].config & OFPPC_PORT_DOWN

    with_commands(test)


def test_devices_are_connected_to_nothing_else() -> None:
    async def test(rig: Rig, run: Command) -> None:
        assert await run("conn-state", "p1") == "p1: unknown\n"
        assert await run("conn-state") == ""

    with_commands(test)
