"""Packets through a whole switch: learning, megaflows, revalidation, time."""

import gc

from tests.switch.machine import Machine, flow_mod, replies
from vswitch.dpif.action import Output, PushVlan, SlowPath, ToController, Userspace
from vswitch.dpif.megaflow import Execute, Upcall
from vswitch.dpif.packet import Packet
from vswitch.flow.extract import extract
from vswitch.flow.fields import IN_PORT, PKT_MARK
from vswitch.flow.ports import OFPP_CONTROLLER, OfPort
from vswitch.ofproto.channel import ChannelKind
from vswitch.ofproto.command import Install, SetPortUp, Uninstall
from vswitch.ofproto.rule import Rule
from vswitch.ofproto.settings import FailMode
from vswitch.ofproto.table import INTERNAL_TABLE
from vswitch.openflow.message import decode, encode
from vswitch.openflow.messages.flow import FlowRemoved, RemovedReason
from vswitch.openflow.messages.flowstats import FlowStats, FlowStatsReply, FlowStatsRequest
from vswitch.openflow.messages.packet import PacketIn, PacketOut
from vswitch.openflow.messages.port import (
    OFPPC10_NO_FLOOD,
    OFPPC_PORT_DOWN,
    PortMod,
    PortStatsReply,
    PortStatsRequest,
    PortStatus,
)
from vswitch.openflow.messages.switch import SetConfig
from vswitch.openflow.version import OF10, OF13, OF15

A, B, C = (bytes.fromhex(f"50540000000{n}") for n in (1, 2, 3))
EVERYBODY = b"\xff" * 6


def frame(destination: bytes, source: bytes, payload: bytes = b"\x88\xb5" + bytes(46)) -> bytes:
    return destination + source + payload


def arp(operation: int, source: bytes, sender: bytes, target: bytes) -> bytes:
    head = bytes.fromhex("0806000108000604") + operation.to_bytes(2, "big")
    return EVERYBODY + source + head + source + sender + bytes(6) + target + bytes(18)


def ip(destination: bytes, source: bytes, proto: int = 17, ttl: int = 64, port: int = 80) -> bytes:
    head = bytes.fromhex("0800450000200000000000") + bytes((proto,)) + bytes(2)
    head = head[:10] + bytes((ttl,)) + head[11:]
    return destination + source + head + bytes(8) + bytes((0, 80)) + port.to_bytes(2, "big") + bytes(30)


def ports(executes: list[Execute]) -> list[int]:
    """The datapath ports that packets went to."""
    return sorted(
        action.port for execute in executes for action in execute.actions if isinstance(action, Output)
    )


def told_flows(machine: Machine) -> tuple[FlowStats, ...]:
    """The flows that the switch tells a controller of."""
    (reply,) = replies(machine.connect().handle(FlowStatsRequest(), 1, machine.now))
    told = decode(encode(reply, OF15))[2]
    assert isinstance(told, FlowStatsReply)
    return told.flows


def test_a_standalone_switch_learns() -> None:
    machine = Machine(standalone=True)
    assert ports(machine.receive(1, frame(B, A))) == [2, 3, 100]
    assert ports(machine.receive(2, frame(A, B))) == [1]
    machine.settle()  # B is known now, so the flood was wrong
    assert ports(machine.receive(1, frame(B, A))) == [2]
    assert len(machine.megaflows) == 2


def test_a_moving_address_changes_megaflows_to_it() -> None:
    machine = Machine(standalone=True)
    machine.receive(2, frame(A, B))
    assert ports(machine.receive(1, frame(B, A))) == [2]
    machine.receive(3, frame(A, B))
    machine.settle()
    assert ports(machine.receive(1, frame(B, A))) == [3]


def test_addresses_age_unless_their_traffic_goes_on() -> None:
    machine = Machine(standalone=True)
    machine.br0.macs.ageing = 20.0
    machine.receive(2, frame(A, B))
    machine.receive(1, frame(B, A))
    for _ in range(6):
        machine.pass_time(5.0)
        machine.receive(2, frame(A, B))
    assert machine.br0.macs.lookup(int.from_bytes(B, "big"), 0) is not None
    assert machine.br0.macs.lookup(int.from_bytes(A, "big"), 0) is None
    assert ports(machine.receive(2, frame(A, B))) == [1, 3, 100]


def test_idle_megaflows_go() -> None:
    machine = Machine(standalone=True)
    machine.receive(1, frame(B, A))
    machine.pass_time(9.0)
    assert len(machine.megaflows) == 1
    machine.pass_time(2.0)
    assert machine.megaflows == {}
    assert len(machine.backer) == 0


def test_statistics_flow_back_to_rules() -> None:
    machine = Machine()
    machine.flows(
        "in_port=1 actions=load:1->NXM_NX_REG0[],resubmit(,1)",
        "table=1,reg0=1 actions=2",
        "table=1 actions=3",
    )
    data = frame(B, A)
    for _ in range(5):
        machine.receive(1, data)
    machine.pass_time(1.0)
    counts = {str(flow.match): (flow.packet_count, flow.byte_count) for flow in told_flows(machine)}
    assert counts == {"in_port=1": (5, 5 * len(data)), "reg0=0x1": (5, 5 * len(data)), "": (0, 0)}
    assert (machine.br0.tables[1].matched, machine.br0.tables[1].missed) == (5, 0)


def test_a_removed_megaflow_is_credited_to_the_last_packet() -> None:
    machine = Machine()
    machine.flows("in_port=1 actions=2")
    for _ in range(3):
        machine.receive(1, frame(B, A))
    machine.perform(machine.backer.purge(machine.now))
    assert [rule.packets for rule in machine.br0.tables[0]] == [3]


def test_a_new_rule_changes_only_what_it_can_touch() -> None:
    machine = Machine()
    machine.flows("priority=1 actions=2", "priority=2,in_port=1,dl_type=0x88b5 actions=3")
    machine.receive(1, frame(B, A))
    machine.receive(2, frame(B, A))
    machine.settle()
    connection = machine.connect()
    commands = connection.handle(flow_mod("priority=9,in_port=2,dl_type=0x88b5 actions=1"), 1, 0.0)
    commands += machine.backer.run(0.0)
    (command,) = commands
    assert isinstance(command, Install)
    assert IN_PORT.get(command.megaflow.flow) == 2
    assert command.megaflow.actions == (Output(1),)


def test_a_rule_that_looks_closer_narrows_megaflows() -> None:
    machine = Machine()
    machine.flows("priority=1 actions=2")
    machine.receive(1, ip(B, A))
    connection = machine.connect()
    commands = connection.handle(flow_mod("priority=9,udp,tp_dst=99 actions=3"), 1, 0.0)
    commands += machine.backer.run(0.0)
    assert [type(command) for command in commands] == [Install, Uninstall]
    machine.perform(commands)
    assert ports(machine.receive(1, ip(B, A, port=99))) == [3]
    assert ports(machine.receive(1, ip(B, A, port=80))) == [2]


def test_rules_expire() -> None:
    machine = Machine()
    watcher = machine.connect(OF15, ChannelKind.PRIMARY)
    machine.perform(watcher.handle(flow_mod("in_port=1,idle_timeout=5,flags=1 actions=2"), 1, 0.0))
    machine.perform(watcher.handle(flow_mod("in_port=2,hard_timeout=7,flags=1 actions=1"), 1, 0.0))
    for _ in range(4):
        machine.receive(1, frame(B, A))
        machine.receive(2, frame(A, B))
        machine.pass_time(1.0)
    machine.pass_time(3.5)
    assert len(machine.br0.tables[0]) == 1
    machine.pass_time(4.0)
    assert len(machine.br0.tables[0]) == 0
    removed = [send.message for send in machine.sent if isinstance(send.message, FlowRemoved)]
    assert [(each.reason, each.packet_count) for each in removed] == [
        (RemovedReason.HARD_TIMEOUT, 4),
        (RemovedReason.IDLE_TIMEOUT, 4),
    ]


def test_vlans_keep_hosts_apart() -> None:
    machine = Machine(4, standalone=True)
    machine.vlan(1, "access", 10)
    machine.vlan(2, "access", 20)
    machine.vlan(3, "trunk", 0, (10,))
    machine.vlan(4, "native-untagged", 10)
    (execute,) = machine.receive(1, frame(EVERYBODY, A))
    tag = None
    seen = {}
    for action in execute.actions:
        if isinstance(action, Output):
            seen[action.port] = tag
        else:
            tag = action.tci & 0xFFF if isinstance(action, PushVlan) else None
    assert seen == {3: 10, 4: None, 100: 10}
    assert ports([execute]) == [3, 4, 100]
    assert machine.receive(2, EVERYBODY + B + bytes.fromhex("8100000a88b5") + bytes(46)) == []


def test_an_inner_tag_stays_when_the_native_vlan_s_goes() -> None:
    machine = Machine(2, standalone=True)
    machine.vlan(2, "native-untagged", 5)
    (execute,) = machine.receive(1, frame(EVERYBODY, A, bytes.fromhex("88a80005 81006009 88b5") + bytes(46)))
    assert [str(action) for action in execute.actions] == ["100", "pop_vlan", "2"]


def test_a_patch_port_counts_what_passes() -> None:
    machine = Machine(standalone=True)
    machine.connect_bridges(4)
    machine.flows("actions=4")
    machine.flows("actions=NORMAL", switch=machine.backer.switches["br1"])
    for _ in range(3):
        assert ports(machine.receive(1, frame(B, A))) == [10, 101]
    machine.pass_time(1.0)
    (reply,) = replies(machine.connect().handle(PortStatsRequest(OfPort(4)), 1, 0.0))
    assert isinstance(reply, PortStatsReply)
    assert reply.stats[0].tx_packets == 3
    br1 = machine.backer.switches["br1"]
    assert br1.macs.lookup(int.from_bytes(A, "big"), 0) is br1.bundles["pa1"]


def test_a_packet_goes_to_the_controllers() -> None:
    machine = Machine()
    machine.flows("priority=3,cookie=9,in_port=1 actions=load:7->NXM_NX_REG0[],CONTROLLER:20,2")
    tool = machine.connect(OF10)
    tool.handle(SetConfig(0, 128), 1, 0.0)
    (execute,) = machine.receive(1, frame(B, A))
    cookie = next(action.cookie for action in execute.actions if isinstance(action, Userspace))
    assert isinstance(cookie, ToController)
    machine.perform(machine.backer.upcall([Upcall(execute.packet, execute.flow, cookie)], 0.0))
    (sent,) = machine.sent
    message = sent.message
    assert isinstance(message, PacketIn)
    assert (message.packet, message.full_len) == (frame(B, A)[:20], len(frame(B, A)))
    assert (message.in_port, message.cookie) == (1, 9)
    assert str(message.match) == "reg0=0x7,in_port=1"


def test_a_missing_rule_calls_old_controllers_only() -> None:
    machine = Machine()
    machine.connect(OF13, ChannelKind.PRIMARY)
    assert machine.receive(1, frame(B, A)) == []
    machine.connect(OF10, ChannelKind.PRIMARY)
    machine.settle()
    (megaflow,) = machine.megaflows.values()
    assert isinstance(megaflow.actions[0], Userspace)


def test_what_a_datapath_cannot_do_is_done_here() -> None:
    machine = Machine()
    machine.flows("arp actions=load:2->NXM_OF_ARP_OP[],2")
    data = arp(1, A, bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)))
    assert ports(machine.receive(1, data)) == [2]
    (megaflow,) = machine.megaflows.values()
    assert megaflow.actions == (Userspace(SlowPath("action")),)
    machine.perform(machine.backer.upcall([Upcall(Packet(data), extract(data, 1), SlowPath("action"))], 0.0))
    assert ports(machine.executed[-1:]) == [2]


def test_a_packet_out_is_executed() -> None:
    machine = Machine()
    actions = flow_mod("actions=FLOOD").actions
    commands = machine.connect().handle(PacketOut(frame(B, A), actions, OFPP_CONTROLLER), 1, 0.0)
    machine.perform(commands)
    assert ports(machine.executed) == [1, 2, 3, 100]


def test_ports_come_go_and_change() -> None:
    machine = Machine(standalone=True)
    watcher = machine.connect(OF15, ChannelKind.PRIMARY)
    machine.receive(1, frame(B, A))
    machine.add_port(machine.br0, 9, "p9", 9)
    machine.settle()
    assert ports(machine.receive(1, frame(B, A))) == [2, 3, 9, 100]
    machine.br0.remove_port(OfPort(9), machine.now)
    machine.br0.bundles.dissolve("p9")
    machine.settle()
    assert ports(machine.receive(1, frame(B, A))) == [2, 3, 100]
    mac = machine.br0.ports[OfPort(2)].mac
    changed = watcher.handle(PortMod(OfPort(2), mac, OFPPC_PORT_DOWN, OFPPC_PORT_DOWN), 1, 0.0)
    assert SetPortUp("p2", False) in changed
    machine.br0.ports.set_config(machine.br0.ports[OfPort(3)], OFPPC10_NO_FLOOD)
    machine.settle()
    assert ports(machine.receive(1, frame(B, A))) == [2, 100]
    reasons = [
        message.reason
        for message in (send.message for send in machine.sent)
        if isinstance(message, PortStatus)
    ]
    assert reasons == [0, 1, 2]


def test_a_removed_port_takes_its_megaflows_along() -> None:
    machine = Machine(standalone=True)
    machine.receive(1, frame(B, A))
    machine.br0.remove_port(OfPort(1), machine.now)
    machine.settle()
    assert machine.megaflows == {}
    assert machine.receive(1, frame(B, A)) == []
    assert machine.backer.lost == 1


def test_without_controllers_a_standalone_switch_is_plain() -> None:
    machine = Machine(standalone=True)
    assert machine.verdict("in_port=1")[1] == "100,2,3"
    machine.br0.configure(fail_mode=FailMode.STANDALONE, has_controllers=True, now=0.0)
    assert machine.verdict("in_port=1")[1] == "drop"
    machine.br0.set_fail_open(True, 0.0)
    assert machine.verdict("in_port=1")[1] == "100,2,3"
    assert told_flows(machine) == ()
    machine.br0.set_fail_open(False, 0.0)
    assert machine.verdict("in_port=1")[1] == "drop"
    machine.br0.configure(fail_mode=FailMode.STANDALONE, has_controllers=False, now=0.0)
    assert machine.verdict("in_port=1")[1] == "100,2,3"


def test_a_former_daemons_megaflows_are_adopted() -> None:
    former, machine = Machine(standalone=True), Machine(standalone=True)
    former.receive(1, frame(B, A))
    former.receive(2, frame(A, C))
    machine.megaflows, machine.stats = former.megaflows, former.stats
    machine.flows("in_port=1 actions=NORMAL", "in_port=2 actions=3")
    machine.now = 1.0
    machine.revalidate()
    actions = {IN_PORT.get(each.flow): each.actions for each in machine.megaflows.values()}
    assert actions[1] == (Output(100), Output(2), Output(3))
    assert 2 not in actions or actions[2] == (Output(3),)


def test_one_packet_is_translated_once() -> None:
    machine = Machine(standalone=True)
    data = frame(B, A)
    upcall = Upcall(Packet(data), extract(data, 1))
    commands = machine.backer.upcall([upcall, upcall], 0.0)
    installed = {command.megaflow.ufid for command in commands if isinstance(command, Install)}
    assert len(installed) == 1
    assert sum(isinstance(command, Execute) for command in commands) == 2


def test_a_flood_of_upcalls_is_served_in_slices() -> None:
    machine = Machine(standalone=True)
    noisy = [frame(B, (0x505400000000 | n).to_bytes(6, "big")) for n in range(600)]
    upcalls = [Upcall(Packet(data), extract(data, 1)) for data in noisy]
    upcalls.append(Upcall(Packet(frame(A, B)), extract(frame(A, B), 2)))
    first = machine.backer.upcall(upcalls, 0.0)
    assert 2 in {IN_PORT.get(each.flow) for each in first if isinstance(each, Execute)}
    assert machine.backer.deadline <= 0.0
    machine.perform(first)
    machine.settle()
    assert len(machine.megaflows) == 513


def test_packet_ins_of_one_megaflow_say_what_its_packets_share() -> None:
    machine = Machine()
    machine.flows("in_port=1 actions=CONTROLLER", "in_port=2,pkt_mark=7 actions=CONTROLLER")
    machine.connect(OF10).handle(SetConfig(0, 128), 1, 0.0)
    told = []
    for port, mark in ((1, 5), (1, 6), (2, 7)):
        flow = PKT_MARK.put(extract(frame(B, A), port), mark)
        machine.perform(machine.backer.upcall([Upcall(Packet(frame(B, A)), flow)], 0.0))
        cookie = next(each.cookie for each in machine.executed[-1].actions if isinstance(each, Userspace))
        machine.perform(machine.backer.upcall([Upcall(Packet(frame(B, A)), flow, cookie)], 0.0))
        message = machine.sent[-1].message
        assert isinstance(message, PacketIn)
        told.append(str(message.match))
    assert told == ["in_port=1", "in_port=1", "pkt_mark=0x7,in_port=2"]


def test_a_trace_says_whether_a_packet_without_a_rule_goes_up() -> None:
    machine = Machine()
    assert " 0. No match.\n" in machine.trace("in_port=1")
    old = machine.connect(OF10, ChannelKind.PRIMARY)
    assert ' 0. No match, and a "packet-in" is called for.\n' in machine.trace("in_port=1")
    machine.perform(old.close(0.0))
    machine.connect(OF13, ChannelKind.PRIMARY)
    assert " 0. No match.\n" in machine.trace("in_port=1")


def test_a_removed_switch_lets_go_of_its_rules_without_the_collector() -> None:
    machine = Machine()
    other = machine.add_bridge("br1", 101, range(11, 13))
    machine.flows("tcp,tp_dst=80,actions=output:1", "table=3,ip,actions=drop", switch=other)
    gc.disable()
    try:
        rules = {id(rule) for table in other.tables[:INTERNAL_TABLE] for rule in table}
        del other
        machine.backer.remove_switch("br1", machine.now)
        machine.settle()
        assert not [each for each in gc.get_objects() if isinstance(each, Rule) and id(each) in rules]
    finally:
        gc.enable()
