"""Packet-in and packet-out in text."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from vswitch.flow.match import format_match
from vswitch.flow.texts import hexadecimal
from vswitch.openflow.actions.base import format_actions
from vswitch.openflow.actions.output import REASONS, format_hex
from vswitch.openflow.message import Dialect
from vswitch.openflow.messages.continuation import Continuation, Frame
from vswitch.openflow.messages.packet import NO_BUFFER, PacketIn, PacketOut, Resume
from vswitch.openflow.messages.role import NXPIF_NXT_PACKET_IN2
from vswitch.openflow.names import Names
from vswitch.openflow.printing.base import Style, hex_dump, prints
from vswitch.openflow.printing.headers import format_headers

_UNKNOWN_COOKIE = (1 << 64) - 1


@prints(PacketIn)
def packet_in(message: PacketIn, dialect: Dialect, style: Style) -> str:
    """Where it was sent, its metadata, why; with more verbosity, the headers, and the bytes."""
    text = ""
    if message.table_id or (message.format == NXPIF_NXT_PACKET_IN2 and message.table_id):
        text += f" table_id={style.names.format_table(message.table_id)}"
    if message.cookie != _UNKNOWN_COOKIE:
        text += f" cookie={message.cookie:#x}"
    text += f" total_len={message.full_len} {format_match(message.match, style.names.port_names)}"
    text += f" (via {REASONS.get(message.reason, message.reason)}) data_len={len(message.packet)}"
    if message.buffer_id == NO_BUFFER:
        text += " (unbuffered)"
        if message.full_len != len(message.packet):
            text += " (***total_len != data_len***)"
    else:
        text += f" buffer=0x{message.buffer_id:08x}"
        if len(message.packet) > message.full_len:
            text += " (***total_len < data_len***)"
    text += "\n"
    if message.userdata:
        text += f" userdata={format_hex(message.userdata)}\n"
    if message.continuation is not None:
        text += "".join(
            f" continuation.{line}\n" for line in _continuation(message.continuation, style.names)
        )
    return text + _packet(message.packet, style)


@prints(Resume)
def resume(message: Resume, dialect: Dialect, style: Style) -> str:
    """What the packet-in had."""
    return packet_in(message.packet_in, dialect, style)


def _continuation(item: Continuation, names: Names) -> Iterator[str]:
    if any(item.bridge):
        yield f"bridge={UUID(bytes=item.bridge)}"
    if item.stack:
        values = " ".join(hexadecimal(int.from_bytes(value, "big")) for value in item.stack)
        yield f"stack=(top) {values} (bottom)"
    if item.mirrors:
        yield f"mirrors={item.mirrors:#x}"
    if item.conntracked:
        yield "conntracked=true"
    if item.frames:
        yield f"actions={','.join(_frame(frame, names) for frame in item.frames)}"
    if item.action_set:
        yield f"action_set={format_actions(item.action_set, names)}"
    if item.odp_port:
        yield f"odp_port={item.odp_port}"


def _frame(frame: Frame, names: Names) -> str:
    head = f"unroll_xlate(table={frame.table_id}, cookie={frame.cookie})"
    return ",".join((head, *(action.format(names) for action in frame.actions)))


@prints(PacketOut)
def packet_out(message: PacketOut, dialect: Dialect, style: Style) -> str:
    """Metadata, actions; with more verbosity, the headers, and the bytes."""
    text = f" {format_match(message.metadata, style.names.port_names)} actions={format_actions(message.actions, style.names)}"
    if message.buffer_id != NO_BUFFER:
        return f"{text} buffer=0x{message.buffer_id:08x}\n"
    text += f" data_len={len(message.packet)}\n"
    return text + _packet(message.packet, style) if message.packet else text


def _packet(packet: bytes, style: Style) -> str:
    text = ""
    if style.verbosity > 0:
        text += format_headers(packet)
    if style.verbosity > 2:
        text += hex_dump(packet, characters=False)
    return text
