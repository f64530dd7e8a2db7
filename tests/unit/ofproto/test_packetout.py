"""Packet-outs."""

from __future__ import annotations

import pytest

from tests.switch.machine import Machine, flow_mod, in_port_of, replies
from vswitch.dpif.megaflow import Execute
from vswitch.dpif.ports import ODPP_NONE
from vswitch.flow.match import Match, parse_match
from vswitch.flow.ports import OFPP_CONTROLLER, OFPP_LOCAL, OFPP_MAX, OFPP_NONE, OfPort
from vswitch.ofproto.command import Command
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.errors import BadAction, BadRequest, ErrorCode
from vswitch.openflow.message import encode
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.nested import BundleAdd, BundleControl
from vswitch.openflow.messages.packet import PacketOut
from vswitch.openflow.names import NO_NAMES
from vswitch.openflow.version import OF10, OF13, OF14, OF15, Version

UDP = bytes.fromhex(
    "020000000002020000000001080045000020000000004011000a0a0000010a0000020001000200080000" + "00" * 4
)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def packet_out(actions: str, in_port: int = 1, match: str = "") -> PacketOut:
    metadata = parse_match(match) if match else Match()
    return PacketOut(UDP, parse_actions(actions, NO_NAMES), OfPort(in_port), match=metadata)


def send(machine: Machine, message: PacketOut, version: Version = OF13) -> list[Command]:
    return machine.connect(version).handle(message, 1, 0.0)


def executed(commands: list[Command]) -> tuple[int, list[str]]:
    """The datapath port that the packet is to come from, and what is to be done."""
    [command] = [command for command in commands if isinstance(command, Execute)]
    assert command.packet.data == UDP
    return in_port_of(command), [str(action) for action in command.actions]


def refusal(commands: list[Command]) -> ErrorCode:
    [error] = replies(commands)
    assert isinstance(error, Error)
    return error.code


def test_the_packet_goes_through_the_actions_and_not_the_tables(machine: Machine) -> None:
    machine.flows("priority=1 actions=3")
    commands = send(machine, packet_out("output:2,output:3"))
    assert executed(commands) == (1, ["2", "3"])
    assert send(machine, packet_out("")) == []


def test_the_tables_are_for_output_to_table(machine: Machine) -> None:
    machine.flows("in_port=1 actions=3", "in_port=2 actions=1")
    assert executed(send(machine, packet_out("output:TABLE"), OF10)) == (1, ["3"])
    [rule] = [rule for rule in machine.br0.tables[0] if rule.match == parse_match("in_port=1")]
    assert (rule.packets, rule.bytes) == (1, len(UDP))


def test_what_the_packet_teaches_is_learned(machine: Machine) -> None:
    send(machine, packet_out("NORMAL", in_port=3))
    bundle = machine.br0.ports[OfPort(3)].bundle
    assert machine.br0.macs.lookup(0x020000000001, 0) is bundle


@pytest.mark.parametrize(
    ("number", "odp_port"),
    [(OFPP_NONE, ODPP_NONE), (OFPP_CONTROLLER, ODPP_NONE), (OFPP_LOCAL, 100), (2, 2), (9, ODPP_NONE)],
)
def test_a_packet_may_come_from_any_port_or_none(machine: Machine, number: int, odp_port: int) -> None:
    assert executed(send(machine, packet_out("output:1", number))) == (odp_port, ["1"])


@pytest.mark.parametrize("number", [0xFFFFFFFB, 0xFFFFFFFC, int(OFPP_MAX), 0xFFFFFFF8])
def test_other_reserved_ports_are_none_to_come_from(machine: Machine, number: int) -> None:
    assert refusal(send(machine, packet_out("output:1", number))) is BadRequest.BAD_PORT


def test_there_are_no_buffers(machine: Machine) -> None:
    message = packet_out("output:1").replace(buffer_id=7, packet=b"")
    assert refusal(send(machine, message)) is BadRequest.BUFFER_UNKNOWN


def test_actions_that_the_switch_cannot_perform_are_refused(machine: Machine) -> None:
    assert refusal(send(machine, packet_out("output:2,group:7"))) is BadAction.BAD_OUT_GROUP
    machine.groups("group_id=7,type=all,bucket=output:3")
    assert executed(send(machine, packet_out("output:2,group:7"))) == (1, ["2", "3"])


def test_actions_have_to_make_sense_for_the_packet(machine: Machine) -> None:
    assert executed(send(machine, packet_out("set_field:1->udp_dst,output:2")))[1][-1] == "2"
    assert refusal(send(machine, packet_out("set_field:1->tcp_dst,output:2"))) is BadAction.MATCH_INCONSISTENT


def test_metadata_beside_the_port_since_1_5(machine: Machine) -> None:
    machine.flows("metadata=5 actions=3")
    message = packet_out("output:TABLE", match="metadata=5")
    assert executed(send(machine, message, OF15)) == (1, ["3"])
    other = packet_out("output:TABLE", match="metadata=6")
    assert send(machine, other, OF15) == []


def test_in_a_bundle_the_rules_before_it_count_and_it_is_sent_if_all_goes_well(machine: Machine) -> None:
    connection = machine.connect(OF14)
    xid = bytes(4) + (7).to_bytes(4, "big")

    def put(*texts: str) -> None:
        for text in texts:
            inner = packet_out(text[4:]) if text.startswith("out ") else flow_mod(text)
            assert connection.handle(BundleAdd(5, 3, encode(inner, OF14, 7)), 7, 0.0, xid) == []

    put("in_port=1 actions=2", "out output:TABLE", "in_port=1 actions=3")
    commands = connection.handle(BundleControl(5, 4, 3), 8, 0.0)
    assert executed(commands) == (1, ["2"])
    put("out output:2", "in_port=1 actions=group:9")
    commands = connection.handle(BundleControl(5, 4, 3), 8, 0.0)
    assert not [command for command in commands if isinstance(command, Execute)]
