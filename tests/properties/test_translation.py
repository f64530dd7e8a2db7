"""What makes megaflows sound: bits outside a translation's mask do not matter, for the whole switch.

`translate(flow)` and `translate(flow & mask | other & ~mask)` give the same datapath actions, over random pipelines,
for flows that a packet can have.
"""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.switch import pipelines
from tests.switch.machine import Machine
from vswitch.flow.field import Flow
from vswitch.flow.fields import (
    ARP_OP,
    ETH_TYPE,
    IN_PORT,
    IP_FRAG,
    IP_PROTO,
    LAYOUT,
    TCP_FLAGS,
    TP_DST,
    TP_SRC,
    VLAN2_TCI,
    VLAN2_TPID,
    VLAN_PRESENT,
    VLAN_TCI,
    VLAN_TPID,
)
from vswitch.flow.match import parse_match
from vswitch.flow.ports import OFPP_LOCAL
from vswitch.ofproto.backer import KEY_SHAPE
from vswitch.ofproto.tracecommand import with_tpid
from vswitch.ofproto.xlate.context import Translation
from vswitch.ofproto.xlate.translate import translate

HEADERS = LAYOUT.mask("eth_src", "eth_dst", "pkt_mark", "skb_priority")
IP = LAYOUT.mask("ip_proto", "ip_ttl", "ip_tos", "ip_frag")
BY_TYPE = {
    0x0800: IP | LAYOUT.mask("ip_src", "ip_dst", "tp_src", "tp_dst", "tcp_flags"),
    0x86DD: IP
    | LAYOUT.mask("ipv6_src", "ipv6_dst", "ipv6_label", "tp_src", "tp_dst", "tcp_flags")
    | LAYOUT.mask("nd_target", "arp_sha", "arp_tha"),
    0x0806: LAYOUT.mask("ip_proto", "ip_src", "ip_dst", "arp_sha", "arp_tha"),
    0x88B5: 0,
}
PORTS = TP_SRC.mask | TP_DST.mask
NAMES = "eth_src eth_dst pkt_mark skb_priority ip_ttl ip_tos ip_src ip_dst ipv6_src ipv6_dst tp_src tp_dst tcp_flags"
FIELDS_OF_PACKETS = [LAYOUT.mask(name) for name in (*NAMES.split(), "arp_sha", "arp_tha", "vlan_tci")]


def possible(flow: int) -> Flow:
    """`flow` without what no packet can have beside the rest: headers of other types, halves of tags."""
    keep = HEADERS | IN_PORT.mask | ETH_TYPE.mask | BY_TYPE[ETH_TYPE.get(flow)]
    kind = ETH_TYPE.get(flow)
    if kind in (0x0800, 0x86DD):
        proto = IP_PROTO.get(flow)
        if IP_FRAG.get(flow) == 2:
            flow &= ~IP_FRAG.mask
        if proto not in (1, 2, 6, 17, 58, 132) or flow & 2 << IP_FRAG.offset:
            keep &= ~(PORTS | TCP_FLAGS.mask)
        if proto != 6:
            keep &= ~TCP_FLAGS.mask
        if proto in (1, 58):
            keep &= ~(0xFF00 << TP_SRC.offset | 0xFF00 << TP_DST.offset)
        nd = kind == 0x86DD and proto == 58 and TP_SRC.get(flow) in (135, 136) and not TP_DST.get(flow)
        if not nd and kind == 0x86DD:
            keep &= ~LAYOUT.mask("nd_target", "arp_sha", "arp_tha")
    elif kind == 0x0806 and ARP_OP.get(flow) == 0:
        keep &= ~BY_TYPE[kind]
    if flow & VLAN_PRESENT << VLAN_TCI.offset:
        keep |= VLAN_TCI.mask
        if flow & VLAN_PRESENT << VLAN2_TCI.offset:
            keep |= VLAN2_TCI.mask
    made = Flow(flow & keep)
    if made & VLAN_TCI.mask:
        made = VLAN_TPID.put(made, 0x8100)
    if made & VLAN2_TCI.mask:
        made = VLAN2_TPID.put(made, 0x8100)
    return made


def outcome(machine: Machine, flow: Flow) -> Translation:
    return translate(machine.backer.wiring, machine.br0, flow, machine.now)


def dress(machine: Machine, rng: Random) -> None:
    """VLAN configurations, a second bridge, and learned addresses, at random."""
    machine.vlan(1, rng.choice(("trunk", "native-untagged", "native-tagged")), 5)
    machine.vlan(2, "access", 5)
    machine.vlan(3, *rng.choice((("trunk", 0, (5, 10)), ("trunk", 0, ()), ("access", 10, ()))))
    br1 = machine.connect_bridges(4)
    machine.flows("actions=NORMAL,dec_ttl,pa1,mod_nw_src:9.9.9.9,10".replace("pa1", "4"), switch=br1)
    for name, bundle in rng.sample(sorted(machine.br0.bundles.items()), 3):
        for vlan in (0, 5, 10):
            machine.br0.macs.learn(0x505400000000 | rng.randint(1, 3), vlan, bundle, 0.0)
        assert name == bundle.name


@pytest.mark.parametrize("seed", range(40))
@settings(max_examples=15)
@given(data=st.data())
def test_bits_outside_the_mask_do_not_matter(seed: int, data: st.DataObject) -> None:
    machine, rng = pipeline_machine(seed)
    flow = random_flow(data.draw(st.integers(0, 2**32)), rng)
    first = outcome(machine, flow)
    mask = first.mask | KEY_SHAPE
    for number in range(10):
        other = disturbed(flow, mask, Random(data.draw(st.integers(0, 2**32)) + number))
        second = outcome(machine, other)
        assert (second.actions, second.slow, second.mask) == (first.actions, first.slow, first.mask)


def disturbed(flow: Flow, mask: int, rng: Random) -> Flow:
    """Another flow that a packet can have, which agrees with `flow` on `mask`: many bits differ, or a field's."""
    noise = Flow(rng.getrandbits(flow.bit_length() + 1))
    if rng.random() < 0.5:
        noise = Flow(flow ^ rng.choice(FIELDS_OF_PACKETS))
    elif rng.random() < 0.5:
        noise = random_flow(rng.getrandbits(32), rng)
    other = Flow(flow & mask | noise & ~mask)
    if possible(other) != other:
        other = Flow(flow & mask | possible(other) & ~mask)
    return other if possible(other) == other else flow


_machines: dict[int, Machine] = {}


def pipeline_machine(seed: int) -> tuple[Machine, Random]:
    """The machine of a seed, and fresh random numbers."""
    if seed not in _machines:
        rng = Random(seed)
        machine = Machine()
        dress(machine, rng)
        machine.groups(*pipelines.GROUPS)
        rules = pipelines.pipeline(rng, rng.choice((3, 10, 30)), groups=range(1, 6))
        machine.flows(*(rule.replace("LOCAL", "LOCAL,4") for rule in rules))
        _machines[seed] = machine
    return _machines[seed], Random(seed)


def random_flow(number: int, rng: Random) -> Flow:
    """A flow near those that the pipelines match."""
    rng = Random(number)
    flow = with_tpid(parse_match(pipelines.packet(rng)).value)
    if rng.random() < 0.2:
        flow = IP_FRAG.put(flow, rng.choice((0, 1, 3)))
    if rng.random() < 0.1:
        flow = IP_PROTO.put(flow, 0)
    if rng.random() < 0.1:
        flow = IN_PORT.put(flow, OFPP_LOCAL)
    return possible(flow)
