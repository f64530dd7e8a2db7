"""Action lists become shapes and parameters; every shape loads."""

from __future__ import annotations

import struct

import pytest

from vswitch.datapath.ebpf.actions import UP, plan_actions, shape_program
from vswitch.datapath.ebpf.maps import PARAMETERS_SIZE, Maps
from vswitch.dpif.action import Output, PopVlan, PushVlan, Set, SlowPath, Trunc, Userspace
from vswitch.dpif.ports import OdpPort
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import (
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    IP_DST,
    IP_PROTO,
    IP_SRC,
    IP_TOS,
    IP_TTL,
    IPV6_DST,
    IPV6_LABEL,
    IPV6_SRC,
    LAYOUT,
    ND_TARGET,
    PKT_MARK,
    TP_DST,
    TP_SRC,
)
from vswitch.linux import bpffs
from vswitch.linux.bpf import Program

P1, P2, P3 = (Output(OdpPort(n)) for n in (1, 2, 3))
EXACT = Mask(ETH_TYPE.mask | IP_PROTO.mask)
UP_HERE = Userspace(SlowPath("action"))


def flow(type: int, proto: int = 0) -> Flow:
    return IP_PROTO.put(ETH_TYPE.put(Flow(0), type), proto)


TCP4, UDP4, ICMP4, SCTP4 = (flow(0x0800, proto) for proto in (6, 17, 1, 132))
TCP6, ICMP6, ARP = flow(0x86DD, 6), flow(0x86DD, 58), flow(0x0806, 1)


def every(*fields) -> Set:
    mask = sum(field.mask for field in fields)
    return Set(Flow(mask), Mask(mask))


def test_the_same_kind_of_list_has_the_same_program():
    one = plan_actions([PushVlan(0x1005), P1, P2, P3], TCP4, EXACT)
    other = plan_actions([PushVlan(0x1007), P3, P2, P1], UDP4, EXACT)
    assert one.shape == other.shape
    assert one.parameters == struct.pack("=5I", 0x0081, 5, 1, 2, 3)
    assert other.parameters == struct.pack("=5I", 0x0081, 7, 3, 2, 1)


@pytest.mark.parametrize(
    ("actions", "packets"),
    [
        ([Trunc(100), P1, P2], TCP4),
        ([every(TP_SRC), P1], SCTP4),
        ([every(ND_TARGET), P1], ICMP6),
        ([every(TP_SRC), P1], ARP),
        ([Output(OdpPort(n)) for n in range(PARAMETERS_SIZE)], TCP4),
    ],
    ids=["cut for one", "SCTP", "neighbour discovery", "no ports", "too many"],
)
def test_what_userspace_does(actions, packets):
    assert plan_actions(actions, packets, EXACT).shape == UP


LISTS = [
    ([P1, P2], TCP4),
    ([Output(OdpPort(n)) for n in range(300)], TCP4),
    ([Trunc(60), P1], TCP4),
    ([PushVlan(0x1001), PushVlan(0x1002, 0x88A8), P1], TCP4),
    ([PopVlan(), P1, PushVlan(0x1001), P2], TCP4),
    ([UP_HERE], TCP4),
    ([P1, UP_HERE, PopVlan(), UP_HERE, P2], TCP4),
    ([every(ETH_SRC, ETH_DST), P1], TCP4),
    ([every(PKT_MARK), P1], TCP4),
    ([every(IP_SRC, IP_DST, IP_TOS, IP_TTL), P1], TCP4),
    ([every(IPV6_SRC, IPV6_DST, IPV6_LABEL, IP_TOS, IP_TTL), P1], TCP6),
    ([every(TP_SRC, TP_DST), P1], TCP4),
    ([every(TP_SRC, TP_DST), P1], UDP4),
    ([every(TP_SRC, TP_DST), P1], TCP6),
    ([every(TP_SRC, TP_DST), P1], ICMP4),
    ([every(TP_SRC, TP_DST), P1], ICMP6),
    (
        [
            Set(
                Flow(LAYOUT.mask("ip_proto", "ip_src", "arp_tha")),
                LAYOUT.mask("ip_proto", "ip_src", "arp_tha"),
            ),
            P1,
        ],
        ARP,
    ),
    (
        [
            every(ETH_DST),
            every(IP_SRC, IP_TTL),
            every(TP_DST),
            PushVlan(0x1005),
            P1,
            PopVlan(),
            every(IP_DST),
            P2,
        ],
        TCP4,
    ),
]


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    directory = tmp_path_factory.mktemp("bpf")
    bpffs.mount(directory)
    opened = Maps.create(directory, 2)
    yield opened
    opened.close()
    bpffs.unmount(directory)


@pytest.mark.needs_root
@pytest.mark.parametrize(("actions", "packets"), LISTS)
def test_every_shape_loads(maps, actions, packets):
    plan = plan_actions(actions, packets, EXACT)
    assert plan.shape != UP
    assert len(plan.parameters) == sum(step.size for step in plan.shape)
    Program.load(shape_program(plan.shape), maps.by_name).close()
