"""What a trace begins and ends with; the story between is translation's, and its layout narration's."""

from __future__ import annotations

import pytest

from tests.switch.machine import Machine
from vswitch.dpif.packet import Packet
from vswitch.flow.match import parse_match
from vswitch.ofproto.trace import Subject, format_flow, trace
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.names import NO_NAMES

UDP = bytes.fromhex(
    "020000000002020000000001080045000020000000004011000a0a0000010a0000020001000200080000" + "00" * 4
)


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    machine.flows("udp,in_port=1 actions=mod_nw_tos:4,output:2", "in_port=2 actions=resubmit(2,0)")
    return machine


def told(machine: Machine, flow: str, **more: object) -> dict[str, str]:
    """The lines that have a heading, by that."""
    subject = Subject(machine.br0, parse_match(flow).value, **more)  # type: ignore[arg-type]
    lines = trace(subject, 0.0).splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith(" "))


def test_a_trace_begins_with_the_flow_and_ends_with_what_becomes_of_it(machine: Machine) -> None:
    flow = parse_match("udp,in_port=1,nw_src=10.0.0.1,nw_tos=0").value
    assert trace(Subject(machine.br0, flow), 0.0).splitlines() == [
        "Flow: udp,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,nw_src=10.0.0.1,"
        "nw_dst=0.0.0.0,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,tp_src=0,tp_dst=0",
        "",
        'bridge("br0")',
        "-------------",
        " 0. udp,in_port=1, priority 32768",
        "    mod_nw_tos:4",
        "    output:2",
        "",
        "Final flow: udp,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,"
        "nw_src=10.0.0.1,nw_dst=0.0.0.0,nw_tos=4,nw_ecn=0,nw_ttl=0,nw_frag=no,tp_src=0,tp_dst=0",
        "Megaflow: recirc_id=0,eth,udp,in_port=1,nw_tos=0,nw_frag=no",
        "Datapath actions: set(ipv4(tos=0x4/0xfc)),2",
    ]


def test_a_flow_that_nothing_changes_is_unchanged(machine: Machine) -> None:
    machine.flows("actions=2")
    assert told(machine, "in_port=1")["Final flow"] == "unchanged"


def test_a_translation_that_fails_says_why(machine: Machine) -> None:
    story = machine.trace("in_port=2")
    assert "Translation failed (Recursion too deep), packet is dropped." in story
    assert "Datapath actions: drop\n" in story


def test_what_the_datapath_cannot_do_is_said() -> None:
    machine = Machine()
    machine.flows("arp actions=load:2->NXM_OF_ARP_OP[],2", "ip actions=2")
    end = "This flow is handled by the userspace slow path because it:\n  - Uses action(s) not supported by datapath."
    assert machine.trace("in_port=1,arp").endswith(end)
    assert "slow path" not in machine.trace("in_port=1,ip")


def test_ports_are_told_by_name_if_that_is_asked_for(machine: Machine) -> None:
    names = {1: "eth1", 2: "eth2"}
    plain, named = told(machine, "udp,in_port=1"), told(machine, "udp,in_port=1", names=names)
    assert "in_port=1" in plain["Flow"]
    assert "in_port=p1" in named["Flow"]
    assert "in_port=p1" in named["Megaflow"]
    assert plain["Datapath actions"].endswith(",2")
    story = trace(Subject(machine.br0, parse_match("udp,in_port=1").value, names=names), 0.0)
    assert " 0. udp,in_port=p1, priority 32768\n    mod_nw_tos:4\n    output:p2\n" in story
    assert named["Datapath actions"].endswith(",eth2")


def test_a_packet_teaches_only_if_it_has_effects(machine: Machine) -> None:
    machine.flows("actions=NORMAL")
    packet = Packet(UDP)
    flow = "udp,in_port=1,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02"
    told(machine, flow, packet=packet)
    assert len(machine.br0.macs) == 0
    told(machine, flow, packet=packet, side_effects=True)
    assert machine.br0.macs.lookup(0x020000000001, 0) is machine.br0.bundles["p1"]


def test_actions_may_take_the_place_of_the_tables(machine: Machine) -> None:
    subject = Subject(machine.br0, parse_match("in_port=1").value)
    story = trace(subject, 0.0, parse_actions("output:3,output:2", NO_NAMES))
    assert story.endswith("Datapath actions: 3,2")
    assert "priority" not in story


def test_a_flow_is_told_with_all_that_such_a_packet_has() -> None:
    assert format_flow(parse_match("arp,arp_op=1").value, {}) == (
        "arp,in_port=0,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,arp_spa=0.0.0.0,"
        "arp_tpa=0.0.0.0,arp_op=1,arp_sha=00:00:00:00:00:00,arp_tha=00:00:00:00:00:00"
    )
