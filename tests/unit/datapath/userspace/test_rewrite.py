"""What the conformance suite does not try on every datapath: rare headers, partial checksums, bad packets."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.packets import Ethernet, Ip, checksum, ip4, mac
from tests.unit.dpif.test_offload import partial
from vswitch.datapath.userspace.execute import execute, truncated, without_vlan
from vswitch.datapath.userspace.rewrite import Rewriter
from vswitch.dpif.action import Output, PopVlan, PushVlan, Set, Trunc
from vswitch.dpif.frame import HEADER_SIZE, NO_OFFLOAD, frame_of, packet_of, with_vlan
from vswitch.dpif.offload import finished
from vswitch.dpif.ports import OdpPort
from vswitch.flow.field import Field, Flow, Mask
from vswitch.flow.fields import (
    ARP_OP,
    ARP_SHA,
    ARP_SPA,
    ARP_THA,
    ARP_TPA,
    IP_DST,
    IP_SRC,
    IPV6_DST,
    IPV6_SRC,
    LAYOUT,
    ND_SLL,
    ND_TARGET,
    TP_DST,
    TP_SRC,
)
from vswitch.packet.checksum import crc32c

OTHER_IP, OTHER_MAC = ip4("192.168.77.5"), mac("06:05:04:03:02:01")


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def rewritten(frame: bytes, *values: tuple[Field, int]) -> bytes:
    """`frame` with fields set, without its virtio-net header."""
    value, mask = Flow(0), 0
    for field, new in values:
        value, mask = field.put(value, new), mask | field.mask
    rewriter = Rewriter(frame)
    rewriter.set(value, Mask(mask))
    return rewriter.frame()


def data_of(packet: bytes, *values: tuple[Field, int]) -> bytes:
    return rewritten(NO_OFFLOAD + packet, *values)[HEADER_SIZE:]


def arp(op: int, sha: bytes, spa: bytes, tha: bytes, tpa: bytes) -> bytes:
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, op) + sha + spa + tha + tpa
    return Ethernet(type=0x0806, payload=body).bytes()


def test_arp():
    before = arp(1, mac("02:00:00:00:00:01"), ip4("10.0.0.1"), bytes(6), ip4("10.0.0.2"))
    after = data_of(
        before,
        (ARP_OP, 2),
        (ARP_SPA, number(OTHER_IP)),
        (ARP_TPA, 7),
        (ARP_SHA, number(OTHER_MAC)),
        (ARP_THA, 9),
    )
    assert after == arp(2, OTHER_MAC, OTHER_IP, bytes(5) + b"\x09", bytes(3) + b"\x07")


def neighbour(target: bytes, link_layer: bytes) -> bytes:
    packet = Ip(version=6, proto="icmp", icmp_type=135, payload=b"")
    body = bytes([135, 0, 0, 0]) + bytes(4) + target + bytes([1, 1]) + link_layer
    total = checksum(packet.pseudo_header(len(body)) + body)
    body = body[:2] + struct.pack("!H", total) + body[4:]
    header = struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + packet.src + packet.dst
    return Ethernet(type=0x86DD, payload=header + body).bytes()


def test_neighbour_discovery():
    target = bytes.fromhex("fe80" + "00" * 13 + "09")
    before = neighbour(bytes(16), mac("02:00:00:00:00:01"))
    after = data_of(before, (ND_TARGET, number(target)), (ND_SLL, number(OTHER_MAC)))
    assert after == neighbour(target, OTHER_MAC)


def sctp(source: int, target: int, wrong: int = 0) -> bytes:
    body = struct.pack("!HHII", source, target, 5, 0) + b"chunks"
    crc = crc32c(body) ^ wrong
    body = body[:8] + struct.pack("<I", crc) + body[12:]
    header = (
        struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, 132, 0) + ip4("1.2.3.4") + ip4("1.2.3.5")
    )
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return Ethernet(type=0x0800, payload=header + body).bytes()


@pytest.mark.parametrize("wrong", [0, 0x1234])
def test_sctp_stays_as_right_or_wrong_as_it_was(wrong: int):
    assert data_of(sctp(1, 2, wrong), (TP_SRC, 80), (TP_DST, 81)) == sctp(80, 81, wrong)


@pytest.mark.parametrize(
    ("packet", "values", "changes"),
    [
        (Ip(), [(IP_SRC, number(OTHER_IP)), (TP_DST, 9)], {"src": OTHER_IP, "dport": 9}),
        (Ip(proto="udp"), [(IP_DST, number(OTHER_IP)), (TP_SRC, 9)], {"dst": OTHER_IP, "sport": 9}),
        (Ip(version=6), [(IPV6_SRC, 5), (TP_DST, 9)], {"src": bytes(15) + b"\5", "dport": 9}),
        (Ip(version=6, proto="udp"), [(IPV6_DST, 5)], {"dst": bytes(15) + b"\5"}),
    ],
    ids=["tcp", "udp", "tcp6", "udp6"],
)
def test_a_partial_checksum_stays_partial_and_comes_out_right(packet: Ip, values, changes):
    frame = rewritten(frame_of(partial(packet)), *values)
    assert packet_of(frame) == partial(packet.with_(**changes))
    assert [one.data for one in finished(packet_of(frame))] == [packet.with_(**changes).bytes()]


def test_a_later_fragment_has_no_ports():
    packet = bytearray(Ip(proto="udp").bytes())
    packet[20:22] = b"\x00\x10"
    packet = bytes(packet)
    assert data_of(packet, (TP_SRC, 1)) == packet
    changed = data_of(packet, (IP_SRC, number(OTHER_IP)))
    assert changed[34:] == packet[34:]


def test_an_address_behind_a_routing_header_is_not_summed():
    packet = Ip(version=6, proto="udp")
    routing = bytes([17, 2, 0, 1]) + bytes(4) + packet.dst
    body = routing + packet.transport()
    header = struct.pack("!IHBB", 6 << 28, len(body), 43, 64) + packet.src
    before = Ethernet(type=0x86DD, payload=header + bytes(16) + body).bytes()
    assert data_of(before, (IPV6_DST, 1)) == before[:38] + bytes(15) + b"\1" + before[54:]


def test_tags_move_what_the_device_is_to_do():
    frame = frame_of(partial(Ip()))
    assert without_vlan(with_vlan(frame, 0x8100, 5)) == frame
    assert without_vlan(frame) == frame
    assert without_vlan(NO_OFFLOAD) == NO_OFFLOAD


def test_a_packet_that_is_cut_has_its_checksum_first():
    whole = Ip().bytes()
    assert truncated(frame_of(partial(Ip())), 60) == NO_OFFLOAD + whole[:60]
    assert truncated(frame_of(partial(Ip())), 6000) == frame_of(partial(Ip()))


@given(
    st.one_of(
        st.binary(max_size=150),
        st.builds(
            lambda packet, size: packet[:size],
            st.sampled_from(
                [Ip().bytes(), Ip(version=6, proto="udp").bytes(), sctp(1, 2), neighbour(bytes(16), bytes(6))]
            ),
            st.integers(0, 120),
        ),
    ),
    st.binary(min_size=HEADER_SIZE, max_size=HEADER_SIZE),
    st.integers(0, (1 << LAYOUT.offset("mpls_lse")) - 1),
    st.integers(0, (1 << LAYOUT.offset("mpls_lse")) - 1),
)
def test_whatever_comes_nothing_breaks(data: bytes, header: bytes, value: int, mask: int):
    actions = (
        Set(Flow(value & mask), Mask(mask)),
        Output(OdpPort(1)),
        PushVlan(0x1005),
        PopVlan(),
        Trunc(14),
        Output(OdpPort(2)),
    )
    sent: list[bytes] = []
    execute(header + data, actions, lambda port, frame: sent.append(frame), lambda cookie, frame: None)
    assert len(sent[0]) == len(header + data)
    assert len(sent[1]) <= HEADER_SIZE + max(14, len(data) + 4)
