"""Packet-ins at the rate that a controller's row allows, and no more than it reads."""

from __future__ import annotations

import asyncio

from vswitch.openflow.actions.output import OFPR_ACTION, OFPR_NO_MATCH
from vswitch.openflow.messages.packet import PacketIn
from vswitch.vswitchd.bridge import ControllerConfig
from vswitch.vswitchd.packetins import PacketIns


def deliver(
    config: ControllerConfig, messages: list[PacketIn], backlog: int
) -> tuple[list[PacketIn], list[bool]]:
    """What a controller gets at once, and which were taken."""
    got: list[PacketIn] = []

    async def send() -> list[bool]:
        asyncio.get_running_loop().time = lambda: 5.0  # type: ignore[method-assign]  # time stands still
        packet_ins = PacketIns(config, got.append, lambda: backlog)
        taken = [packet_ins.send(message) for message in messages]
        packet_ins.close()
        return taken

    return got, asyncio.run(send())


def test_without_limits_each_goes_at_once_while_they_are_read() -> None:
    messages = [PacketIn(b"x")] * 200
    assert deliver(ControllerConfig("", ""), messages, 0) == (messages, [True] * 200)


def test_who_does_not_read_gets_no_more_than_the_queue_holds() -> None:
    config = ControllerConfig("", "", queue_size=3)
    got, taken = deliver(config, [PacketIn(b"x")] * 5, 1000)
    assert len(got) == 3
    assert taken == [True] * 3 + [False] * 2


def test_misses_and_others_have_a_burst_each() -> None:
    config = ControllerConfig("", "", rate_limit=100, burst_limit=25, queue_size=512)
    misses, others = [PacketIn(b"m", reason=OFPR_NO_MATCH)] * 40, [PacketIn(b"o", reason=OFPR_ACTION)] * 10
    got, _ = deliver(config, [*misses, *others], 0)
    assert sum(message.packet == b"o" for message in got) == 10
    assert sum(message.packet == b"m" for message in got) == 25
