"""Roles, asynchronous configuration and Nicira's settings, in text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vswitch.openflow.message import Dialect
from vswitch.openflow.messages.role import (
    ASYNC_TYPES,
    NO_GENERATION,
    FlowAge,
    FlowModTableId,
    GetAsyncReply,
    GetAsyncRequest,
    RoleReply,
    RoleRequest,
    RoleStatus,
    SetAsync,
    SetControllerId,
    SetFlowFormat,
    SetPacketInFormat,
)
from vswitch.openflow.printing.base import Style, prints

ROLES = ("nochange", "equal", "primary", "secondary")
_ROLE_REASONS = ("primary_request", "configuration_changed", "experimenter_data_changed")
_REASONS: Mapping[str, Sequence[str]] = {
    "packet_in": ("no_match", "action", "invalid_ttl", "action_set", "group", "packet_out"),
    "port_status": ("add", "delete", "modify"),
    "flow_removed": ("idle", "hard", "delete", "group_delete", "meter_delete", "eviction"),
    "role_status": _ROLE_REASONS,
    "table_status": ("0", "1", "2", "vacancy_down", "vacancy_up"),
    "requestforward": ("group_mod_request", "meter_mod_request"),
}
_FLOW_FORMATS = {0: "openflow10", 2: "nxm"}
_PACKET_IN_FORMATS = {0: "standard", 1: "nxt_packet_in", 2: "nxt_packet_in2"}


@prints(RoleRequest, RoleReply)
def role(message: RoleRequest | RoleReply, dialect: Dialect, style: Style) -> str:
    """The role, and the generation where there is one."""
    untold = message.generation_id in (None, NO_GENERATION)
    generation = "" if untold else f" generation_id={message.generation_id}"
    return f" role={ROLES[message.role]}{generation}\n"


@prints(RoleStatus)
def role_status(message: RoleStatus, dialect: Dialect, style: Style) -> str:
    """The new role and why."""
    known = message.reason < len(_ROLE_REASONS)
    reason = _ROLE_REASONS[message.reason] if known else "(unknown)"
    generation = "" if message.generation_id == NO_GENERATION else f" generation_id={message.generation_id}"
    return f" role={ROLES[message.role]}{generation} reason={reason}\n"


@prints(SetAsync, GetAsyncReply)
def async_masks(message: SetAsync | GetAsyncReply, dialect: Dialect, style: Style) -> str:
    """For each kind of controller, each type of message with its reasons."""
    masks = {name: (primary, secondary) for name, primary, secondary in message.masks}
    blocks = []
    for i, kind in enumerate(("primary", "secondary")):
        lines = (
            f"{name.upper():>16}: {_reasons(name, masks.get(name, (0, 0))[i])}\n" for name in ASYNC_TYPES
        )
        blocks.append(f"\n {kind}:\n{''.join(lines)}")
    return "".join(blocks)


def _reasons(name: str, mask: int) -> str:
    return " ".join(reason for bit, reason in enumerate(_REASONS[name]) if mask >> bit & 1) or "(off)"


@prints(GetAsyncRequest, FlowAge)
def nothing(message: object, dialect: Dialect, style: Style) -> str:
    """The name says all."""
    return "\n"


@prints(SetControllerId)
def controller_id(message: SetControllerId, dialect: Dialect, style: Style) -> str:
    """The id."""
    return f" id={message.controller_id}\n"


@prints(SetFlowFormat)
def flow_format(message: SetFlowFormat, dialect: Dialect, style: Style) -> str:
    """The format's name."""
    return f" format={_FLOW_FORMATS.get(message.format, '(unknown)')}\n"


@prints(SetPacketInFormat)
def packet_in_format(message: SetPacketInFormat, dialect: Dialect, style: Style) -> str:
    """The format's name."""
    return f" format={_PACKET_IN_FORMATS.get(message.format, '(unknown)')}\n"


@prints(FlowModTableId)
def flow_mod_table_id(message: FlowModTableId, dialect: Dialect, style: Style) -> str:
    """On or off."""
    return f" {'enable' if message.enabled else 'disable'}\n"
