"""Flow monitors: a controller hears of every change to the flows that it watches.

There are three dialects of one meaning: Nicira's (OpenFlow 1.0 to 1.2), the ONF's (1.3) and OpenFlow's own (since 1.4).
Inside the program flags and events have the numbers of OpenFlow 1.4.  A monitor whose updates the controller does not
read fast enough pauses; when it goes on, it first tells what changed meanwhile.

     request      Nicira   id 4, flags 2, out_port 2, match_len 2, table 1, zeros 5, match (NXM)
                  ONF      id 4, flags 2, match_len 2, out_port 4, table 1, zeros 3, match (OXM)
                  1.4      id 4, out_port 4, out_group 4, flags 2, table 1, command 1, match (OXM)
     update       Nicira   length 2, event 2, reason 2, priority 2, idle 2, hard 2, match_len 2, table 1, pad 1, cookie 8,
                           match (NXM), actions; the ONF's the same with OXM and instructions
                  1.4      length 2, event 2, table 1, reason 1, idle 2, hard 2, priority 2, zeros 4, cookie 8, match,
                           instructions
                  all      abbreviated: length 2, event 2, xid 4: the flow-mod of this controller with that xid

Sources: OpenFlow 1.4, 7.3.5.17; ONF extension 187; OVS include/openflow/nicira-ext.h (nx_flow_monitor_request).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial

from vswitch.flow.match import Match
from vswitch.flow.ports import OFPP_ANY, OfPort, from_16, to_16
from vswitch.openflow.actions.base import Action, decode_actions, encode_actions
from vswitch.openflow.codec import U32, check_port, padded
from vswitch.openflow.errors import BadInstruction, BadRequest, FlowMonitorFailed, OpenFlowError
from vswitch.openflow.instructions import decode_instructions, encode_instructions
from vswitch.openflow.message import Dialect, Form, Message, Multipart, decode_each, group_items, message
from vswitch.openflow.messages.flow import DEFAULT_PRIORITY
from vswitch.openflow.names import OFPG_ANY, OFPTT_ALL
from vswitch.openflow.value import Value, value, wire
from vswitch.openflow.wirematch import decode_match, decode_nxm_at, encode_match, encode_nxm

# enum ofp14_flow_monitor_command
OFPFMC_ADD, OFPFMC_MODIFY, OFPFMC_DELETE = range(3)

# enum ofp14_flow_monitor_flags
OFPFMF_INITIAL, OFPFMF_ADD, OFPFMF_REMOVED, OFPFMF_MODIFY = 1 << 0, 1 << 1, 1 << 2, 1 << 3
OFPFMF_INSTRUCTIONS, OFPFMF_NO_ABBREV, OFPFMF_ONLY_OWN = 1 << 4, 1 << 5, 1 << 6
_CHANGES = OFPFMF_ADD | OFPFMF_REMOVED | OFPFMF_MODIFY
_KNOWN_FLAGS = OFPFMF_INITIAL | _CHANGES | OFPFMF_INSTRUCTIONS | OFPFMF_ONLY_OWN
_NX_OWN = 1 << 5  # NXFMF_OWN and ONFFMF_OWN; the bits below it are the same everywhere

# enum ofp_flow_update_event
(
    OFPFME_INITIAL,
    OFPFME_ADDED,
    OFPFME_REMOVED,
    OFPFME_MODIFIED,
    OFPFME_ABBREV,
    OFPFME_PAUSED,
    OFPFME_RESUMED,
) = range(7)
_NX_EVENTS = (OFPFME_ADDED, OFPFME_REMOVED, OFPFME_MODIFIED, OFPFME_ABBREV)

_REQUEST_NX = struct.Struct("!IHHHB5s")
_REQUEST_ONF = struct.Struct("!IHHIB3s")
_REQUEST14 = struct.Struct("!IIIHBB")


@value
class FlowMonitor(Value):
    """What a controller wants to hear of: changes (OFPFMF_*) to flows that match, in a table, with an output."""

    id: int
    flags: int = 0
    match: Match = Match()
    table_id: int = OFPTT_ALL
    out_port: OfPort = OFPP_ANY
    out_group: int = OFPG_ANY  # since OpenFlow 1.4
    command: int = OFPFMC_ADD  # since OpenFlow 1.4: OFPFMC_*

    def encode(self, form: Form, version: int) -> bytes:
        """One of three layouts."""
        if form.kind == "OFPST":
            ports = self.out_port, self.out_group
            fixed = _REQUEST14.pack(self.id, *ports, self.flags, self.table_id, self.command)
            return fixed + encode_match(version, self.match)
        flags = self.flags & ~OFPFMF_ONLY_OWN | (_NX_OWN if self.flags & OFPFMF_ONLY_OWN else 0)
        if form.kind == "ONFST":
            match = encode_match(version, self.match)
            return _REQUEST_ONF.pack(self.id, flags, len(match), self.out_port, self.table_id, b"") + match
        match = encode_nxm(self.match)
        fixed = _REQUEST_NX.pack(self.id, flags, to_16(self.out_port), len(match), self.table_id, b"")
        return fixed + padded(match)

    @classmethod
    def decode(cls, form: Form, version: int, data: bytes, at: int) -> tuple[FlowMonitor, int]:
        """The monitor at byte `at`, and where it ends."""
        layout = {"OFPST": _REQUEST14, "ONFST": _REQUEST_ONF}.get(form.kind, _REQUEST_NX)
        start = at + layout.size
        if len(data) < start:
            why = f"{form.kind}_FLOW_MONITOR request has {len(data) - at} leftover bytes at end"
            raise OpenFlowError(BadRequest.BAD_LEN, why, _LOG)
        fields = layout.unpack_from(data, at)
        if form.kind == "OFPST":
            number, port, group, flags, table, command = fields
            _check_flags(flags, command)
            if command != OFPFMC_DELETE:  # which is told by its number alone
                check_port(port)
            match, end = decode_match(version, data, start)
            return cls(number, flags, match, table, OfPort(port), group, command), end
        if form.kind == "ONFST":
            number, flags, match_len, port, table, zeros = fields
        else:
            number, flags, port, match_len, table, zeros = fields
        flags = _flags_from_nx(flags)
        if any(zeros):
            raise OpenFlowError(BadRequest.MUST_BE_ZERO)
        if form.kind == "ONFST":
            check_port(port)
            match, end = decode_match(version, data, start)
        else:
            port = from_16(port)
            match, end = decode_nxm_at(data, start, match_len)
        return cls(number, flags, match, table, OfPort(port)), end


_LOG = "ofp_monitor"  # the module in whose name Open vSwitch complains


def _check_flags(flags: int, command: int) -> None:
    """A monitor that is not deleted watches changes of some kind."""
    if command != OFPFMC_DELETE and (flags & ~_KNOWN_FLAGS or not flags & _CHANGES):
        raise OpenFlowError(FlowMonitorFailed.BAD_FLAGS)


def _flags_from_nx(flags: int) -> int:
    """Flags of Nicira and the ONF in OpenFlow 1.4's numbers."""
    made = flags & ~(_NX_OWN | OFPFMF_ONLY_OWN) | (OFPFMF_ONLY_OWN if flags & _NX_OWN else 0)
    _check_flags(made | (OFPFMF_NO_ABBREV if flags & OFPFMF_ONLY_OWN else 0), OFPFMC_ADD)
    return made


@message("FLOW_MONITOR", "OFPST 1.4+(16)[0+8], ONFST 1.3(1870)[0+8], NXST 1.0-1.2(2)[0+8]", "request")
class FlowMonitorRequest(Multipart):
    """Tell me of changes to these flows, from now on; or, since OpenFlow 1.4, change or end what was asked before."""

    monitors: tuple[FlowMonitor, ...] = ()

    def parts(self, form: Form, dialect: Dialect) -> Iterator[bytes]:
        """As many per message as fit."""
        return group_items(monitor.encode(form, dialect.version) for monitor in self.monitors)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Monitors to the end."""
        return decode_each(body, partial(FlowMonitor.decode, form, dialect.version), cls)


_UPDATE_HEAD = struct.Struct("!HH")
_UPDATE_NX = struct.Struct("!HHHHHHHBxQ")
_UPDATE14 = struct.Struct("!HHBBHHH4xQ")
_ABBREVIATED = struct.Struct("!HHI")


@value
class FlowUpdate(Value):
    """A change to a monitored flow; for OFPFME_ABBREV only `xid` matters, for PAUSED and RESUMED nothing."""

    event: int
    match: Match = Match()
    actions: tuple[Action, ...] | None = None  # None: the monitor does not ask for them
    priority: int = DEFAULT_PRIORITY
    table_id: int = 0
    cookie: int = 0
    idle_timeout: int = 0
    hard_timeout: int = 0
    reason: int = 0  # why it was removed: RemovedReason
    xid: int = 0

    def encode(self, form: Form, version: int) -> bytes:
        """One of four layouts."""
        own = form.kind == "OFPST"
        event = self.event if own else _NX_EVENTS.index(self.event or OFPFME_ADDED)
        if self.event in (OFPFME_ABBREV, OFPFME_PAUSED, OFPFME_RESUMED):
            return _ABBREVIATED.pack(8, event, self.xid if self.event == OFPFME_ABBREV else 0)
        if form.kind == "NXST":
            match, actions = encode_nxm(self.match), encode_actions(version, self.actions or ())
        else:
            match, actions = (
                encode_match(version, self.match),
                encode_instructions(version, self.actions or ()),
            )
        rest = padded(match) + actions
        timeouts = self.idle_timeout, self.hard_timeout
        if own:
            size = _UPDATE14.size + len(rest)
            head = size, event, self.table_id, self.reason, *timeouts, self.priority, self.cookie
            return _UPDATE14.pack(*head) + rest
        size = _UPDATE_NX.size + len(rest)
        told = self.priority, *timeouts, len(match), self.table_id, self.cookie
        return _UPDATE_NX.pack(size, event, self.reason, *told) + rest

    @classmethod
    def decode(cls, form: Form, version: int, data: bytes, at: int, size: int) -> tuple[FlowUpdate, int]:
        """The update at byte `at`, which says that it has `size` bytes, and where it ends."""
        own = form.kind == "OFPST"
        _, number = _UPDATE_HEAD.unpack_from(data, at)
        event = number if own else _NX_EVENTS[number]
        if event in (OFPFME_ABBREV, OFPFME_PAUSED, OFPFME_RESUMED):
            if size != _ABBREVIATED.size:
                raise OpenFlowError(BadRequest.BAD_LEN)
            xid = _ABBREVIATED.unpack_from(data, at)[2]
            return cls(event, xid=xid if event == OFPFME_ABBREV else 0), at + size
        layout = _UPDATE14 if own else _UPDATE_NX
        start, left = at + layout.size, size - layout.size
        if left < 0:
            raise OpenFlowError(BadRequest.BAD_LEN)
        if own:
            _, _, table, reason, idle, hard, priority, cookie = layout.unpack_from(data, at)
            match_len = 0
        else:
            _, _, reason, priority, idle, hard, match_len, table, cookie = layout.unpack_from(data, at)
        left -= (match_len + 7) // 8 * 8
        if left < 0:
            raise OpenFlowError(BadRequest.BAD_LEN)
        if form.kind == "NXST":
            match, start = decode_nxm_at(data, start, match_len)
            actions = decode_actions(version, data[start : start + left])
        else:
            match, end = decode_match(version, data, start)
            start, left = end, at + size - end  # whatever was said of the match's length
            if not 0 <= left <= len(data) - start:
                raise OpenFlowError(BadInstruction.BAD_LEN)
            actions = decode_instructions(version, data[start : start + left])
        return cls(event, match, actions or None, priority, table, cookie, idle, hard, reason), start + left


@message("FLOW_MONITOR", "OFPST 1.4+(16)[0+8], ONFST 1.3(1870)[0+8], NXST 1.0-1.2(2)[0+8]", "reply")
class FlowMonitorReply(Multipart):
    """Changes: first, in answer to a request, the flows that there are; then, with xid 0, each change."""

    updates: tuple[FlowUpdate, ...] = ()

    def parts(self, form: Form, dialect: Dialect) -> Iterator[bytes]:
        """As many per message as fit."""
        return group_items(update.encode(form, dialect.version) for update in self.updates)

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """Updates to the end, each with its length first."""
        return decode_each(body, partial(_decode_update, form, dialect.version), cls)


def _decode_update(form: Form, version: int, body: bytes, at: int) -> tuple[FlowUpdate, int]:
    """The update at byte `at`, and where it ends."""
    left = len(body) - at
    leftover = f"{form.kind}_FLOW_MONITOR reply has {left} leftover bytes at end", _LOG
    if left < _UPDATE_HEAD.size:
        raise OpenFlowError(BadRequest.BAD_LEN, *leftover)
    size, event = _UPDATE_HEAD.unpack_from(body, at)
    if size % 8 or size > left:
        raise OpenFlowError(BadRequest.BAD_LEN, *leftover)
    if event > (OFPFME_RESUMED if form.kind == "OFPST" else len(_NX_EVENTS) - 1):
        raise OpenFlowError(BadRequest.FM_BAD_EVENT)
    if size < _ABBREVIATED.size:
        raise OpenFlowError(BadRequest.BAD_LEN, *leftover)
    return FlowUpdate.decode(form, version, body, at, size)


@message("FLOW_MONITOR_CANCEL", "ONFT 1.3(1870)[4], NXT 1.0-1.2(21)[4]")
class FlowMonitorCancel(Message):
    """End monitor `id`."""

    id: int = wire(U32)


@message("FLOW_MONITOR_PAUSED", "ONFT 1.3(1871)[0], NXT 1.0-1.2(22)[0]")
class FlowMonitorPaused(Message):
    """The controller reads too slowly: what changes from now on is told later."""


@message("FLOW_MONITOR_RESUMED", "ONFT 1.3(1872)[0], NXT 1.0-1.2(23)[0]")
class FlowMonitorResumed(Message):
    """What changed during the pause is told, and all that follows will be told at once."""
