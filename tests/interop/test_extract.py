"""Packets, sound and damaged, as flows: ours and those that the peer's ovs-ofctl prints."""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path
from random import Random

import pytest

from tests.interop.daemons import program
from tests.unit.flow.packets import FLOWS, SAMPLES
from vswitch.flow.compose import compose
from vswitch.flow.extract import extract
from vswitch.flow.field import Flow
from vswitch.flow.fields import (
    LAYOUT,
    MPLS_LSE,
    ND_RESERVED,
    TCP_FLAGS,
    VLAN2_TCI,
    VLAN2_TPID,
    VLAN_PRESENT,
    VLAN_TPID,
)
from vswitch.flow.match import parse_match
from vswitch.packet.pcap import PcapWriter

pytestmark = pytest.mark.interop

# What the peer has in its flow, but does not print; for ND, the type of an option is in the place of TCP's flags.
UNPRINTED = VLAN_TPID.mask | VLAN2_TPID.mask | ND_RESERVED.mask
EXTENSIONS = (0, 43, 44, 51, 60)


def peer(*words: str) -> str:
    command = [program("peer", "ovs-ofctl"), "-vconsole:off", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def printed_flows(packets: list[bytes], directory: Path) -> list[str]:
    """The peer's text for each of `packets`."""
    capture = directory / "packets.pcap"
    writer = PcapWriter(capture.open("wb"))
    for packet in packets:
        writer.write(0.0, packet)
    writer.close()
    return peer("parse-pcap", str(capture)).splitlines()


def flow_printed(text: str) -> Flow:
    """The flow that the peer's `text` says, which has words of its own for second tags and labels."""
    flow, words = 0, []
    for word in text.split(","):
        name, _, value = word.partition("=")
        if name == "dl_vlan1":
            flow |= (VLAN_PRESENT | int(value)) << VLAN2_TCI.offset
        elif name == "dl_vlan_pcp1":
            flow |= (VLAN_PRESENT | int(value) << 13) << VLAN2_TCI.offset
        elif name == "vlan_tci1":
            flow |= int(value, 16) << VLAN2_TCI.offset
        elif name in ("mpls_lse1", "mpls_lse2"):
            flow |= int(value, 0) << MPLS_LSE[int(name[-1])].offset
        elif name != "in_port":
            words.append(word)
    ordinary = ",".join(words)
    if "icmp6" in words:
        ordinary = ordinary.replace("icmp_type", "icmpv6_type").replace("icmp_code", "icmpv6_code")
    return Flow(flow | parse_match(ordinary).value)


def differences(ours: int, theirs: int) -> dict[str, tuple[int, int]]:
    """The slots that differ."""
    found = {}
    for name, (offset, bits) in LAYOUT.slots.items():
        pair = tuple(flow >> offset & (1 << bits) - 1 for flow in (ours, theirs))
        if pair[0] != pair[1]:
            found[name] = pair
    return found


@pytest.mark.parametrize("seed", range(4))
def test_flows_are_the_peers(tmp_path, seed):
    random = Random(seed)
    packets = [damaged(random, random.choice(SAMPLES)) for _ in range(1500)]
    for packet, text in zip(packets, printed_flows(packets, tmp_path), strict=True):
        ignored = UNPRINTED | (TCP_FLAGS.mask if "icmp6" in text else 0)
        assert differences(extract(packet) & ~ignored, flow_printed(text) & ~ignored) == {}, (
            packet.hex(),
            text,
        )


def test_every_truncation_is_the_peers(tmp_path):
    packets = [packet[:size] for packet in SAMPLES for size in range(14, len(packet) + 1)]
    for packet, text in zip(packets, printed_flows(packets, tmp_path), strict=True):
        ignored = UNPRINTED | (TCP_FLAGS.mask if "icmp6" in text else 0)
        assert differences(extract(packet) & ~ignored, flow_printed(text) & ~ignored) == {}, (
            packet.hex(),
            text,
        )


# The peer leaves out SCTP's checksum, IPv6 fragment headers, NSH and IEEE 802.3's length.
COMPOSED = [
    text
    for text in FLOWS
    if not any(
        word in text for word in ("sctp", "ipv6,ip_frag", "0x894f", "0x05ff", "nd_sll", "nd_tll", "tp_src")
    )
]


@pytest.mark.parametrize("text", COMPOSED)
def test_packets_are_composed_as_by_the_peer(text):
    dump = re.findall(r"[0-9a-f]{8}  ([0-9a-f -]{2,48})", peer("compose-packet", text))
    assert compose(parse_match(text).value).hex() == "".join(dump).replace(" ", "").replace("-", "")


def damaged(random: Random, packet: bytes) -> bytes:
    """`packet` with other bytes, cut off, with extension headers or with tags."""
    if random.random() < 0.3:
        packet = extended(random, packet)
    changed = bytearray(packet)
    for _ in range(random.randrange(4)):
        at = random.randrange(12, min(len(packet), 90))
        changed[at] = random.choice([0, 255, random.randrange(256), changed[at] ^ 1, 6, 17, 58, *EXTENSIONS])
    packet = bytes(changed)
    if random.random() < 0.25:
        packet = packet[: random.randrange(14, len(packet) + 1)]
    for _ in range(random.choice([0, 0, 0, 1, 2, 3])):
        packet = (
            packet[:12]
            + struct.pack("!HH", random.choice([0x8100, 0x88A8]), random.getrandbits(16))
            + packet[12:]
        )
    return packet


def extended(random: Random, packet: bytes) -> bytes:
    """An IPv6 packet with some extension headers before what it carries."""
    if packet[12:14] != b"\x86\xdd":
        return packet
    header, body, protocol = packet[14:54], packet[54:], packet[20]
    for _ in range(random.randrange(1, 4)):
        kind, size = random.choice(EXTENSIONS), random.randrange(2)
        if kind == 44:
            extension = struct.pack("!BxHxxxx", protocol, random.choice([0, 1, 8, 0x100]))
        elif kind == 51:
            extension = bytes((protocol, size + 2)) + bytes((size + 4) * 4 - 2)
        else:
            extension = bytes((protocol, size)) + bytes(size * 8 + 6)
        body, protocol = extension + body, kind
    return packet[:14] + header[:4] + struct.pack("!HB", len(body), protocol) + header[7:] + body
