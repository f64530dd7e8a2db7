"""Packets that wait for a controller, and go on where they were."""

from __future__ import annotations

from tests.switch.machine import Machine
from vswitch.dpif.action import Output, ToController, Userspace
from vswitch.dpif.megaflow import Execute, Upcall
from vswitch.ofproto.command import Command, Send
from vswitch.ofproto.connections import Connection
from vswitch.openflow.errors import ResumeFailed
from vswitch.openflow.message import decode, encode
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.packet import PacketIn, Resume
from vswitch.openflow.messages.role import NXPIF_NXT_PACKET_IN2
from vswitch.openflow.version import OF13

FRAME = bytes.fromhex("505400000002 505400000001 88b5") + bytes(46)
FLOWS = (
    "table=0,in_port=1 actions=load:5->NXM_NX_REG1[],push:NXM_NX_REG1[],resubmit(,1),load:7->NXM_NX_REG2[],resubmit(,3)",
    "table=1 actions=controller(userdata=01.02,pause),pop:NXM_NX_REG3[],resubmit(,2)",
    "table=2,reg3=5 actions=2",
    "table=3,reg2=7,reg1=5 actions=3",
)


def listener(machine: Machine) -> Connection:
    connection = machine.connect(OF13)
    connection.channel.miss_send_len = 0xFFFF
    connection.channel.packet_in_format = NXPIF_NXT_PACKET_IN2
    return connection


def told(machine: Machine, executed: list[Execute]) -> PacketIn:
    """The packet-in for a packet that was handed up, as it is after a journey over the wire."""
    [execute] = executed
    [action] = [each for each in execute.actions if isinstance(each, Userspace)]
    assert isinstance(action.cookie, ToController)
    machine.perform(machine.backer.upcall([Upcall(execute.packet, execute.flow, action.cookie)], machine.now))
    message = machine.sent[-1].message
    _, _, decoded = decode(encode(message, OF13))
    assert isinstance(decoded, PacketIn)
    return decoded


def come_back(connection: Connection, packet_in: PacketIn) -> list[Command]:
    _, _, message = decode(encode(Resume(packet_in), OF13))
    return connection.handle(message, 1, 0.0)


def test_a_packet_goes_on_where_it_was() -> None:
    machine = Machine()
    connection = listener(machine)
    machine.flows(*FLOWS)
    executed = machine.receive(1, FRAME)
    assert not any(isinstance(action, Output) for action in executed[0].actions)
    packet_in = told(machine, executed)
    assert packet_in.userdata == b"\1\2"
    [execute] = come_back(connection, packet_in)
    assert isinstance(execute, Execute)
    assert execute.actions == (Output(2), Output(3))


def test_a_controller_may_change_what_comes_back() -> None:
    machine = Machine()
    connection = listener(machine)
    machine.flows(*FLOWS)
    packet_in = told(machine, machine.receive(1, FRAME))
    assert packet_in.continuation is not None
    stack = packet_in.continuation.replace(stack=((9).to_bytes(4, "big"),))
    [execute] = come_back(connection, packet_in.replace(continuation=stack))
    assert isinstance(execute, Execute)
    assert execute.actions == (Output(3),)


def test_a_clone_pauses_alone() -> None:
    machine = Machine()
    connection = listener(machine)
    machine.flows("actions=clone(controller(pause),2),3")
    [execute] = executed = machine.receive(1, FRAME)
    assert [action for action in execute.actions if isinstance(action, Output)] == [Output(3)]
    [later] = come_back(connection, told(machine, executed))
    assert isinstance(later, Execute)
    assert later.actions == (Output(2),)


def test_what_pauses_again_waits_again() -> None:
    machine = Machine()
    connection = listener(machine)
    machine.flows(
        "actions=resubmit(,1),3", "table=1 actions=controller(pause),controller(userdata=07,pause),2"
    )
    [execute] = come_back(connection, told(machine, machine.receive(1, FRAME)))
    assert isinstance(execute, Execute)
    again = told(machine, [execute])
    assert again.userdata == b"\7"
    [last] = come_back(connection, again)
    assert isinstance(last, Execute)
    assert last.actions == (Output(2), Output(3))


def test_what_no_switch_has_sent_is_stale() -> None:
    machine = Machine()
    connection = listener(machine)
    machine.flows(*FLOWS)
    packet_in = told(machine, machine.receive(1, FRAME))
    assert packet_in.continuation is not None
    elsewhere = packet_in.continuation.replace(bridge=bytes(16))
    [answer] = come_back(connection, packet_in.replace(continuation=elsewhere))
    assert isinstance(answer, Send)
    assert isinstance(answer.message, Error)
    assert answer.message.code is ResumeFailed.STALE
