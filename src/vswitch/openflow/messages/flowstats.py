"""Flow statistics: dumps of the flow tables, and their sums.

Sources: OpenFlow 1.0, 5.3.5; OpenFlow 1.1, A.3.5.2 and 3; OpenFlow 1.5.1, 7.3.5.2 to 4; OVS nicira-ext.h (nx_flow_stats).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from operator import attrgetter

from vswitch.flow.match import Match
from vswitch.flow.ports import OFPP_ANY, OfPort, from_16, to_16
from vswitch.openflow.actions.base import Action, check_span
from vswitch.openflow.codec import check_port, padded
from vswitch.openflow.errors import INVALID, BadInstruction, BadRequest, ErrorCode, OpenFlowError
from vswitch.openflow.flowentries import (
    STATS10,
    STATS10_HEAD,
    STATS11,
    STATS15,
    STATS_NX,
    Row,
    encode_entries,
)
from vswitch.openflow.instructions import decode_flow_actions, decode_instructions
from vswitch.openflow.match10 import as_given10
from vswitch.openflow.message import Dialect, Form, Message, Multipart, decode_each, group_items, message
from vswitch.openflow.messages.flow import decode_flags
from vswitch.openflow.names import OFPG_ANY, OFPTT_ALL
from vswitch.openflow.oxs import decode_stats, encode_stats
from vswitch.openflow.value import Value, value
from vswitch.openflow.version import OF10, OF13, OF14, OF15
from vswitch.openflow.wirematch import (
    MATCH10_SIZE,
    decode_match,
    decode_nxm,
    decode_nxm_at,
    encode_match,
    encode_match10,
    encode_nxm,
    fits_10,
)

_REQUEST10 = struct.Struct("!BxH")  # after the match
_REQUEST11 = struct.Struct("!B3xII4xQQ")
_REQUEST_NX = struct.Struct("!HHB3x")


@value
class FlowQuery(Multipart):
    """Which flows are meant: base of the requests for flow and aggregate statistics."""

    match: Match = Match()
    table_id: int = OFPTT_ALL
    out_port: OfPort = OFPP_ANY
    out_group: int = OFPG_ANY
    cookie: int = 0
    cookie_mask: int = 0

    def choose(self, dialect: Dialect) -> Form:
        """In OpenFlow 1.0, Nicira's form if the channel speaks NXM or only NXM can tell the query."""
        if dialect.version == OF10:
            nxm = dialect.nxm
            if nxm is None:
                nxm = bool(self.cookie_mask) or not fits_10(self.match)
            return self.pick("NXST" if nxm else "OFPST", OF10)
        return self.pick("OFPST", dialect.version)

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """One of three layouts."""
        if form.kind == "NXST":
            match = encode_nxm(self.match, self.cookie, self.cookie_mask)
            return _REQUEST_NX.pack(to_16(self.out_port), len(match), self.table_id) + padded(match)
        if dialect.version == OF10:
            return encode_match10(self.match) + _REQUEST10.pack(self.table_id, to_16(self.out_port))
        fixed = _REQUEST11.pack(self.table_id, self.out_port, self.out_group, self.cookie, self.cookie_mask)
        return fixed + encode_match(dialect.version, self.match)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """One of three layouts."""
        if form.kind == "NXST":
            if len(body) < _REQUEST_NX.size:
                raise OpenFlowError(BadRequest.BAD_LEN)
            port, match_len, table = _REQUEST_NX.unpack_from(body)
            match, cookie, mask = decode_nxm(body, _REQUEST_NX.size, match_len, exact=True)
            return cls(match, table, from_16(port), OFPG_ANY, cookie, mask)
        if dialect.version == OF10:
            if len(body) != MATCH10_SIZE + _REQUEST10.size:
                raise OpenFlowError(BadRequest.BAD_LEN)
            table, port = _REQUEST10.unpack_from(body, MATCH10_SIZE)
            return cls(as_given10(body), table, from_16(port))
        if len(body) < _REQUEST11.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        table, port, group, cookie, mask = _REQUEST11.unpack_from(body)
        check_port(port)
        match, _ = decode_match(dialect.version, body, _REQUEST11.size)
        return cls(match, table, OfPort(port), group, cookie, mask)


@message("FLOW", "OFPST 1.0(1)[44], OFPST 1.1+(1)[32+8], NXST 1.0(0)[8+8]", "request")
class FlowStatsRequest(FlowQuery):
    """Tell these flows and what they carried."""


@message("AGGREGATE", "OFPST 1.0(2)[44], OFPST 1.1+(2)[32+8], NXST 1.0(1)[8+8]", "request")
class AggregateStatsRequest(FlowQuery):
    """Tell how much these flows carried together."""


UNKNOWN_COUNT = (1 << 64) - 1
UNKNOWN_AGE = (0xFFFFFFFF, 0xFFFFFFFF)  # seconds and nanoseconds


@value
class FlowStats(Value):
    """A flow and what it carried.  Ages are in whole seconds; None: not told."""

    match: Match
    actions: tuple[Action, ...] = ()
    priority: int = 0x8000
    table_id: int = 0
    cookie: int = 0
    duration_sec: int = 0
    duration_nsec: int = 0
    idle_timeout: int = 0
    hard_timeout: int = 0
    packet_count: int = 0
    byte_count: int = 0
    idle_age: int | None = None  # Nicira's form and OpenFlow 1.5 only
    hard_age: int | None = None  # Nicira's form only
    flags: int = 0  # OFPFF_*, since OpenFlow 1.3
    importance: int = 0  # since OpenFlow 1.4

    @classmethod
    def decoder(cls, form: Form, version: int) -> Callable[[bytes, int], tuple[FlowStats, int]]:
        """The function that gives the entry at a byte, and where it ends."""
        if form.kind == "NXST":
            return cls._decode_nx
        if version == OF10:
            return cls._decode10
        return cls._decode15 if version >= OF15 else partial(cls._decode11, version)

    @classmethod
    def _decode11(cls, version: int, data: bytes, at: int) -> tuple[FlowStats, int]:
        if len(data) - at < STATS11.size:
            raise _leftover(data, at)
        fields = STATS11.unpack_from(data, at)
        size, table, sec, nsec, priority, idle, hard, flags, importance, cookie, packets, n_bytes = fields
        if size < STATS11.size:
            raise _invalid_length(size)
        try:
            match, middle = decode_match(version, data, at + STATS11.size)
        except OpenFlowError as error:
            raise _remarked(error, "OFPST_FLOW reply bad match") from None
        flags = decode_flags(version, -1, flags) if version >= OF13 else 0
        try:
            actions = decode_instructions(version, _rest(data, middle, at + size, BadInstruction.BAD_LEN))
        except OpenFlowError as error:
            raise _remarked(error, "OFPST_FLOW reply bad instructions") from None
        counts = packets, n_bytes, None, None, flags, importance if version >= OF14 else 0
        return cls(match, actions, priority, table, cookie, sec, nsec, idle, hard, *counts), at + size

    @classmethod
    def _decode10(cls, data: bytes, at: int) -> tuple[FlowStats, int]:
        start = at + STATS10_HEAD.size
        middle = start + MATCH10_SIZE + STATS10.size
        if len(data) < middle:
            raise _leftover(data, at)
        size, table = STATS10_HEAD.unpack_from(data, at)
        if size < middle - at:
            raise _invalid_length(size)
        sec, nsec, priority, idle, hard, cookie, *counts = STATS10.unpack_from(data, start + MATCH10_SIZE)
        match = as_given10(data[start:])
        try:
            actions = decode_flow_actions(_rest(data, middle, at + size, BadRequest.BAD_LEN))
        except OpenFlowError as error:
            raise _remarked(error, "OFPST_FLOW reply bad instructions") from None
        return cls(match, actions, priority, table, cookie, sec, nsec, idle, hard, *counts), at + size

    @classmethod
    def _decode_nx(cls, data: bytes, at: int) -> tuple[FlowStats, int]:
        if len(data) - at < STATS_NX.size:
            raise _leftover(data, at, "NXST_FLOW")
        fields = STATS_NX.unpack_from(data, at)
        (
            size,
            table,
            sec,
            nsec,
            priority,
            idle,
            hard,
            match_len,
            idle_age,
            hard_age,
            cookie,
            packets,
            n_bytes,
        ) = fields
        if size < STATS_NX.size + (match_len + 7) // 8 * 8:
            why = f"NXST_FLOW reply with match_len={match_len} claims invalid length {size}"
            raise OpenFlowError(BadRequest.BAD_LEN, why, _LOG)
        match, middle = decode_nxm_at(data, at + STATS_NX.size, match_len)
        end = at + size
        try:
            actions = decode_flow_actions(_rest(data, middle, end, BadRequest.BAD_LEN))
        except OpenFlowError as error:
            raise _remarked(error, "OFPST_FLOW reply bad instructions") from None
        made = cls(
            match,
            actions,
            priority,
            table,
            cookie,
            sec,
            nsec,
            idle,
            hard,
            packets,
            n_bytes,
            idle_age - 1 if idle_age else None,
            hard_age - 1 if hard_age else None,
        )
        return made, end

    @classmethod
    def _decode15(cls, data: bytes, at: int) -> tuple[FlowStats, int]:
        if len(data) - at < STATS15.size:
            raise _leftover(data, at, code=INVALID)
        size, table, priority, idle, hard, flags, importance, cookie = STATS15.unpack_from(data, at)
        if size < STATS15.size:
            raise _invalid_length(size, INVALID)
        try:
            match, middle = decode_match(OF15, data, at + STATS15.size)
        except OpenFlowError as error:
            raise _remarked(error, "OFPST_FLOW reply bad match", INVALID) from None
        flags = decode_flags(OF15, -1, flags)
        try:
            stats, middle = decode_stats(data, middle)
        except OpenFlowError as error:
            raise _remarked(error, "OXS OFPST_FLOW reply bad stats", INVALID) from None
        try:
            actions = decode_instructions(OF15, _rest(data, middle, at + size, BadInstruction.BAD_LEN))
        except OpenFlowError as error:
            raise _remarked(error, "OFPST_FLOW reply bad instructions") from None
        sec, nsec = stats.duration or UNKNOWN_AGE
        packets = UNKNOWN_COUNT if stats.packet_count is None else stats.packet_count
        n_bytes = UNKNOWN_COUNT if stats.byte_count is None else stats.byte_count
        idle_age = stats.idle_time[0] if stats.idle_time else None
        ages = (None if idle_age is None or idle_age >> 31 else idle_age), None
        rest = packets, n_bytes, *ages, flags, importance
        return cls(match, actions, priority, table, cookie, sec, nsec, idle, hard, *rest), at + size


def _rest(data: bytes, at: int, end: int, error: ErrorCode) -> bytes:
    """The bytes from `at` to `end`, which are to be there and multiples of 8."""
    what = "instructions" if error is BadInstruction.BAD_LEN else "actions"
    check_span(end - at, len(data) - at, what, error)
    return data[at:end]


_LOG = "ofp_flow"  # the module in whose name Open vSwitch complains


def _leftover(
    data: bytes, at: int, name: str = "OFPST_FLOW", code: ErrorCode = BadRequest.BAD_LEN
) -> OpenFlowError:
    """The error for what is too short to be an entry."""
    return OpenFlowError(code, f"{name} reply has {len(data) - at} leftover bytes at end", _LOG)


def _invalid_length(size: int, code: ErrorCode = BadRequest.BAD_LEN) -> OpenFlowError:
    """The error for an entry that says that it is shorter than entries are."""
    return OpenFlowError(code, f"OFPST_FLOW reply claims invalid length {size}", _LOG)


def _remarked(error: OpenFlowError, text: str, code: ErrorCode | None = None) -> OpenFlowError:
    """`error` with a remark on where it is, and perhaps another code."""
    error.remark(_LOG, text)
    error.code = code or error.code
    return error


@message("FLOW", "OFPST 1.0+(1)[0+1], NXST 1.0(0)[0+1]", "reply")
class FlowStatsReply(Multipart):
    """Flows and what they carried."""

    flows: tuple[FlowStats, ...] = ()
    nx: bool = False  # OpenFlow 1.0: the request came in Nicira's form, and so does the reply

    def choose(self, dialect: Dialect) -> Form:
        """The form of the request."""
        nx = dialect.version == OF10 and self.nx
        return self.pick("NXST" if nx else "OFPST", dialect.version)

    def parts(self, form: Form, dialect: Dialect) -> Iterator[bytes]:
        """As many flows per message as fit."""
        return group_items(encode_entries(form.kind == "NXST", dialect.version, self.rows_of_flows()))

    def rows_of_flows(self) -> Iterable[Row]:
        """The flows as their encoder takes them."""
        return map(attrgetter(*FlowStats.__match_args__), self.flows)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Entries to the end, each with its length first."""
        return decode_each(
            body,
            FlowStats.decoder(form, dialect.version),
            lambda flows: cls(flows, form.kind == "NXST"),
        )


@value
class FlowRowsReply(FlowStatsReply):
    """The same from a switch, which has many rules: instead of `flows` the fields of each, in order."""

    rows: tuple[Row, ...] = ()

    def rows_of_flows(self) -> Iterable[Row]:
        """They are rows already."""
        return self.rows


_AGGREGATE = struct.Struct("!QQI4x")
_UNKNOWN_FLOWS = 0xFFFFFFFF


@message("AGGREGATE", "OFPST 1.0-1.4(2)[24], OFPST 1.5+(2)[0+1], NXST 1.0(1)[24]", "reply")
class AggregateStatsReply(Multipart):
    """What the flows carried together."""

    packet_count: int = 0
    byte_count: int = 0
    flow_count: int = 0
    nx: bool = False  # as in FlowStatsReply

    def choose(self, dialect: Dialect) -> Form:
        """The form of the request."""
        nx = dialect.version == OF10 and self.nx
        return self.pick("NXST" if nx else "OFPST", dialect.version)

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """A list of statistics since OpenFlow 1.5."""
        if dialect.version >= OF15:
            return encode_stats(None, 0, None, self.flow_count, self.packet_count, self.byte_count)
        return _AGGREGATE.pack(self.packet_count, self.byte_count, self.flow_count)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """A list of statistics since OpenFlow 1.5."""
        if dialect.version >= OF15:
            stats, _ = decode_stats(body, 0)
            packets = UNKNOWN_COUNT if stats.packet_count is None else stats.packet_count
            n_bytes = UNKNOWN_COUNT if stats.byte_count is None else stats.byte_count
            return cls(packets, n_bytes, _UNKNOWN_FLOWS if stats.flow_count is None else stats.flow_count)
        if len(body) != _AGGREGATE.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        packets, n_bytes, flows = _AGGREGATE.unpack(body)
        return cls(packets, n_bytes, flows, form.kind == "NXST")
