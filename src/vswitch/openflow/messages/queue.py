"""Queues of ports: how they are configured, and what they have carried.

OpenFlow 1.0 to 1.3 ask for the configuration with messages of its own, later versions with a multipart request.

Sources: OpenFlow 1.0, 5.2.2, 5.3.4 and 5.3.5; OpenFlow 1.2, A.2.2; OpenFlow 1.4, 7.3.5.8 and 7.3.5.19.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial

from vswitch.flow.ports import OFPP_ANY, OFPP_MAX, OfPort, from_16, to_16
from vswitch.openflow.codec import check_port
from vswitch.openflow.errors import BadRequest, OpenFlowError, QueueOpFailed
from vswitch.openflow.message import Dialect, Form, Message, Multipart, decode_each, group_items, message
from vswitch.openflow.properties import Property, encode_others, split_properties
from vswitch.openflow.value import Value, value
from vswitch.openflow.version import OF10, OF12, OF13, OF14

OFPQ_ALL = 0xFFFFFFFF
UNKNOWN_COUNT = (1 << 64) - 1  # a counter that the switch does not have
# enum ofp10_queue_properties (OFPQT10_*, OFPQT11_*) and enum ofp14_queue_desc_prop_type (OFPQDPT14_*)
_MIN_RATE, _MAX_RATE = 1, 2


def _port(version: int, data: bytes) -> OfPort:
    """The port in the first 2 or 4 bytes."""
    if version == OF10:
        return from_16(int.from_bytes(data[:2], "big"))
    return OfPort(check_port(int.from_bytes(data[:4], "big")))


def _encode_port(version: int, port: OfPort, size: int) -> bytes:
    """The port, then zeros up to `size` bytes."""
    head = struct.pack("!H", to_16(port)) if version == OF10 else struct.pack("!I", port)
    return head.ljust(size, b"\0")


@message("QUEUE_GET_CONFIG_REQUEST", "OFPT 1.0(20)[4], OFPT 1.1-1.3(22)[8]")
class QueueGetConfigRequest(Message):
    """What queues does the port have?"""

    port_no: OfPort = OFPP_ANY

    def choose(self, dialect: Dialect) -> Form:
        """OpenFlow 1.0 asks for one port at a time."""
        if dialect.version == OF10 and self.port_no == OFPP_ANY:
            raise OpenFlowError(QueueOpFailed.BAD_PORT)
        return Message.choose(self, dialect)

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """A port and padding."""
        return _encode_port(dialect.version, self.port_no, form.size)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """A port and padding."""
        if len(body) != form.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        port = _port(dialect.version, body)
        if port >= OFPP_MAX and (port != OFPP_ANY or dialect.version == OF10):
            raise OpenFlowError(QueueOpFailed.BAD_PORT)
        return cls(port)


@value
class Queue(Value):
    """A queue and its rates, in tenths of a per cent of the port's; None: not limited."""

    port_no: OfPort
    queue_id: int
    min_rate: int | None = None
    max_rate: int | None = None
    others: tuple[Property, ...] = ()  # those that have no field here

    @property
    def rates(self) -> tuple[tuple[int, int], ...]:
        """The rates that are set, each after the number of its property."""
        pairs = (_MIN_RATE, self.min_rate), (_MAX_RATE, self.max_rate)
        return tuple((kind, rate) for kind, rate in pairs if rate is not None)


_QUEUE10 = struct.Struct("!IH2x")
_QUEUE12 = struct.Struct("!IIH6x")
_PROPERTY10 = struct.Struct("!HH4x")
_RATE10 = struct.Struct("!HH4xH6x")
_RATE14 = struct.Struct("!HHH2x")


def _encode_queue(queue: Queue, version: int) -> bytes:
    """The queue in the form of `version`: a head, then rates."""
    if version >= OF14:
        props = b"".join(_RATE14.pack(kind, _RATE14.size, rate) for kind, rate in queue.rates)
        props += encode_others(queue.others)
        return _QUEUE12.pack(queue.port_no, queue.queue_id, _QUEUE12.size + len(props)) + props
    props = b"".join(_RATE10.pack(kind, _RATE10.size, rate) for kind, rate in queue.rates)
    props += encode_others(queue.others)
    if version < OF12:
        return _QUEUE10.pack(queue.queue_id, _QUEUE10.size + len(props)) + props
    return _QUEUE12.pack(queue.queue_id, queue.port_no, _QUEUE12.size + len(props)) + props


def _decode_queue(version: int, port: OfPort, data: bytes, at: int) -> tuple[Queue, int]:
    """The queue at byte `at`, and where it ends; before OpenFlow 1.4 it belongs to `port`."""
    layout = _QUEUE10 if version < OF12 else _QUEUE12
    if len(data) - at < layout.size:
        raise OpenFlowError(BadRequest.BAD_LEN)
    if version < OF12:
        number, size = layout.unpack_from(data, at)
    elif version < OF14:
        number, _, size = layout.unpack_from(data, at)
    else:
        where, number, size = layout.unpack_from(data, at)
        port = OfPort(check_port(where))
    if size < layout.size or size % 8 or size > len(data) - at:
        raise OpenFlowError(BadRequest.BAD_LEN)
    queue = Queue(port, number)
    for prop in _properties(version, data[at + layout.size : at + size]):
        name = {_MIN_RATE: "min_rate", _MAX_RATE: "max_rate"}.get(prop.type)
        if name is None:
            queue = queue.replace(others=(*queue.others, prop))
            continue
        if version >= OF14:
            queue = queue.replace(**{name: prop.u16()})
            continue
        if len(prop.payload) != 12:
            raise OpenFlowError(BadRequest.BAD_LEN)
        queue = queue.replace(**{name: int.from_bytes(prop.payload[4:6], "big")})
    return queue, at + size


def _properties(version: int, data: bytes) -> Iterator[Property]:
    """The properties in `data`; until OpenFlow 1.3 they had no errors of their own, and lengths that count padding."""
    if version >= OF14:
        yield from split_properties(data)
        return
    at = 0
    while at < len(data):
        kind, size = _PROPERTY10.unpack_from(data, at)
        if size < _PROPERTY10.size or size % 8 or size > len(data) - at:
            raise OpenFlowError(BadRequest.BAD_LEN)
        yield Property(kind, data[at + 4 : at + size])
        at += size


@message("QUEUE_GET_CONFIG_REPLY", "OFPT 1.0(21)[8+8], OFPT 1.1-1.3(23)[8+8]")
class QueueGetConfigReply(Message):
    """The queues of a port."""

    port_no: OfPort
    queues: tuple[Queue, ...] = ()

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """The port, padding, the queues."""
        version = dialect.version
        queues = b"".join(_encode_queue(queue, version) for queue in self.queues)
        return _encode_port(version, self.port_no, 8) + queues

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Queues to the end."""
        if len(body) < 8:
            raise OpenFlowError(BadRequest.BAD_LEN)
        if len(body) == 8 and dialect.version > OF10:
            return cls(OfPort(int.from_bytes(body[:4], "big")))  # without queues, any number will do
        port = _port(dialect.version, body)
        one = partial(_decode_queue, dialect.version, port)
        return decode_each(body, one, partial(cls, port), 8)


@message("QUEUE_DESC", "OFPST 1.4+(15)[8]", "request")
class QueueDescRequest(Multipart):
    """How are the queues configured?  OFPP_ANY: of each port; OFPQ_ALL: each queue."""

    port_no: OfPort = OFPP_ANY
    queue_id: int = OFPQ_ALL

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """Fixed."""
        return struct.pack("!II", self.port_no, self.queue_id)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Fixed."""
        if len(body) != 8:
            raise OpenFlowError(BadRequest.BAD_LEN)
        return cls(_port(dialect.version, body), int.from_bytes(body[4:], "big"))


@message("QUEUE_DESC", "OFPST 1.4+(15)[0+8]", "reply")
class QueueDescReply(Multipart):
    """The queues."""

    queues: tuple[Queue, ...] = ()

    def parts(self, form: Form, dialect: Dialect) -> Iterator[bytes]:
        """As many per message as fit."""
        return group_items(_encode_queue(queue, dialect.version) for queue in self.queues)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Queues to the end."""
        return decode_each(body, partial(_decode_queue, dialect.version, OFPP_ANY), cls)


@message("QUEUE", "OFPST 1.0+(5)[8]", "request")
class QueueStatsRequest(Multipart):
    """What have the queues carried?  OFPP_ANY: of each port; OFPQ_ALL: each queue."""

    port_no: OfPort = OFPP_ANY
    queue_id: int = OFPQ_ALL

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """A port and a queue."""
        return _encode_port(dialect.version, self.port_no, 4) + struct.pack("!I", self.queue_id)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """A port and a queue."""
        if len(body) != 8:
            raise OpenFlowError(BadRequest.BAD_LEN)
        return cls(_port(dialect.version, body), int.from_bytes(body[4:], "big"))


@value
class QueueStats(Value):
    """What a queue has carried."""

    port_no: OfPort
    queue_id: int
    tx_bytes: int = UNKNOWN_COUNT
    tx_packets: int = UNKNOWN_COUNT
    tx_errors: int = UNKNOWN_COUNT
    duration_sec: int | None = None  # since OpenFlow 1.3
    duration_nsec: int = 0

    def encode(self, version: int) -> bytes:
        """One of four layouts."""
        counters = self.queue_id, self.tx_bytes, self.tx_packets, self.tx_errors
        if version == OF10:
            return _STATS10.pack(to_16(self.port_no), *counters)
        if version < OF13:
            return _STATS11.pack(self.port_no, *counters)
        age = (_NO_AGE, _NO_AGE) if self.duration_sec is None else (self.duration_sec, self.duration_nsec)
        stats = _STATS13.pack(self.port_no, *counters, *age)
        return stats if version < OF14 else _HEAD14.pack(_HEAD14.size + len(stats)) + stats

    @classmethod
    def decode(cls, version: int, data: bytes, at: int) -> tuple[QueueStats, int]:
        """The statistics at byte `at`, and where they end."""
        end = at
        if version >= OF14:
            if len(data) - at < _HEAD14.size + _STATS13.size:
                raise OpenFlowError(BadRequest.BAD_LEN)
            (size,) = _HEAD14.unpack_from(data, at)
            if size < _HEAD14.size + _STATS13.size or size > len(data) - at:
                raise OpenFlowError(BadRequest.BAD_LEN)
            at, end = at + _HEAD14.size, at + size
        layout = _STATS10 if version == OF10 else _STATS11 if version < OF13 else _STATS13
        if len(data) - at < layout.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        port, queue, octets, packets, errors, *age = layout.unpack_from(data, at)
        port = from_16(port) if version == OF10 else OfPort(check_port(port))
        made = cls(port, queue, octets, packets, errors)
        if age and age[0] != _NO_AGE:
            made = made.replace(duration_sec=age[0], duration_nsec=age[1])
        return made, end if version >= OF14 else at + layout.size


_STATS10 = struct.Struct("!H2xIQQQ")
_STATS11 = struct.Struct("!IIQQQ")
_STATS13 = struct.Struct("!IIQQQII")
_HEAD14 = struct.Struct("!H6x")
_NO_AGE = 0xFFFFFFFF


@message("QUEUE", "OFPST 1.0-1.2(5)[0+32], OFPST 1.3(5)[0+40], OFPST 1.4+(5)[0+8]", "reply")
class QueueStatsReply(Multipart):
    """What the queues have carried."""

    stats: tuple[QueueStats, ...] = ()

    def parts(self, form: Form, dialect: Dialect) -> Iterator[bytes]:
        """As many per message as fit."""
        return group_items(stats.encode(dialect.version) for stats in self.stats)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Entries to the end."""
        return decode_each(body, partial(QueueStats.decode, dialect.version), cls)
