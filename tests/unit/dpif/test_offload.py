import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.packets import Ip
from vswitch.dpif.frame import (
    GSO_TCPV4,
    GSO_TCPV6,
    GSO_UDP_L4,
    NEEDS_CSUM,
    frame_of,
    packet_of,
    with_vlan,
)
from vswitch.dpif.offload import finished
from vswitch.dpif.packet import Offload, Packet

PAYLOAD = bytes(range(256)) * 10


def partial(packet: Ip, gso_type: int = 0, gso_size: int = 0) -> Packet:
    """`packet` as a sender leaves it to its device: with the pseudo header's sum for a checksum."""
    data = bytearray(packet.bytes())
    l4 = len(data) - len(packet.transport())
    at = {"tcp": 16, "udp": 6}[packet.proto]
    pseudo = packet.pseudo_header(len(packet.transport()))
    total = sum(struct.unpack(f"!{len(pseudo) // 2}H", pseudo))
    struct.pack_into("!H", data, l4 + at, (total & 0xFFFF) + (total >> 16))
    return Packet(bytes(data), Offload(NEEDS_CSUM, gso_type, l4 + 20, gso_size, l4, at))


@pytest.mark.parametrize(
    "packet",
    [
        Ip(),
        Ip(proto="udp"),
        Ip(version=6),
        Ip(version=6, proto="udp"),
        Ip(tags=((0x8100, 5),)),
        Ip(proto="udp", payload=b"odd"),
    ],
    ids=["tcp", "udp", "tcp6", "udp6", "tagged", "odd"],
)
def test_a_checksum_is_completed(packet: Ip):
    assert finished(partial(packet)) == [Packet(packet.bytes())]


def test_a_packet_without_offloads_is_left_alone():
    packet = Packet(Ip().bytes())
    assert finished(packet) == [packet]
    assert finished(Packet(packet.data, Offload())) == [packet]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("tags", [(), ((0x8100, 5),)], ids=["plain", "tagged"])
def test_tcp_is_cut_into_segments(version: int, tags):
    packet = Ip(version=version, tags=tags, payload=PAYLOAD, tcp_flags=0x99)  # CWR, ACK, PSH, FIN
    segments = finished(partial(packet, GSO_TCPV4 if version == 4 else GSO_TCPV6, 1000))
    flags = [0x90, 0x10, 0x19]
    for i, (segment, flag) in enumerate(zip(segments, flags, strict=True)):
        expected = packet.with_(payload=PAYLOAD[1000 * i : 1000 * i + 1000], tcp_flags=flag)
        assert without_numbers(segment.data, version) == without_numbers(expected.bytes(), version)
        assert sequence(segment.data, expected) == 7 + 1000 * i


def sequence(data: bytes, packet: Ip) -> int:
    at = len(data) - len(packet.transport()) + 4
    return int.from_bytes(data[at : at + 4], "big")


def without_numbers(data: bytes, version: int) -> bytes:
    """A segment without identification, sequence number and the checksums over them."""
    l3 = data.index(b"\x45\0" if version == 4 else b"\x60\0\0\0")
    l4 = l3 + (20 if version == 4 else 40)
    ip = data[:l3] + (
        data[l3 : l3 + 4] + data[l3 + 6 : l3 + 10] + data[l3 + 12 : l4] if version == 4 else data[l3:l4]
    )
    return ip + data[l4 : l4 + 4] + data[l4 + 8 : l4 + 16] + data[l4 + 18 :]


def test_the_checksums_of_segments_are_right():
    for packet, kind in ((Ip(payload=PAYLOAD), GSO_TCPV4), (Ip(version=6, payload=PAYLOAD), GSO_TCPV6)):
        for segment in finished(partial(packet, kind, 700)):
            l3, size = 14, len(segment.data) - 14
            addresses = (
                segment.data[l3 + 12 : l3 + 20] if packet.version == 4 else segment.data[l3 + 8 : l3 + 40]
            )
            l4 = l3 + (20 if packet.version == 4 else 40)
            transport = segment.data[l4:] + b"\0" * (size & 1)
            pseudo = addresses + struct.pack("!II", len(segment.data) - l4, 6)
            assert sum(struct.unpack(f"!{len(pseudo + transport) // 2}H", pseudo + transport)) % 0xFFFF == 0
            if packet.version == 4:
                assert sum(struct.unpack("!10H", segment.data[l3:l4])) % 0xFFFF == 0


def test_udp_is_cut_into_datagrams():
    packet = Ip(proto="udp", payload=PAYLOAD)
    datagrams = finished(partial(packet, GSO_UDP_L4, 1200))
    assert [datagram.data[42:] for datagram in datagrams] == [
        PAYLOAD[:1200],
        PAYLOAD[1200:2400],
        PAYLOAD[2400:],
    ]
    assert datagrams[0].data[:18] == packet.with_(payload=PAYLOAD[:1200]).bytes()[:18]


@given(st.binary(max_size=120), st.builds(Offload, *[st.integers(0, 255)] * 2, *[st.integers(0, 200)] * 4))
def test_whatever_a_header_says_nothing_breaks(data: bytes, offload: Offload):
    packet = Packet(data, offload)
    assert packet_of(frame_of(packet)) == packet or offload == Offload()
    assert all(segment.offload is None for segment in finished(packet))


def test_a_tag_moves_what_the_header_says():
    packet = partial(Ip(payload=PAYLOAD), GSO_TCPV4, 1000)
    tagged = packet_of(with_vlan(frame_of(packet), 0x8100, 5))
    assert tagged == partial(Ip(payload=PAYLOAD, tags=((0x8100, 5),)), GSO_TCPV4, 1000)
