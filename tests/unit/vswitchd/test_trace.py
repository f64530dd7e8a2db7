"""The commands ofproto/trace and ofproto/trace-packet-out of a daemon."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.unit.vswitchd.rig import DUMMY, Rig, dummy_port, settled, with_rig
from vswitch.aio.daemon import Service
from vswitch.aio.sinks import LogFile
from vswitch.base.errors import TextError
from vswitch.base.options import Given
from vswitch.vswitchd.trace import add_trace_commands

pytestmark = pytest.mark.usefixtures("rundir")

TWO = ["add-br br0", DUMMY, *dummy_port("p1"), *dummy_port("p2"), "set interface p1 ofport_request=1"]
ODP_FLOW = "in_port(1),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),eth_type(0x88b5)"
PACKET = "020000000002020000000001" + "88b5" + "00" * 46
Ask = Callable[..., Awaitable[str]]


def with_traces(test: Callable[[Rig, Ask], Awaitable[None]]) -> None:
    async def run(rig: Rig) -> None:
        service = Service("ovs-vswitchd", Given([]), LogFile())
        add_trace_commands(service, rig.vswitch)
        await rig.want(*TWO)

        async def ask(*words: str, out: bool = False) -> str:
            said = await service.commands.run("ofproto/trace-packet-out" if out else "ofproto/trace", words)
            assert said is not None
            return said

        await test(rig, ask)

    with_rig(run)


@pytest.mark.parametrize("words", [(), ("dummy",), ("ovs-dummy",), ("dummy@ovs-dummy",)])
def test_a_datapath_goes_by_its_type_by_its_name_and_by_both(words: tuple[str, ...]) -> None:
    async def test(rig: Rig, ask: Ask) -> None:
        story = await ask(*words, ODP_FLOW)
        assert story.startswith("Flow: in_port=1,")
        assert 'bridge("br0")' in story

    with_traces(test)


def test_no_other_datapath_is_found() -> None:
    async def test(rig: Rig, ask: Ask) -> None:
        with pytest.raises(TextError):
            await ask("netdev", ODP_FLOW)

    with_traces(test)


def test_what_a_traced_packet_teaches_puts_megaflows_right() -> None:
    async def test(rig: Rig, ask: Ask) -> None:
        await rig.receive("p2", 0x020000000002, (0x020000000001).to_bytes(6, "big"))
        assert rig.sent("p1", "br0") == [1, 1]  # to everybody
        await ask("br0", "in_port=1", PACKET)
        await settled()
        await rig.receive("p2", 0x020000000002, (0x020000000001).to_bytes(6, "big"))
        assert rig.sent("p1", "br0") == [2, 1]

    with_traces(test)


def test_actions_may_be_given_instead_of_tables() -> None:
    async def test(rig: Rig, ask: Ask) -> None:
        assert (await ask("br0", "in_port=1", "output:2", out=True)).endswith("Datapath actions: 2")
        with pytest.raises(TextError, match="requires at least 2 arguments"):
            await ask("br0", out=True)

    with_traces(test)
