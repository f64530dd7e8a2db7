"""Every golden message, cut off after every byte, to a switch of either make over a socket: the same errors, and both go on.

Each cut message says its own length, so that the stream of messages goes on; each has an xid of its own, by which the
answers are compared.
"""

from __future__ import annotations

import socket
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons, Make
from tests.unit.openflow.samples import vectors
from vswitch.openflow.message import find

pytestmark = pytest.mark.interop

SETUP = (
    "add-br br0 -- set bridge br0 datapath_type=dummy "
    "protocols=OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15 "
    "-- add-port br0 p1 -- set interface p1 type=dummy ofport_request=3"
)
FIRST, LAST = (
    100,
    0xE0000000,
)  # xids: of the first message, and of the request for an echo that ends the conversation
HELLO, ERROR, ECHO_REQUEST, FEATURES_REPLY = 0, 1, 2, 6
VENDORS = (b"\xb0\xc2", b"\xff\xff")  # types of errors that have more numbers

# What the switches answer differently, and why; see docs/compat.md.
DIFFERENT = {
    "ERROR": "the peer answers an error with an error",
    "FLOW_MONITOR": "the peer says nothing of a request for monitors that is cut off",
    "BUNDLE_CONTROL": "the peer answers requests of types that there are none of as if it had understood them",
    "METER_MOD": "our datapaths have no meters",
    "METER": "our datapaths have no meters",
    "METER_CONFIG": "our datapaths have no meters",
    "METER_FEATURES": "our datapaths have no meters",
    "QUEUE": "our devices under test have no queues, and the peer's say so in other words",
    "QUEUE_DESC": "the same",
    "QUEUE_GET_CONFIG_REQUEST": "the same",
    "CT_FLUSH": "our dummy datapath has no connections to forget",
    "CT_FLUSH_ZONE": "our dummy datapath has no connections to forget",
    "IPFIX_BRIDGE": "there is no exporter, which the peer says in other words",
    "IPFIX_FLOW": "there is no exporter, which the peer says in other words",
}


def cut(version: int) -> list[bytes]:
    """The messages of a version, but greetings, after each of their first bytes."""
    packets = [packet for packet, _ in vectors() if packet[0] == version and packet[1] not in (0, 3)]
    return [
        packet[:2] + size.to_bytes(2, "big") + packet[4:size]
        for packet in packets
        for size in range(8, min(len(packet), 260) + 1)
    ]


def messages(stream: socket.socket) -> Iterator[bytes]:
    """What the other side says, until it hangs up."""
    data = b""
    while piece := stream.recv(1 << 16):
        data += piece
        while len(data) >= 8 and len(data) >= (size := int.from_bytes(data[2:4], "big")):
            yield data[:size]
            data = data[size:]


def answers(path: Path, version: int, packets: Sequence[bytes]) -> dict[int, set[str]]:
    """What a switch answers, by the number of the message: its errors, or the types of its messages."""
    found: dict[int, set[str]] = defaultdict(set)
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(30)
        stream.connect(str(path))
        stream.sendall(bytes([version, HELLO, 0, 8, 0, 0, 0, 1]))
        writer = threading.Thread(target=_write, args=(stream, version, packets))
        writer.start()
        for message in messages(stream):
            xid = int.from_bytes(message[4:8], "big")
            if xid == LAST:
                break
            if FIRST <= xid < FIRST + len(packets):
                found[xid - FIRST].add(_shown(message))
        else:
            raise AssertionError(f"it hung up after message {max(found, default=None)}")
        writer.join(10)
    return found


def _write(stream: socket.socket, version: int, packets: Sequence[bytes]) -> None:
    numbered = [p[:4] + number.to_bytes(4, "big") + p[8:] for number, p in enumerate(packets, FIRST)]
    stream.sendall(b"".join(numbered) + bytes([version, ECHO_REQUEST, 0, 8]) + LAST.to_bytes(4, "big"))


def _shown(message: bytes) -> str:
    if message[1] != ERROR:
        return f"type {message[1]}"
    return f"error {message[8:20].hex() if message[8:10] in VENDORS else message[8:12].hex()}"


def name(packet: bytes) -> str:
    """What a message is called, without its form."""
    return find(packet[0], packet[1], packet)[0].name


@pytest.fixture(scope="module")
def switches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Make, Daemons]]:
    """A switch of each make."""
    with ExitStack() as stack:
        made: dict[Make, Daemons] = {}
        makes: tuple[Make, ...] = ("peer", "ours")
        for make in makes:
            made[make] = stack.enter_context(Daemons(tmp_path_factory.mktemp(make), make, make))
            made[make].run("peer", "ovs-vsctl", *SETUP.split())
        yield made


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6])
def test_what_is_cut_off_is_refused_as_the_peer_refuses_it(
    version: int, switches: dict[Make, Daemons]
) -> None:
    packets = cut(version)
    theirs, ours = (
        answers(daemons.directory / "br0.mgmt", version, packets) for daemons in switches.values()
    )
    wrong = [
        f"{packet.hex()}: {theirs.get(number)}, not {ours.get(number)}"
        for number, packet in enumerate(packets)
        if theirs.get(number) != ours.get(number) and name(packet) not in DIFFERENT
    ]
    assert len(packets) > 1000
    assert not wrong, "\n".join(wrong[:20])
    assert "Traceback" not in switches["ours"].log("ovs-vswitchd")
    assert switches["ours"].run("peer", "ovs-ofctl", "show", "br0").stdout
