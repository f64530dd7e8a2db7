"""Packets from headers, checked by adding up what was built and by an independent decoder."""

import subprocess

import pytest

from tests.unit.flow.packets import FLOWS, SAMPLES
from vswitch.packet import build
from vswitch.packet.build import Addresses
from vswitch.packet.checksum import ones_sum
from vswitch.packet.pcap import PcapWriter

V4 = Addresses(0x0A000001, 0x0A000002, 4)
V6 = Addresses(1, 2, 16)


def test_an_ipv4_header_adds_up():
    packet = build.ipv4(V4, 17, b"x" * 5, tos=4, ttl=9)
    assert ones_sum(packet[:20]) == 0xFFFF
    assert packet[2:4] == (25).to_bytes(2, "big")


@pytest.mark.parametrize("addresses", [V4, V6])
@pytest.mark.parametrize("payload", [b"", b"x", b"odd", b"even"])
def test_transport_checksums_add_up(addresses, payload):
    for protocol, packet in (
        (6, build.tcp(addresses, 1, 2, 0x12, payload)),
        (17, build.udp(addresses, 1, 2, payload)),
        (58, build.icmpv6(addresses, 128, 0, 5, payload)),
    ):
        assert ones_sum(packet, addresses.sum(protocol, packet)) == 0xFFFF


def test_icmp_adds_up():
    assert ones_sum(build.icmp(8, 0, 0x00010002, b"abc")) == 0xFFFF


def test_udp_never_says_that_it_has_no_checksum():
    zero = Addresses(0, 0, 4)
    packet = build.udp(zero, 0, 0xFFFF - 17 - 8 - 8)
    assert packet[6:8] == b"\xff\xff"


def test_tags_go_before_the_type():
    frame = build.ethernet(1, 2, 0x0800, b"p")
    tagged = build.push_vlan(build.push_vlan(frame, 0x8100, 5), 0x88A8, 6)
    assert tagged == frame[:12] + bytes.fromhex("88a80006 81000005 0800") + b"p"


@pytest.mark.interop
def test_an_independent_decoder_finds_nothing_wrong(tmp_path):
    capture = tmp_path / "samples.pcap"
    writer = PcapWriter(capture.open("wb"))
    for packet in SAMPLES:
        writer.write(0.0, packet)
    writer.close()
    checks = [
        word
        for name in ("ip", "tcp", "udp", "sctp")
        for word in ("-o", f"{name}.{CHECK.get(name, 'check_checksum')}:TRUE")
    ]
    bad = "ip.checksum.status == 0 or tcp.checksum.status == 0 or udp.checksum.status == 0 or sctp.checksum.status == 0"
    done = subprocess.run(
        ["tshark", "-r", str(capture), *checks, "-Y", bad, "-T", "fields", "-e", "frame.number"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    wrong = [FLOWS[int(number) - 1] for number in done.stdout.split()]
    assert [text for text in wrong if "ip_frag" not in text] == []


CHECK = {"sctp": "checksum"}
