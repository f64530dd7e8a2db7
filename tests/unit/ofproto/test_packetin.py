"""To which channels packets go, and as what."""

from __future__ import annotations

import pytest

from tests.switch.machine import Machine
from vswitch.dpif.action import ToController
from vswitch.dpif.packet import Packet
from vswitch.flow.field import Flow
from vswitch.flow.fields import IN_PORT, REG
from vswitch.ofproto.channel import AsyncKind, ChannelKind
from vswitch.ofproto.command import Send
from vswitch.ofproto.packetin import metadata_match, packet_ins, reason_for
from vswitch.openflow.messages.packet import PacketIn
from vswitch.openflow.version import OF10, OF12, OF13, OF14, OF15, Version

NO_MATCH, ACTION, INVALID_TTL, ACTION_SET, GROUP, PACKET_OUT, EXPLICIT_MISS, IMPLICIT_MISS = range(8)


@pytest.mark.parametrize(
    ("version", "reason", "told"),
    [
        (OF12, EXPLICIT_MISS, ACTION),
        (OF13, EXPLICIT_MISS, NO_MATCH),
        (OF12, IMPLICIT_MISS, NO_MATCH),
        (OF13, IMPLICIT_MISS, None),
        (OF13, GROUP, ACTION),
        (OF14, GROUP, GROUP),
        (OF10, PACKET_OUT, ACTION),
        (OF15, INVALID_TTL, INVALID_TTL),
    ],
)
def test_reasons_in_the_terms_of_each_version(version: Version, reason: int, told: int | None) -> None:
    assert reason_for(Machine().connect(version).channel, reason) == told


def test_metadata_are_the_port_and_what_is_not_zero() -> None:
    match = metadata_match(Flow(IN_PORT.put(REG[3].put(Flow(0), 7), 2)))
    assert str(match) == "reg3=0x7,in_port=2"


def cookie(**changed: object) -> ToController:
    fields = {
        "reason": ACTION, "dont_send": False, "continuation": False, "recirc_id": 0, "rule_cookie": 5,
        "controller_id": 0, "max_len": 4, "table_id": 3,
    }  # fmt: skip
    return ToController(**fields | changed)  # type: ignore[arg-type]


def test_a_channel_gets_what_it_wants_cut_to_length() -> None:
    machine = Machine()
    channel = machine.connect(OF10, ChannelKind.PRIMARY).channel

    def sent(**changed: object) -> list[bytes]:
        commands = packet_ins([channel], Packet(b"0123456789" * 20), Flow(0), cookie(**changed))
        messages = [command.message for command in commands if isinstance(command, Send)]
        return [message.packet for message in messages if isinstance(message, PacketIn)]

    assert sent() == [b"0123"]
    assert [len(packet) for packet in sent(reason=NO_MATCH)] == [channel.miss_send_len]
    assert sent(dont_send=True) == sent(controller_id=1) == []
    assert not channel.wants(AsyncKind.PACKET_IN, INVALID_TTL)
    assert sent(reason=INVALID_TTL) == []
