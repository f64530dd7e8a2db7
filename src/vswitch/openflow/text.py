"""Messages in text, as `ovs-ofctl ofp-print` and every other command print them.

A printer is a function from a message to what follows the header line's colon; each class has one (`@prints`), in the
module of its family.  What cannot be decoded is shown in hexadecimal, after the error that it is.

Sources: ovs-ofctl(8), ofp-print and -m.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.message import HEADER, OFPSF_MORE, Dialect, Form, Message, decode, find
from vswitch.openflow.messages.hello import Hello
from vswitch.openflow.names import NO_NAMES, Names
from vswitch.openflow.printing.base import BYTES_PRINTERS, PRINTERS, Printer, Style, hex_dump, tell_error
from vswitch.openflow.version import OF10, OF13, OF15, Version

# The modules in printing/ that declare the printers for messages of each module in messages/; imported when needed.
FAMILIES: Mapping[str, str] = {
    "hello": "symmetric",
    "flow": "flows",
    "flowstats": "flows",
    "packet": "packets",
    "switch": "switches",
    "port": "ports",
    "table": "tables",
    "role": "roles",
    "group": "groups",
    "groupstats": "groups",
    "queue": "queues",
    "meter": "meters",
    "nested": "nested",
    "nicira": "nicira",
    "monitor": "monitors",
    "tablefeatures": "tablefeatures",
}


_DUMPING = 5  # the verbosity from which on messages are shown in hexadecimal, too


def printer(kind: type[Message]) -> Printer:
    """The function that prints messages of a class."""
    if kind not in PRINTERS:
        family = kind.__module__.rpartition(".")[2]
        import_module(f"vswitch.openflow.printing.{FAMILIES[family]}")
    return PRINTERS[kind]


def print_message(
    data: bytes,
    verbosity: int = 0,
    names: Names = NO_NAMES,
    show_stats: bool = True,
    known: Message | None = None,
) -> str:
    """The text of the message that `data` is, one or more whole lines; `known` is what it means, if that is known."""
    text = _print(data, Style(verbosity, names, show_stats, print_message, data), known)
    if not text.endswith("\n"):
        text += "\n"
    dump = hex_dump(data) if verbosity >= _DUMPING else ""
    return text if text.endswith(dump) else text + dump  # errors show it anyway


def _print(data: bytes, style: Style, known: Message | None) -> str:
    if not data:
        return "OpenFlow message is empty\n"
    if len(data) < HEADER.size:
        return f"OpenFlow packet too short (only {len(data)} bytes):\n{hex_dump(data)}"
    version, type_, length, xid = HEADER.unpack_from(data)
    if length > len(data):
        return f"{_name(data)}(***truncated to {len(data)} bytes from {length}***)\n{hex_dump(data)}"
    if length < len(data):
        return f"(***only uses {length} bytes out of {len(data)}***)\n{hex_dump(data)}"
    try:
        return _print_known(data, version, type_, xid, style, known)
    except OpenFlowError as error:
        tell_error(error)
        return f"***decode error: {error.code.name}***\n{hex_dump(data)}"


def _name(data: bytes) -> str:
    """The line with the name of a message of which not all is there; nothing if even that is cut off."""
    version, type_, _, xid = HEADER.unpack_from(data)
    try:
        return f"{_head(find(version, type_, data)[1], version, xid)}\n"
    except OpenFlowError:
        return ""


def _head(form: Form, version: int, xid: int) -> str:
    return form.name + (f" ({_version_name(version)})" if version != OF10 else "") + f" (xid={xid:#x}):"


def _print_known(
    data: bytes, version: int, type_: int, xid: int, style: Style, message: Message | None
) -> str:
    cls, form, start, flags = find(version, type_, data)
    form.check(len(data), start)
    head = _head(form, version, xid)
    if flags:
        head += f" flags={_flags(flags, form, version)}"
    try:
        if message is None:
            text = _print_bytes(cls, form, data, start, style)
            if text is not None:
                return head + text
            _, _, message = decode(data, table_ids=True, loose=True)
        text = head + printer(type(message))(message, Dialect(version), style)
        if isinstance(message, Hello) and message.unknown:
            text += f" unknown data in hello:\n{hex_dump(data)}"
            if style.verbosity >= _DUMPING:
                text += hex_dump(data)  # for it is as if the end of the text were that already
        return text
    except OpenFlowError as error:
        if message is None and cls.name == "FLOW_MOD" and form.kind == "OFPT" and version == OF10:
            from vswitch.openflow.printing.flows import tell_normal10

            tell_normal10(data[start:])  # which comes first, though there is no match to print
        tell_error(error)
        told = head
        if isinstance(error.partial, Message):
            told += partial_text(error.partial, Dialect(version), style)
        if not told.endswith("\n"):
            told = f"{told} " if told == head and not flags else told.rstrip(" ") + "\n"
        return f"{told}***decode error: {error.code.name}***\n{hex_dump(data)}"


def _print_bytes(cls: type[Message], form: Form, data: bytes, start: int, style: Style) -> str | None:
    """The text of a message whose class is printed without being decoded, if all is well."""
    printer(cls)  # declares both ways
    print_bytes = BYTES_PRINTERS.get(cls)
    return None if print_bytes is None else print_bytes(data, start, form, Dialect(data[0]), style)


def partial_text(message: Message, dialect: Dialect, style: Style) -> str:
    """What is printed of a list of which not all could be decoded."""
    text = printer(type(message))(message, dialect, style)
    if message.name == "GROUP":
        return f"{text.rstrip()} ***parse error***\n"
    if message.name in ("PORT_DESC", "PORT", "QUEUE"):
        return text
    return text.removesuffix("\n")


def _flags(flags: int, form: Form, version: int) -> str:
    """The flags of statistics; requests have them since OpenFlow 1.3."""
    known = OFPSF_MORE if form.name.endswith("reply") or version >= OF13 else 0
    text = "[more]" if flags & known else ""
    return f"{text}[***unknown flags {flags & ~known:#06x}***]" if flags & ~known else text


def _version_name(version: int) -> str:
    return str(Version(version)) if OF10 <= version <= OF15 else f"OF {version:#04x}"
