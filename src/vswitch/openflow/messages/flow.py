"""Flow-mods and flow-removed: changes of the flow tables, asked for and told.

Sources: OpenFlow 1.0, 5.3.3 and 5.4.3; OpenFlow 1.1, A.3.4.1; OpenFlow 1.5.1, 7.3.4.2 and 7.4.2; OVS nicira-ext.h
(nx_flow_mod, nx_flow_removed).
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Mapping

from vswitch.flow.match import Match
from vswitch.flow.ports import OFPP_ANY, OfPort, from_16, to_16
from vswitch.openflow.actions.base import Action, encode_actions
from vswitch.openflow.codec import check_port, padded
from vswitch.openflow.errors import BadRequest, FlowModFailed, OpenFlowError
from vswitch.openflow.instructions import decode_flow_actions, decode_instructions, encode_instructions
from vswitch.openflow.match10 import as_given10
from vswitch.openflow.message import Dialect, Form, Message, message
from vswitch.openflow.names import OFPG_ANY, OFPTT_ALL
from vswitch.openflow.version import OF10, OF11, OF12, OF13, OF14, OF15
from vswitch.openflow.wirematch import (
    MATCH10_SIZE,
    check_addresses,
    decode_match,
    decode_match10,
    decode_nxm,
    encode_match,
    encode_match10,
    encode_nxm,
    fits_10,
)

OFPFC_ADD, OFPFC_MODIFY, OFPFC_MODIFY_STRICT, OFPFC_DELETE, OFPFC_DELETE_STRICT = range(5)

# enum ofp_flow_mod_flags, with the first version that has each; EMERG is OpenFlow 1.0's alone and has its own bit here.
OFPFF_SEND_FLOW_REM, OFPFF_CHECK_OVERLAP, OFPFF_RESET_COUNTS = 1 << 0, 1 << 1, 1 << 2
OFPFF_NO_PKT_COUNTS, OFPFF_NO_BYT_COUNTS = 1 << 3, 1 << 4
OFPFF_EMERG = 1 << 16
_FLAGS_OF: Mapping[int, int] = {OF10: 0x3, OF11: 0x3, OF12: 0x7, OF13: 0x1F, OF14: 0x1F, OF15: 0x1F}

OFPFW10_ALL = (1 << 22) - 1  # in a match of OpenFlow 1.0
NO_BUFFER = 0xFFFFFFFF
DEFAULT_PRIORITY = 0x8000
KEEP_COOKIE = (1 << 64) - 1

_FLOW_MOD10 = struct.Struct("!QHHHHIHH")  # after the match
_FLOW_MOD11 = struct.Struct("!QQBBHHHIIIHH")
_NX_FLOW_MOD = struct.Struct("!QHHHHIHHH6x")


@message("FLOW_MOD", "OFPT 1.0(14)[64+8], OFPT 1.1+(14)[40+8], NXT 1.0+(13)[32+8]")
class FlowMod(Message):
    """Add, modify or delete flows.

    `new_cookie` is what flows get that are added or, if it is not None, modified.  Modifications and deletions are of
    flows with `cookie` under `cookie_mask`; deletions also of such with an action to `out_port` or `out_group` only.
    """

    command: int = OFPFC_ADD
    match: Match = Match()
    actions: tuple[Action, ...] = ()
    priority: int = DEFAULT_PRIORITY
    table_id: int = OFPTT_ALL
    new_cookie: int | None = 0
    cookie: int = 0
    cookie_mask: int = 0
    idle_timeout: int = 0  # seconds
    hard_timeout: int = 0  # seconds
    buffer_id: int = NO_BUFFER
    out_port: OfPort = OFPP_ANY
    out_group: int = OFPG_ANY
    flags: int = 0  # OFPFF_*
    importance: int = 0  # since OpenFlow 1.4

    def choose(self, dialect: Dialect) -> Form:
        """In OpenFlow 1.0, Nicira's form if the channel speaks NXM or only NXM can tell the match and cookie."""
        if dialect.version == OF10:
            nxm = dialect.nxm
            if nxm is None:
                nxm = bool(self.cookie_mask) or not fits_10(self.match)
            return self.pick("NXT" if nxm else "OFPT", OF10)
        return self.pick("OFPT", dialect.version)

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """One of three layouts."""
        if form.kind == "NXT":
            return self._encode_nx(dialect)
        if dialect.version == OF10:
            return self._encode10(dialect)
        return self._encode11(dialect.version)

    def _encode10(self, dialect: Dialect) -> bytes:
        fixed = _FLOW_MOD10.pack(
            KEEP_COOKIE if self.new_cookie is None else self.new_cookie,
            self._command10(dialect),
            self.idle_timeout,
            self.hard_timeout,
            self.priority,
            self.buffer_id,
            to_16(self.out_port),
            self.wire_flags(OF10),
        )
        return encode_match10(self.match) + fixed + encode_actions(OF10, self.actions)

    def _encode_nx(self, dialect: Dialect) -> bytes:
        match = encode_nxm(self.match, self.cookie, self.cookie_mask)
        fixed = _NX_FLOW_MOD.pack(
            KEEP_COOKIE if self.new_cookie is None else self.new_cookie,
            self._command10(dialect),
            self.idle_timeout,
            self.hard_timeout,
            self.priority,
            self.buffer_id,
            to_16(self.out_port),
            self.wire_flags(dialect.version),
            len(match),
        )
        encode = encode_actions if dialect.version == OF10 else encode_instructions
        return fixed + padded(match) + encode(dialect.version, self.actions)

    def _command10(self, dialect: Dialect) -> int:
        """The command, with the table in its upper byte where the channel has agreed on that."""
        named = dialect.table_ids or (dialect.table_ids is None and self.table_id != OFPTT_ALL)
        return self.command | self.table_id << 8 if named else self.command

    def _encode11(self, version: int) -> bytes:
        adds = self.command == OFPFC_ADD
        if adds or (version == OF11 and not self.cookie_mask and self.new_cookie is not None):
            cookie, mask = self.new_cookie or 0, 0
        else:
            cookie, mask = self.cookie, self.cookie_mask
        fixed = _FLOW_MOD11.pack(
            cookie,
            mask,
            self._table11(version),
            self.command,
            self.idle_timeout,
            self.hard_timeout,
            self.priority,
            self.buffer_id,
            self.out_port,
            self.out_group,
            self.wire_flags(version),
            self.importance if version >= OF14 else 0,
        )
        return fixed + encode_match(version, self.match) + encode_instructions(version, self.actions)

    def _table11(self, version: int) -> int:
        """Only deletions can name all tables, and not in OpenFlow 1.1; others mean the first."""
        if self.table_id == OFPTT_ALL and (
            version == OF11 or self.command not in (OFPFC_DELETE, OFPFC_DELETE_STRICT)
        ):
            return 0
        return self.table_id

    def wire_flags(self, version: int) -> int:
        """The flags that `version` has."""
        return self.flags & _FLAGS_OF[version] | (4 if version == OF10 and self.flags & OFPFF_EMERG else 0)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """One of three layouts."""
        if form.kind == "NXT":
            return cls._decode_nx(dialect, body)
        if dialect.version == OF10:
            return cls._decode10(dialect, body)
        return cls._decode11(dialect.version, body)

    @classmethod
    def _decode10(cls, dialect: Dialect, body: bytes) -> Message:
        if len(body) < MATCH10_SIZE + _FLOW_MOD10.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        fields = _FLOW_MOD10.unpack_from(body, MATCH10_SIZE)
        cookie, command, idle, hard, priority, buffer_id, out_port, flags = fields
        match = decode_match10(body)
        table_id, command = _split_command(command, dialect)
        actions = decode_flow_actions(body[MATCH10_SIZE + _FLOW_MOD10.size :])
        if not int.from_bytes(body[:4], "big") & OFPFW10_ALL:
            priority = 0xFFFF  # flows without wildcards come first
        return cls(
            command,
            match,
            actions,
            priority,
            table_id,
            cookie,
            0,
            0,
            idle,
            hard,
            buffer_id,
            from_16(out_port),
            OFPG_ANY,
            decode_flags(OF10, command, flags),
        )

    @classmethod
    def _decode_nx(cls, dialect: Dialect, body: bytes) -> Message:
        if len(body) < _NX_FLOW_MOD.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        fields = _NX_FLOW_MOD.unpack_from(body)
        cookie, command, idle, hard, priority, buffer_id, out_port, flags, match_len = fields
        at = _NX_FLOW_MOD.size
        match, match_cookie, cookie_mask = decode_nxm(body, at, match_len)
        check_addresses(match)
        table_id, command = _split_command(command, dialect)
        if command == OFPFC_ADD and cookie_mask:
            raise OpenFlowError(BadRequest.NXM_INVALID, "flow additions cannot use a cookie mask")
        rest = body[at + (match_len + 7) // 8 * 8 :]
        version = dialect.version
        actions = decode_flow_actions(rest) if version == OF10 else decode_instructions(version, rest)
        return cls(
            command,
            match,
            actions,
            priority,
            table_id,
            None if cookie == KEEP_COOKIE else cookie,
            match_cookie,
            cookie_mask,
            idle,
            hard,
            buffer_id,
            from_16(out_port),
            OFPG_ANY,
            decode_flags(dialect.version, command, flags),
        )

    @classmethod
    def _decode11(cls, version: int, body: bytes) -> Message:
        if len(body) < _FLOW_MOD11.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        fields = _FLOW_MOD11.unpack_from(body)
        (
            cookie,
            mask,
            table_id,
            command,
            idle,
            hard,
            priority,
            buffer_id,
            out_port,
            out_group,
            flags,
            importance,
        ) = fields
        match, end = decode_match(version, body, _FLOW_MOD11.size)
        deletes = command in (OFPFC_DELETE, OFPFC_DELETE_STRICT)
        if table_id == OFPTT_ALL and (version == OF11 or not deletes):
            raise OpenFlowError(FlowModFailed.BAD_TABLE_ID)
        check_port(out_port)
        check_addresses(match)
        _check_command(command)
        actions = decode_instructions(version, body[end:])
        new_cookie: int | None = None
        if command == OFPFC_ADD:
            new_cookie, cookie, mask = cookie, 0, 0
        elif command in (OFPFC_MODIFY, OFPFC_MODIFY_STRICT) and version == OF11 and not mask:
            new_cookie, cookie = cookie, 0
        return cls(
            command,
            match,
            actions,
            priority,
            table_id,
            new_cookie,
            cookie,
            mask,
            idle,
            hard,
            buffer_id,
            OfPort(out_port),
            out_group,
            decode_flags(version, command, flags),
            importance if version >= OF14 and command == OFPFC_ADD else 0,
        )


def _split_command(command: int, dialect: Dialect) -> tuple[int, int]:
    """Table and command of OpenFlow 1.0."""
    table_id = OFPTT_ALL
    if dialect.table_ids:
        table_id, command = command >> 8, command & 0xFF
    _check_command(command)
    return table_id, command


def _check_command(command: int) -> None:
    if command > OFPFC_DELETE_STRICT:
        raise OpenFlowError(FlowModFailed.BAD_COMMAND)


def decode_flags(version: int, command: int, flags: int) -> int:
    """OFPFF_* from the wire.  Until OpenFlow 1.1 additions always reset counters."""
    known = flags & _FLAGS_OF[version]
    rest = flags & ~known
    if version == OF10 and rest & 4:
        known |= OFPFF_EMERG
        rest &= ~4
    if rest:
        raise OpenFlowError(FlowModFailed.BAD_FLAGS)
    if version <= OF11 and command == OFPFC_ADD:
        known |= OFPFF_RESET_COUNTS
    return known


class RemovedReason(enum.IntEnum):
    """Why a flow went: enum ofp_flow_removed_reason, in the numbers of OpenFlow 1.4."""

    IDLE_TIMEOUT = 0
    HARD_TIMEOUT = 1
    DELETE = 2
    GROUP_DELETE = 3
    METER_DELETE = 4
    EVICTION = 5


_REMOVED10 = struct.Struct("!QHBxIIHxxQQ")  # after the match
_REMOVED11 = struct.Struct("!QHBBIIHHQQ")
_REMOVED_NX = struct.Struct("!QHBBIIHHQQ")
_REMOVED15 = struct.Struct("!BBHHHQ")


@message("FLOW_REMOVED", "OFPT 1.0(11)[80], OFPT 1.1-1.4(11)[40+8], OFPT 1.5+(11)[16+8], NXT 1.0+(14)[40+8]")
class FlowRemoved(Message):
    """A flow is gone, for `reason` (RemovedReason), after a duration, having carried so much."""

    match: Match
    priority: int = DEFAULT_PRIORITY
    reason: int = RemovedReason.DELETE
    table_id: int = OFPTT_ALL  # 0xff: unknown, as in OpenFlow 1.0
    cookie: int = 0
    duration_sec: int = 0
    duration_nsec: int = 0
    idle_timeout: int = 0
    hard_timeout: int = 0  # since OpenFlow 1.2
    packet_count: int = 0
    byte_count: int = 0

    def choose(self, dialect: Dialect) -> Form:
        """Like a flow-mod."""
        if dialect.version == OF10:
            nxm = not fits_10(self.match) if dialect.nxm is None else dialect.nxm
            return self.pick("NXT" if nxm else "OFPT", OF10)
        return self.pick("OFPT", dialect.version)

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """One of four layouts."""
        version = dialect.version
        duration = self.duration_sec, self.duration_nsec
        counts = self.packet_count, self.byte_count
        if form.kind == "NXT":
            match = encode_nxm(self.match)
            table = self.table_id + 1 & 0xFF
            head = self.cookie, self.priority, self.reason, table, *duration, self.idle_timeout, len(match)
            return _REMOVED_NX.pack(*head, *counts) + padded(match)
        if version == OF10:
            fixed = _REMOVED10.pack(
                self.cookie, self.priority, self.reason, *duration, self.idle_timeout, *counts
            )
            return encode_match10(self.match) + fixed
        reason = (
            self.reason
            if version >= OF14 or self.reason <= RemovedReason.GROUP_DELETE
            else RemovedReason.DELETE
        )
        if version >= OF15:
            from vswitch.openflow.oxs import encode_stats

            timeouts = self.idle_timeout, self.hard_timeout
            fixed = _REMOVED15.pack(self.table_id, reason, self.priority, *timeouts, self.cookie)
            return fixed + encode_match(version, self.match) + encode_stats(*duration, None, None, *counts)
        hard = self.hard_timeout if version >= OF12 else 0
        head = self.cookie, self.priority, reason, self.table_id, *duration, self.idle_timeout, hard
        return _REMOVED11.pack(*head, *counts) + encode_match(version, self.match)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """One of four layouts."""
        version = dialect.version
        if form.kind == "NXT":
            _need(body, _REMOVED_NX.size)
            cookie, priority, reason, table, sec, nsec, idle, match_len, *counts = _REMOVED_NX.unpack_from(
                body
            )
            match, _, _ = decode_nxm(body, _REMOVED_NX.size, match_len, exact=True)
            return cls(match, priority, reason, table - 1 & 0xFF, cookie, sec, nsec, idle, 0, *counts)
        if version == OF10:
            if len(body) != MATCH10_SIZE + _REMOVED10.size:
                raise OpenFlowError(BadRequest.BAD_LEN)
            cookie, priority, reason, sec, nsec, idle, *counts = _REMOVED10.unpack_from(body, MATCH10_SIZE)
            return cls(as_given10(body), priority, reason, OFPTT_ALL, cookie, sec, nsec, idle, 0, *counts)
        if version >= OF15:
            return cls._decode15(body)
        _need(body, _REMOVED11.size)
        cookie, priority, reason, table, sec, nsec, idle, hard, *counts = _REMOVED11.unpack_from(body)
        match, _ = decode_match(version, body, _REMOVED11.size)
        return cls(match, priority, reason, table, cookie, sec, nsec, idle, hard, *counts)

    @classmethod
    def _decode15(cls, body: bytes) -> Message:
        from vswitch.openflow.oxs import decode_stats

        _need(body, _REMOVED15.size)
        table, reason, priority, idle, hard, cookie = _REMOVED15.unpack_from(body)
        match, end = decode_match(OF15, body, _REMOVED15.size)
        stats, _ = decode_stats(body, end)
        sec, nsec = stats.duration or _UNKNOWN_AGE
        counts = _count(stats.packet_count), _count(stats.byte_count)
        return cls(match, priority, reason, table, cookie, sec, nsec, idle, hard, *counts)


_UNKNOWN_AGE = (0xFFFFFFFF, 0xFFFFFFFF)


def _count(value: int | None) -> int:
    return KEEP_COOKIE if value is None else value


def _need(body: bytes, size: int) -> None:
    if len(body) < size:
        raise OpenFlowError(BadRequest.BAD_LEN)
