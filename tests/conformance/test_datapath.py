"""What every datapath does alike: one suite, all implementations."""

import errno
import random

import pytest

from tests.conformance.packets import Ethernet, Ip, ip4, mac
from tests.conformance.rigs import Rig, open_rig
from vswitch.dpif.action import (
    DatapathAction,
    Output,
    PopVlan,
    PushVlan,
    Set,
    SlowPath,
    ToController,
    Trunc,
    Userspace,
)
from vswitch.dpif.datapath import DatapathError
from vswitch.dpif.megaflow import Execute, Megaflow, Ufid
from vswitch.dpif.packet import Packet
from vswitch.dpif.ports import DatapathPort, OdpPort
from vswitch.flow.extract import extract
from vswitch.flow.field import Field, Flow, Mask
from vswitch.flow.fields import (
    ETH_DST,
    ETH_SRC,
    ETH_TYPE,
    IN_PORT,
    IP_DST,
    IP_FRAG,
    IP_PROTO,
    IP_SRC,
    IP_TOS,
    IP_TTL,
    IPV6_DST,
    IPV6_LABEL,
    IPV6_SRC,
    RECIRC_ID,
    TP_DST,
    TP_SRC,
    VLAN_TCI,
)

OUT2, OUT3 = Output(OdpPort(2)), Output(OdpPort(3))
PACKET = Ip()
# What a translation always looks at.
ALWAYS = IN_PORT.mask | RECIRC_ID.mask | ETH_TYPE.mask | VLAN_TCI.mask


@pytest.fixture(
    params=[
        "dummy",
        pytest.param("userspace", marks=pytest.mark.needs_root),
        pytest.param("ebpf", marks=pytest.mark.needs_root),
        pytest.param("ebpf of an old kernel", marks=pytest.mark.needs_root),
    ]
)
def rig(request, tmp_path):
    yield from open_rig(request.param, tmp_path)


def megaflow(
    packet: bytes, *actions: DatapathAction, fields: tuple[Field, ...] = (), ufid: int = 1, in_port: int = 1
) -> Megaflow:
    """A megaflow that `packet` matches by what is always looked at and by `fields`."""
    flow = extract(packet, in_port)
    mask = ALWAYS | sum(field.mask for field in fields)
    if ETH_TYPE.get(flow) in (0x0800, 0x86DD):
        mask |= IP_FRAG.mask
        if any(field in (TP_SRC, TP_DST) for field in fields):
            mask |= IP_PROTO.mask
    return Megaflow(Ufid(ufid), flow, Mask(mask), actions)


# Ports


def test_ports_have_the_numbers_that_were_asked_for(rig: Rig):
    assert {number: rig.datapath.ports()[number].name for number in (1, 2, 3)} == {1: "p1", 2: "p2", 3: "p3"}


def test_a_port_without_a_wish_gets_a_free_number(rig: Rig):
    number = rig.datapath.port_add(rig.devices["p4"])
    assert number not in (0, 1, 2, 3)
    assert rig.datapath.ports()[number] == DatapathPort(number, "p4", rig.devices["p4"].type)


def test_a_number_cannot_be_had_twice(rig: Rig):
    with pytest.raises(DatapathError) as refused:
        rig.datapath.port_add(rig.devices["p4"], OdpPort(2))
    assert refused.value.errno == errno.EBUSY
    assert "p4" not in {port.name for port in rig.datapath.ports().values()}


def test_a_device_cannot_be_attached_twice(rig: Rig):
    with pytest.raises(DatapathError) as refused:
        rig.datapath.port_add(rig.devices["p1"])
    assert refused.value.errno == errno.EEXIST


def test_a_port_can_go_and_come_back_with_another_number(rig: Rig):
    rig.datapath.port_del(OdpPort(2))
    assert OdpPort(2) not in rig.datapath.ports()
    rig.datapath.port_add(rig.devices["p2"], OdpPort(22))
    rig.datapath.flow_put([megaflow(PACKET.bytes(), Output(OdpPort(22)))])
    rig.send(1, PACKET.bytes())
    assert rig.received(2) == [PACKET.bytes()]


def test_a_port_that_is_not_there_cannot_go(rig: Rig):
    with pytest.raises(DatapathError):
        rig.datapath.port_del(OdpPort(77))


def test_a_port_that_has_gone_takes_and_gives_no_packets(rig: Rig):
    rig.datapath.flow_put([megaflow(PACKET.bytes(), OUT2, OUT3)])
    rig.datapath.port_del(OdpPort(2))
    rig.send(1, PACKET.bytes())
    assert rig.received(3) == [PACKET.bytes()]
    assert rig.nothing_received(2)
    rig.datapath.port_del(OdpPort(1))
    rig.send(1, Ethernet().bytes())
    assert rig.no_upcalls()


# Misses


@pytest.mark.parametrize(
    "packet",
    [
        Ip().bytes(),
        Ip(version=6, proto="udp").bytes(),
        Ethernet().bytes(),
        Ethernet(tags=((0x8100, 0x6005),)).bytes(),
        Ethernet(tags=((0x8100, 0x7005),)).bytes(),
        Ethernet(tags=((0x88A8, 0x7005), (0x8100, 0x1006))).bytes(),
        Ethernet(type=100).bytes(),
    ],
    ids=["tcp", "udp6", "other", "vlan", "vlan dei", "two tags dei", "802.3"],
)
def test_a_miss_comes_up_once_whole_and_with_its_flow(rig: Rig, packet: bytes):
    rig.send(2, packet)
    (upcall,) = rig.upcalls()
    assert upcall.packet.data == packet
    assert upcall.flow == extract(packet, 2)
    assert upcall.cookie is None


def test_each_packet_of_a_miss_comes_up(rig: Rig):
    rig.send(1, *[PACKET.bytes()] * 5)
    assert len(rig.upcalls(5)) == 5
    assert rig.datapath.stats().missed == 5


def test_a_packet_of_full_size_comes_up_whole(rig: Rig):
    packet = PACKET.with_(payload=random.Random(1).randbytes(1460)).bytes()
    rig.send(1, packet)
    assert rig.upcalls()[0].packet.data == packet


# Megaflows


def test_a_megaflow_forwards_and_nothing_comes_up(rig: Rig):
    rig.datapath.flow_put([megaflow(PACKET.bytes(), OUT2)])
    rig.send(1, PACKET.bytes())
    assert rig.received(2) == [PACKET.bytes()]
    assert rig.no_upcalls()
    assert rig.nothing_received(3)


def test_a_megaflow_counts(rig: Rig):
    rig.datapath.flow_put([megaflow(PACKET.bytes(), OUT2)])
    assert (rig.carried(1).packets, rig.carried(1).used) == (0, None)
    rig.send(1, PACKET.bytes(), PACKET.with_(tcp_flags=0x02).bytes())
    rig.received(2, 2)
    stats = rig.carried(1)
    assert (stats.packets, stats.bytes, stats.tcp_flags) == (2, 2 * len(PACKET.bytes()), 0x1A)
    assert stats.used is not None


def test_no_actions_mean_drop(rig: Rig):
    rig.datapath.flow_put([megaflow(PACKET.bytes())])
    rig.send(1, PACKET.bytes())
    rig.until(lambda: rig.carried(1).packets == 1)
    assert rig.nothing_received(2)
    assert rig.no_upcalls()


def test_what_the_mask_leaves_out_does_not_matter(rig: Rig):
    rig.datapath.flow_put([megaflow(PACKET.bytes(), OUT2, fields=(IP_DST,))])
    others = [PACKET.with_(src=ip4("10.9.9.9"), sport=5, ttl=3).bytes(), PACKET.with_(proto="udp").bytes()]
    rig.send(1, *others)
    assert rig.received(2, 2) == others
    rig.send(1, PACKET.with_(dst=ip4("10.0.0.3")).bytes())
    assert len(rig.upcalls()) == 1


@pytest.mark.parametrize(
    ("field", "other"),
    [
        (ETH_SRC, PACKET.with_(eth_src=mac("02:00:00:00:00:09"))),
        (ETH_DST, PACKET.with_(eth_dst=mac("02:00:00:00:00:09"))),
        (IP_SRC, PACKET.with_(src=ip4("10.0.0.9"))),
        (IP_TOS, PACKET.with_(tos=4)),
        (IP_TTL, PACKET.with_(ttl=63)),
        (IP_PROTO, PACKET.with_(proto="udp")),
        (TP_SRC, PACKET.with_(sport=1001)),
        (TP_DST, PACKET.with_(dport=2001)),
        (VLAN_TCI, PACKET.with_(tags=((0x8100, 0x0005),))),
        (IPV6_SRC, Ip(version=6, src=bytes(15) + b"\x09")),
        (ETH_TYPE, Ethernet()),
    ],
    ids=lambda value: value.name if isinstance(value, Field) else "",
)
def test_what_the_mask_has_does_matter(rig: Rig, field: Field, other: Ip):
    own = Ip(version=6) if field is IPV6_SRC else PACKET
    rig.datapath.flow_put([megaflow(own.bytes(), OUT2, fields=(field,))])
    rig.send(1, own.bytes(), other.bytes())
    assert [upcall.packet.data for upcall in rig.upcalls()] == [other.bytes()]
    assert rig.received(2) == [own.bytes()]


def test_a_prefix_can_be_matched(rig: Rig):
    flow = megaflow(PACKET.bytes(), OUT2)
    prefix = Mask(flow.mask | 0xFFFFFF00 << IP_DST.offset)
    rig.datapath.flow_put([Megaflow(Ufid(1), flow.flow, prefix, (OUT2,))])
    inside, outside = PACKET.with_(dst=ip4("10.0.0.77")).bytes(), PACKET.with_(dst=ip4("10.0.1.2")).bytes()
    rig.send(1, inside, outside)
    assert rig.received(2) == [inside]
    assert [upcall.packet.data for upcall in rig.upcalls()] == [outside]


def test_the_port_matters(rig: Rig):
    rig.datapath.flow_put(
        [
            megaflow(PACKET.bytes(), OUT2, ufid=1, in_port=1),
            megaflow(PACKET.bytes(), OUT3, ufid=2, in_port=2),
        ]
    )
    rig.send(1, PACKET.bytes())
    assert rig.received(2) == [PACKET.bytes()]
    rig.send(2, PACKET.bytes())
    assert rig.received(3) == [PACKET.bytes()]


def test_many_masks_side_by_side(rig: Rig):
    fields = (IP_SRC, IP_DST, IP_TOS, IP_TTL, TP_SRC, TP_DST, ETH_SRC, ETH_DST, IP_PROTO)
    packets = [PACKET.with_(dst=bytes([10, 1, 0, i])).bytes() for i in range(len(fields))]
    rig.datapath.flow_put(
        [
            megaflow(packet, OUT2, fields=(IP_DST, field), ufid=i)
            for i, (packet, field) in enumerate(zip(packets, fields, strict=True), 1)
        ]
    )
    rig.send(1, *packets)
    assert sorted(rig.received(2, len(packets))) == sorted(packets)
    assert [rig.carried(i).packets for i in range(1, len(fields) + 1)] == [1] * len(fields)
    assert rig.no_upcalls()


def test_a_second_put_changes_actions_and_keeps_counters(rig: Rig):
    rig.datapath.flow_put([megaflow(PACKET.bytes(), OUT2)])
    rig.send(1, PACKET.bytes())
    rig.received(2)
    rig.datapath.flow_put([megaflow(PACKET.bytes(), OUT3)])
    rig.send(1, PACKET.bytes())
    assert rig.received(3) == [PACKET.bytes()]
    assert rig.nothing_received(2)
    assert rig.carried(1).packets == 2
    assert [flow.actions for flow, _ in rig.datapath.flow_dump()] == [(OUT3,)]


def test_removal_tells_what_was_carried(rig: Rig):
    rig.datapath.flow_put([megaflow(PACKET.bytes(), OUT2)])
    rig.send(1, PACKET.bytes())
    rig.received(2)
    unknown, stats = rig.datapath.flow_del([Ufid(99), Ufid(1)])
    assert unknown is None
    assert stats is not None
    assert (stats.packets, stats.bytes) == (1, len(PACKET.bytes()))
    rig.send(1, PACKET.bytes())
    assert len(rig.upcalls()) == 1
    assert rig.datapath.flow_del([Ufid(1)]) == [None]


def test_dump_gives_back_what_was_put(rig: Rig):
    flows = [megaflow(PACKET.with_(dport=i).bytes(), OUT2, fields=(TP_DST,), ufid=i) for i in range(1, 20)]
    rig.datapath.flow_put(flows)
    dumped = {flow.ufid: flow for flow, _ in rig.datapath.flow_dump()}
    assert dumped == {flow.ufid: flow for flow in flows}


def test_flush_removes_everything(rig: Rig):
    rig.datapath.flow_put([megaflow(PACKET.bytes(), OUT2)])
    rig.datapath.flow_flush()
    assert list(rig.datapath.flow_dump()) == []
    rig.send(1, PACKET.bytes())
    assert len(rig.upcalls()) == 1


def test_of_overlapping_megaflows_one_wins_and_the_other_can_stay(rig: Rig):
    rig.datapath.flow_put([megaflow(PACKET.bytes(), OUT2, fields=(IP_DST,), ufid=1)])
    rig.datapath.flow_put([megaflow(PACKET.bytes(), OUT2, fields=(IP_SRC,), ufid=2)])
    rig.send(1, PACKET.bytes())
    assert rig.received(2) == [PACKET.bytes()]
    assert rig.carried(1).packets + rig.carried(2).packets == 1
    rig.datapath.flow_del([Ufid(1)])
    rig.send(1, PACKET.bytes())
    assert rig.received(2) == [PACKET.bytes()]
    assert rig.no_upcalls()


def test_counters(rig: Rig):
    rig.datapath.flow_put(
        [
            megaflow(PACKET.bytes(), OUT2, fields=(TP_DST,), ufid=1),
            megaflow(PACKET.with_(dport=5).bytes(), OUT2, fields=(TP_DST,), ufid=2),
            megaflow(Ethernet().bytes(), OUT2, ufid=3),
        ]
    )
    rig.send(1, PACKET.bytes(), PACKET.bytes(), PACKET.with_(dport=9).bytes())
    rig.received(2, 2)
    stats = rig.datapath.stats()
    assert (stats.flows, stats.masks, stats.hit, stats.missed, stats.lost) == (3, 2, 2, 1, 0)


# Actions


def test_output_to_several_ports(rig: Rig):
    rig.datapath.flow_put([megaflow(PACKET.bytes(), OUT2, OUT3)])
    rig.send(1, PACKET.bytes())
    assert rig.received(2) == rig.received(3) == [PACKET.bytes()]


def test_output_to_the_port_it_came_from(rig: Rig):
    rig.datapath.flow_put([megaflow(PACKET.bytes(), Output(OdpPort(1)))])
    rig.send(1, PACKET.bytes())
    assert rig.received(1) == [PACKET.bytes()]


def test_output_to_a_port_that_is_not_there(rig: Rig):
    rig.datapath.flow_put([megaflow(PACKET.bytes(), Output(OdpPort(99)), OUT2)])
    rig.send(1, PACKET.bytes())
    assert rig.received(2) == [PACKET.bytes()]


def test_a_port_that_comes_later_gets_packets(rig: Rig):
    rig.datapath.port_del(OdpPort(3))
    rig.datapath.flow_put([megaflow(PACKET.bytes(), OUT3)])
    rig.datapath.port_add(rig.devices["p3"], OdpPort(3))
    rig.send(1, PACKET.bytes())
    assert rig.received(3) == [PACKET.bytes()]


def setting(packet: Ip, *values: tuple[Field, int]) -> Set:
    """A Set of whole fields."""
    context = extract(packet.bytes()) & (ETH_TYPE.mask | IP_PROTO.mask)
    value, mask = Flow(context), 0
    for field, number in values:
        value, mask = field.put(value, number), mask | field.mask
    return Set(value, Mask(mask))


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


V6, OTHER6 = Ip(version=6), bytes.fromhex("2001" + "07" * 14)
OTHER_MAC, OTHER_IP = mac("06:05:04:03:02:01"), ip4("192.168.77.5")
SETS = {
    "eth": (Ip(), [(ETH_SRC, number(OTHER_MAC)), (ETH_DST, 7)], {"eth_src": OTHER_MAC, "eth_dst": bytes(5) + b"\7"}),
    "eth_dst": (Ip(), [(ETH_DST, number(OTHER_MAC))], {"eth_dst": OTHER_MAC}),
    "ip_src tcp": (Ip(), [(IP_SRC, number(OTHER_IP))], {"src": OTHER_IP}),
    "ip_dst udp": (Ip(proto="udp"), [(IP_DST, number(OTHER_IP))], {"dst": OTHER_IP}),
    "ip_src icmp": (Ip(proto="icmp"), [(IP_SRC, number(OTHER_IP))], {"src": OTHER_IP}),
    "ip_src udp without checksum": (
        Ip(proto="udp", udp_checksum=False), [(IP_SRC, number(OTHER_IP))], {"src": OTHER_IP}
    ),
    "tos ttl": (Ip(), [(IP_TOS, 0xB8), (IP_TTL, 9)], {"tos": 0xB8, "ttl": 9}),
    "tcp ports": (Ip(), [(TP_SRC, 80), (TP_DST, 65535)], {"sport": 80, "dport": 65535}),
    "tcp_dst": (Ip(), [(TP_DST, 81)], {"dport": 81}),
    "udp ports": (Ip(proto="udp"), [(TP_SRC, 53), (TP_DST, 54)], {"sport": 53, "dport": 54}),
    "udp port without checksum": (Ip(proto="udp", udp_checksum=False), [(TP_DST, 54)], {"dport": 54}),
    "tagged": (Ip(tags=((0x8100, 0x0005),)), [(IP_DST, number(OTHER_IP))], {"dst": OTHER_IP}),
    "ipv6_src tcp": (V6, [(IPV6_SRC, number(OTHER6))], {"src": OTHER6}),
    "ipv6_dst udp": (V6.with_(proto="udp"), [(IPV6_DST, number(OTHER6))], {"dst": OTHER6}),
    "ipv6_dst icmp": (V6.with_(proto="icmp", icmp_type=128), [(IPV6_DST, number(OTHER6))], {"dst": OTHER6}),
    "ipv6 fields": (V6, [(IP_TOS, 0x2E), (IP_TTL, 3), (IPV6_LABEL, 0xABCDE)], {"tos": 0x2E, "ttl": 3, "label": 0xABCDE}),
    "udp6 ports": (V6.with_(proto="udp"), [(TP_SRC, 1), (TP_DST, 2)], {"sport": 1, "dport": 2}),
}  # fmt: skip


@pytest.mark.parametrize(("packet", "values", "changes"), SETS.values(), ids=SETS)
def test_set_changes_fields_and_their_checksums(rig: Rig, packet: Ip, values, changes):
    rig.datapath.flow_put([megaflow(packet.bytes(), setting(packet, *values), OUT2, fields=(IP_PROTO,))])
    rig.send(1, packet.bytes())
    assert rig.received(2) == [packet.with_(**changes).bytes()]


def test_set_can_change_some_bits(rig: Rig):
    packet = PACKET.with_(tos=0x03)
    dscp = Set(
        Flow(0x28 << IP_TOS.offset | extract(packet.bytes()) & ETH_TYPE.mask), Mask(0xFC << IP_TOS.offset)
    )
    rig.datapath.flow_put([megaflow(packet.bytes(), dscp, OUT2)])
    rig.send(1, packet.bytes())
    assert rig.received(2) == [packet.with_(tos=0x2B).bytes()]


def test_actions_happen_in_order(rig: Rig):
    actions = (
        OUT2,
        setting(PACKET, (ETH_DST, 5)),
        OUT3,
        setting(PACKET, (ETH_DST, 6), (ETH_SRC, 7)),
        PushVlan(0x1007),
        OUT2,
    )
    rig.datapath.flow_put([megaflow(PACKET.bytes(), *actions)])
    rig.send(1, PACKET.bytes())
    fifth = PACKET.with_(eth_dst=bytes(5) + b"\5")
    sixth = PACKET.with_(eth_dst=bytes(5) + b"\6", eth_src=bytes(5) + b"\7", tags=((0x8100, 0x0007),))
    assert rig.received(2, 2) == [PACKET.bytes(), sixth.bytes()]
    assert rig.received(3) == [fifth.bytes()]


def test_push_vlan(rig: Rig):
    rig.datapath.flow_put([megaflow(PACKET.bytes(), PushVlan(0x7005), OUT2)])
    rig.send(1, PACKET.bytes())
    assert rig.received(2) == [PACKET.with_(tags=((0x8100, 0x6005),)).bytes()]


def test_push_two_tags(rig: Rig):
    rig.datapath.flow_put([megaflow(PACKET.bytes(), PushVlan(0x1006), PushVlan(0x1005, 0x88A8), OUT2)])
    rig.send(1, PACKET.bytes())
    assert rig.received(2) == [PACKET.with_(tags=((0x88A8, 0x0005), (0x8100, 0x0006))).bytes()]


def test_pop_vlan(rig: Rig):
    packet = PACKET.with_(tags=((0x8100, 0x7005),))
    rig.datapath.flow_put([megaflow(packet.bytes(), OUT3, PopVlan(), OUT2)])
    rig.send(1, packet.bytes())
    assert rig.received(2) == [PACKET.bytes()]
    assert rig.received(3) == [packet.bytes()]


def test_pop_one_of_two_tags(rig: Rig):
    packet = PACKET.with_(tags=((0x88A8, 0x0005), (0x8100, 0x1006)))  # the inner one with its DEI bit set
    rig.datapath.flow_put([megaflow(packet.bytes(), PopVlan(), OUT2)])
    rig.send(1, packet.bytes())
    assert rig.received(2) == [PACKET.with_(tags=((0x8100, 0x1006),)).bytes()]


def test_exchange_a_tag(rig: Rig):
    packet = PACKET.with_(tags=((0x8100, 0x0005),))
    rig.datapath.flow_put([megaflow(packet.bytes(), PopVlan(), PushVlan(0x1009), OUT2)])
    rig.send(1, packet.bytes())
    assert rig.received(2) == [PACKET.with_(tags=((0x8100, 0x0009),)).bytes()]


def test_trunc_cuts_for_the_next_output_only(rig: Rig):
    packet = PACKET.with_(payload=bytes(500)).bytes()
    rig.datapath.flow_put([megaflow(packet, Trunc(100), OUT2, OUT3)])
    rig.send(1, packet)
    assert rig.received(2) == [packet[:100]]
    assert rig.received(3) == [packet]


def test_trunc_does_not_pad(rig: Rig):
    rig.datapath.flow_put([megaflow(PACKET.bytes(), Trunc(5000), OUT2)])
    rig.send(1, PACKET.bytes())
    assert rig.received(2) == [PACKET.bytes()]


COOKIES = [
    SlowPath("controller"),
    ToController(reason=1, max_len=128, controller_id=3, rule_cookie=0x1234, table_id=7, userdata=b"abc"),
]


@pytest.mark.parametrize("cookie", COOKIES, ids=["slow path", "controller"])
def test_userspace_hands_the_packet_up_as_it_is_then(rig: Rig, cookie):
    rig.datapath.flow_put(
        [megaflow(PACKET.bytes(), setting(PACKET, (ETH_DST, 5)), Userspace(cookie), PushVlan(0x1002), OUT2)]
    )
    rig.send(1, PACKET.bytes())
    (upcall,) = rig.upcalls()
    changed = PACKET.with_(eth_dst=bytes(5) + b"\5")
    assert (upcall.packet.data, upcall.cookie) == (changed.bytes(), cookie)
    assert upcall.flow == extract(changed.bytes(), 1)
    assert rig.received(2) == [changed.with_(tags=((0x8100, 0x0002),)).bytes()]
    assert rig.carried(1).packets == 1


# Execution


def test_execute(rig: Rig):
    actions = (OUT2, PushVlan(0x1005), OUT3)
    rig.datapath.execute([Execute(Packet(PACKET.bytes()), extract(PACKET.bytes(), 1), actions)])
    assert rig.received(2) == [PACKET.bytes()]
    assert rig.received(3) == [PACKET.with_(tags=((0x8100, 0x0005),)).bytes()]


def test_execute_what_came_up(rig: Rig):
    packet = PACKET.with_(tags=((0x8100, 0x0005),))
    rig.send(1, packet.bytes())
    (upcall,) = rig.upcalls()
    rig.datapath.execute([Execute(upcall.packet, upcall.flow, (PopVlan(), OUT2))])
    assert rig.received(2) == [PACKET.bytes()]


def test_execute_sets_fields(rig: Rig):
    actions = (setting(PACKET, (IP_DST, number(OTHER_IP))), setting(PACKET, (TP_DST, 9)), OUT2)
    rig.datapath.execute([Execute(Packet(PACKET.bytes()), extract(PACKET.bytes(), 1), actions)])
    assert rig.received(2) == [PACKET.with_(dst=OTHER_IP, dport=9).bytes()]


def test_execute_many_in_order(rig: Rig):
    packets = [PACKET.with_(dport=i).bytes() for i in range(50)]
    rig.datapath.execute([Execute(Packet(packet), extract(packet, 1), (OUT2,)) for packet in packets])
    assert rig.received(2, 50) == packets


# Bad packets, and the end


def test_any_bytes_are_forwarded_or_handed_up(rig: Rig):
    rng = random.Random(5)
    whole = [Ip().bytes(), V6.bytes(), Ip(proto="udp", tags=((0x8100, 0x0005),)).bytes(), Ethernet().bytes()]
    # Linux itself drops a frame that ends within its VLAN tag or just behind it.
    packets = [packet[:size] for packet in whole for size in range(20, len(packet), 3)]
    packets += [bytes(rng.choices(range(256), k=rng.randrange(14, 100))) for _ in range(50)]
    for i in range(0, len(packets), 20):
        batch = packets[i : i + 20]
        rig.send(1, *batch)
        assert [upcall.packet.data for upcall in rig.upcalls(len(batch))] == batch
    rig.datapath.flow_put([megaflow(PACKET.bytes(), OUT2)])
    rig.send(1, PACKET.bytes())
    assert rig.received(2) == [PACKET.bytes()]


def test_setting_what_a_packet_does_not_have_leaves_it_whole(rig: Rig):
    packet = Ethernet().bytes()
    actions = (setting(PACKET, (IP_DST, 5)), setting(PACKET, (TP_DST, 5)), PopVlan(), OUT2)
    rig.datapath.execute([Execute(Packet(packet), extract(packet, 1), actions)])
    assert rig.received(2) == [packet]


def test_close_ends_the_upcalls(rig: Rig):
    rig.datapath.flow_put([megaflow(PACKET.bytes(), OUT2)])
    rig.datapath.close()
    rig.until(lambda: rig.upcalls_ended)
    rig.send(1, PACKET.bytes())
    assert rig.nothing_received(2)
