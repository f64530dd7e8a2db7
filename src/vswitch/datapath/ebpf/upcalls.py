"""The way up: records of the ring become upcalls, fairly.

The ring is first come, first served.  What is taken from it waits here, in a queue for each port, and the switch gets
one packet of each port in turn.  A packet counts as waiting, in its port's budget (emit.py), until the switch has it.
To take a record from the ring costs a fiftieth of what the switch does with it: so all are taken before each batch, and
who comes behind a thousand packets of another port waits for a millisecond, not for the switch to handle them.

The kernel does not say whether a packet's checksum is still to be finished.  It shows: then the field holds the sum
of the pseudo-header, which a finished checksum equals once in 65,536 times.

Sources: linux/virtio_net.h; RFC 9293, 3.1; RFC 8200, 8.1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import closing

from vswitch.base.dataclass import dataclass, field
from vswitch.base.namedtuple import NamedTuple
from vswitch.datapath.ebpf.maps import MAX_PORTS, RECORD_OVERHEAD, RING_SIZE, UPCALL, Maps, codec
from vswitch.dpif.frame import GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, NEEDS_CSUM
from vswitch.dpif.packet import Offload, Packet
from vswitch.dpif.ports import OdpPort
from vswitch.flow.extract import extract
from vswitch.flow.field import Flow
from vswitch.flow.fields import ETH_TYPE, IP_FRAG, IP_PROTO, PKT_MARK, SKB_PRIORITY
from vswitch.linux.ringbuf import RingBuffer
from vswitch.packet.checksum import checksum, pseudo_header_sum
from vswitch.packet.numbers import ETH_IP, TCP, UDP

BATCH = 64  # upcalls
_AT_ONCE = 4096  # records that are taken from the ring before a batch: 4 ms
_AHEAD = RING_SIZE  # bytes of them that wait here at most
_HEADER = codec(UPCALL)
_HEADER_SIZE = _HEADER.size
_VLAN_TYPES = (b"\x81\x00", b"\x88\xa8")
_CHECKSUM_AT = {TCP: 16, UDP: 6}


class Record(NamedTuple):
    """A packet from a program: why it comes, by what action of what list, and what the kernel knows of it."""

    kind: int
    list: int
    action: int  # which of the list
    port: OdpPort
    packet: Packet
    flow: Flow


@dataclass(slots=True)
class UpcallQueue:
    """The records that wait, by port."""

    maps: Maps
    ring: RingBuffer = field(init=False)
    _waiting: dict[int, deque[bytes]] = field(default_factory=dict)
    _turn: deque[int] = field(default_factory=deque)  # ports with records, the next one first
    _size: int = 0  # bytes that wait

    def __post_init__(self) -> None:
        """Map the ring."""
        self.ring = RingBuffer(self.maps["upcalls"].fd, RING_SIZE)

    def take(self) -> list[Record]:
        """The next batch; empty if nothing waits."""
        self._drain(_AT_ONCE)
        records: list[Record] = []
        taken: dict[int, tuple[int, int]] = {}
        while self._turn and len(records) < BATCH:
            port = self._turn.popleft()
            data = self._waiting[port].popleft()
            if self._waiting[port]:
                self._turn.append(port)
            packets, size = taken.get(port, (0, 0))
            taken[port] = packets + 1, size + len(data) - _HEADER_SIZE + RECORD_OVERHEAD
            self._size -= len(data)
            records.append(read_record(data))
        for port, (packets, size) in taken.items():
            self._give_back(port, packets, size)
        return records

    def take_over(self) -> None:
        """Bring the ports' budgets in line with what waits in the ring: an earlier daemon took some, and died."""
        ports = self.maps.ports
        sent = [
            (ports.get_member(port, "sent"), ports.get_member(port, "sent_bytes"))
            for port in range(MAX_PORTS)
        ]
        self._drain(RING_SIZE)
        for port, (packets, size) in enumerate(sent):
            waiting = self._waiting.get(port, ())
            ports.put_member(port, "taken", max(packets - len(waiting), 0))
            held = sum(len(data) - _HEADER_SIZE + RECORD_OVERHEAD for data in waiting)
            ports.put_member(port, "taken_bytes", max(size - held, 0))

    def _drain(self, limit: int) -> None:
        """Let up to `limit` records wait here instead of in the ring."""
        if self._size >= _AHEAD:
            return
        with closing(self.ring.records(limit)) as records:
            for data in records:
                port = _HEADER.unpack_from(data)[3]
                waiting = self._waiting.get(port)
                if waiting is None:
                    waiting = self._waiting[port] = deque()
                if not waiting:
                    self._turn.append(port)
                waiting.append(data)
                self._size += len(data)
                if self._size >= _AHEAD:
                    break

    def _give_back(self, port: int, packets: int, size: int) -> None:
        """Let the port have that many more upcalls."""
        ports = self.maps.ports
        ports.put_member(port, "taken", ports.get_member(port, "taken") + packets)
        ports.put_member(port, "taken_bytes", ports.get_member(port, "taken_bytes") + size)

    def close(self) -> None:
        """Put nothing back: what waits here is lost."""
        self.ring.close()


def read_record(data: bytes) -> Record:
    """What a program wrote."""
    kind, list, index, port, _, gso_size, tagged, tci, proto, mark, priority = _HEADER.unpack_from(data)
    packet = data[_HEADER_SIZE:]
    if tagged:
        tag = proto.to_bytes(2, "little") + tci.to_bytes(2, "big")
        packet = packet[:12] + tag + packet[12:]
    flow = extract(packet, port)
    if mark or priority:
        flow = PKT_MARK.put(SKB_PRIORITY.put(flow, priority), mark)
    return Record(kind, list, index, OdpPort(port), Packet(packet, offload_of(packet, flow, gso_size)), flow)


def offload_of(data: bytes, flow: Flow, gso_size: int) -> Offload | None:
    """What `data` leaves to its device."""
    protocol = IP_PROTO.get(flow)
    if protocol not in _CHECKSUM_AT or IP_FRAG.get(flow) & 2:
        return None
    headers = _headers(data, flow)
    if headers is None:
        return None
    network, transport, end = headers
    at = transport + _CHECKSUM_AT[protocol]
    if at + 2 > end:
        return None
    if not gso_size and not _is_partial(data, network, transport, end, at, protocol):
        return None
    sizes = (0, 0, 0)
    if gso_size:
        type = GSO_UDP_L4 if protocol == UDP else GSO_TCPV4 if ETH_TYPE.get(flow) == ETH_IP else GSO_TCPV6
        length = (data[transport + 12] >> 4) * 4 if protocol == TCP else 8
        sizes = type, transport + length, gso_size
    return Offload(NEEDS_CSUM, *sizes, transport, _CHECKSUM_AT[protocol])


def _headers(data: bytes, flow: Flow) -> tuple[int, int, int] | None:
    """Where the network and the transport header begin, and where the packet ends by its network header."""
    network = 14
    while data[network - 2 : network] in _VLAN_TYPES:
        network += 4
    if ETH_TYPE.get(flow) == ETH_IP:
        length = int.from_bytes(data[network + 2 : network + 4], "big")
        return network, network + (data[network] & 15) * 4, network + length
    transport = network + 40
    for size in _extensions(data, network):
        transport += size
    return network, transport, network + 40 + int.from_bytes(data[network + 4 : network + 6], "big")


def _extensions(data: bytes, network: int) -> Iterator[int]:
    """The sizes of the extension headers of an IPv6 packet whose headers make sense."""
    kind, at = data[network + 6], network + 40
    while kind in (0, 43, 44, 51, 60):
        size = 8 if kind == 44 else (data[at + 1] + 2) * 4 if kind == 51 else (data[at + 1] + 1) * 8
        yield size
        kind, at = data[at], at + size


def _is_partial(data: bytes, network: int, transport: int, end: int, at: int, protocol: int) -> bool:
    """Whether the checksum is that of the pseudo-header only."""
    size = 4 if data[network] >> 4 == 4 else 16
    source = network + (12 if size == 4 else 8)
    sum = pseudo_header_sum(
        data[source : source + size], data[source + size : source + 2 * size], protocol, end - transport
    )
    return data[at : at + 2] == sum.to_bytes(2, "big") and checksum(data[transport:end], sum) != 0
