"""What is left to the device shows in the packet."""

from __future__ import annotations

import pytest

from vswitch.datapath.ebpf.maps import UPCALL, codec
from vswitch.datapath.ebpf.upcalls import offload_of, read_record
from vswitch.dpif.frame import GSO_TCPV4, GSO_UDP_L4, NEEDS_CSUM
from vswitch.dpif.packet import Offload
from vswitch.flow.extract import extract
from vswitch.flow.fields import IN_PORT, PKT_MARK, VLAN_TCI, VLAN_TPID
from vswitch.packet.checksum import checksum, pseudo_header_sum

SOURCE, DESTINATION = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
HEAD = bytes.fromhex("0200000000020200000000010800")


def ipv4(protocol: int, transport: bytes) -> bytes:
    head = bytes.fromhex("4500") + (20 + len(transport)).to_bytes(2, "big") + bytes.fromhex("0000400040")
    return HEAD + head + bytes([protocol, 0, 0]) + SOURCE + DESTINATION + transport


def transport(protocol: int, payload: bytes, partial: bool) -> bytes:
    """TCP or UDP with a finished or a partial checksum."""
    if protocol == 6:
        head, at = bytes.fromhex("1234005000000001000000005010ffff00000000"), 16
    else:
        head, at = bytes.fromhex("12340035") + (8 + len(payload)).to_bytes(2, "big") + bytes(2), 6
    data = head + payload
    start = pseudo_header_sum(SOURCE, DESTINATION, protocol, len(data))
    value = start if partial else checksum(data, start)
    return data[:at] + value.to_bytes(2, "big") + data[at + 2 :]


@pytest.mark.parametrize("protocol", [6, 17])
@pytest.mark.parametrize("padding", [0, 7])
def test_a_partial_checksum_is_noticed(protocol, padding):
    at = 16 if protocol == 6 else 6
    whole = ipv4(protocol, transport(protocol, b"payload", partial=False)) + bytes(padding)
    partial = ipv4(protocol, transport(protocol, b"payload", partial=True)) + bytes(padding)
    assert offload_of(whole, extract(whole), 0) is None
    assert offload_of(partial, extract(partial), 0) == Offload(NEEDS_CSUM, csum_start=34, csum_offset=at)


def test_a_long_packet_is_to_be_cut():
    packet = ipv4(6, transport(6, bytes(5000), partial=True))
    assert offload_of(packet, extract(packet), 1448) == Offload(NEEDS_CSUM, GSO_TCPV4, 54, 1448, 34, 16)
    packet = ipv4(17, transport(17, bytes(5000), partial=True))
    assert offload_of(packet, extract(packet), 1000) == Offload(NEEDS_CSUM, GSO_UDP_L4, 42, 1000, 34, 6)


@pytest.mark.parametrize("size", range(14, 60))
def test_a_cut_packet_leaves_nothing(size):
    packet = ipv4(6, transport(6, b"payload", partial=True))[:size]
    assert offload_of(packet, extract(packet), 0) is None


@pytest.mark.parametrize("tci", [0x2064, 0x3064])  # without DEI, and with it
def test_a_record(tci):
    packet = ipv4(6, transport(6, b"", partial=False))
    header = codec(UPCALL).pack(1, 5, 2, 7, len(packet), 0, 1, tci, 0x0081, 9, 0)
    record = read_record(header + packet)
    assert (record.kind, record.list, record.action, record.port) == (1, 5, 2, 7)
    assert record.packet.data == packet[:12] + b"\x81\0" + tci.to_bytes(2, "big") + packet[12:]
    assert [field.get(record.flow) for field in (IN_PORT, VLAN_TCI, VLAN_TPID, PKT_MARK)] == [
        7,
        0x3064,
        0x8100,
        9,
    ]
