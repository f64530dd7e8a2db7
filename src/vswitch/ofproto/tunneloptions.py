"""The map of tunnel options: which option of Geneve is which of the fields tun_metadata0 to tun_metadata63.

Rules may name only fields that are mapped, and what a rule names stays mapped.

Sources: ovs-ofctl(8), add-tlv-map; OVS include/openflow/nicira-ext.h (nx_tlv_table_mod); answers compared with the peer's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vswitch.base.memo import by_identity
from vswitch.flow.field import Field
from vswitch.flow.fields import TUN_METADATA, TUN_METADATA_PRESENT
from vswitch.flow.match import Match
from vswitch.flow.subfield import Subfield
from vswitch.ofproto.handlers import Request, handles
from vswitch.ofproto.switch import Switch
from vswitch.openflow.actions.base import Action
from vswitch.openflow.errors import FlowModFailed, OpenFlowError, TlvTableModFailed
from vswitch.openflow.message import Message
from vswitch.openflow.messages.nicira import (
    NXTTMC_ADD,
    NXTTMC_CLEAR,
    TlvMap,
    TlvTableMod,
    TlvTableReply,
    TlvTableRequest,
)
from vswitch.openflow.value import Value

MAX_SPACE = 256  # bytes of all mapped options together
_INDEX = {field: index for index, field in enumerate(TUN_METADATA)}


@handles(TlvTableRequest)
def table(request: Request[TlvTableRequest]) -> Iterable[Message]:
    """The map, in the order of the fields."""
    maps = sorted(request.switch.options.values(), key=lambda option: option.index)
    return (TlvTableReply(MAX_SPACE, len(TUN_METADATA), tuple(maps)),)


@handles(TlvTableMod)
def change(request: Request[TlvTableMod]) -> Iterable[Message]:
    """Change the map as a whole, or not at all."""
    switch, message = request.switch, request.message
    if message.command == NXTTMC_ADD:
        switch.options = _with(switch.options, message.maps)
    else:
        gone = [
            index
            for index, option in switch.options.items()
            if message.command == NXTTMC_CLEAR or any(_is_same(option, other) for other in message.maps)
        ]
        if _used(switch, sum(1 << index for index in gone)):
            raise OpenFlowError(TlvTableModFailed.INVALID_TLV_DEL)
        switch.options = {index: option for index, option in switch.options.items() if index not in gone}
    return ()


def _with(options: dict[int, TlvMap], maps: Iterable[TlvMap]) -> dict[int, TlvMap]:
    made = dict(options)
    for option in maps:
        if option.index in made:
            raise OpenFlowError(TlvTableModFailed.ALREADY_MAPPED)
        if any(_is_same(option, other) for other in made.values()):
            raise OpenFlowError(TlvTableModFailed.DUP_ENTRY)
        made[option.index] = option
        if sum(other.length for other in made.values()) > MAX_SPACE:
            raise OpenFlowError(TlvTableModFailed.TABLE_FULL)
    return made


def _is_same(option: TlvMap, other: TlvMap) -> bool:
    return (option.option_class, option.option_type) == (other.option_class, other.option_type)


def _used(switch: Switch, fields: int) -> bool:
    """Whether a rule names any of `fields`, a bit for each."""
    return any(
        (TUN_METADATA_PRESENT.get(rule.match.mask) | _named(rule.actions)) & fields
        for table in switch.tables
        for rule in table
    )


def check_options(switch: Switch, match: Match, actions: tuple[Action, ...] = ()) -> None:
    """Refuse a match or actions of a rule with a field of tunnel options that is not mapped."""
    named = TUN_METADATA_PRESENT.get(match.mask) | _named(actions)
    if named and any(
        named >> index & 1 and index not in switch.options for index in range(len(TUN_METADATA))
    ):
        raise OpenFlowError(FlowModFailed.INVALID_TLV_FIELD)


@by_identity
def _named(actions: tuple[Action, ...]) -> int:
    """The fields of tunnel options that `actions` name, a bit for each."""
    return sum({1 << _INDEX[field] for field in _fields(actions) if field in _INDEX})


def _fields(part: object) -> Iterator[Field]:
    """All fields in a value, whatever it is."""
    match part:
        case Field():
            yield part
        case Subfield():
            yield part.field
        case tuple():
            for item in part:
                yield from _fields(item)
        case Value():
            for name in part.__match_args__:
                yield from _fields(getattr(part, name))
        case _:
            pass
