"""HELLO, ERROR and ECHO in text."""

from __future__ import annotations

from vswitch.openflow.errors import BadRequest, ErrorCode, HelloFailed, OpenFlowError
from vswitch.openflow.message import Dialect
from vswitch.openflow.messages.hello import EchoReply, EchoRequest, Error, Hello
from vswitch.openflow.printing.base import Style, hex_dump, printable, prints


@prints(Hello)
def hello(message: Hello, dialect: Dialect, style: Style) -> str:
    """The versions, by number."""
    versions = ", ".join(f"0x{version:02x}" for version in sorted(message.versions))
    return f"\n version bitmap: {versions}\n"


@prints(Error)
def error(message: Error, dialect: Dialect, style: Style) -> str:
    """The error's name; what caused it, as text if HELLO failed, else as the message that it is."""
    code = message.code
    if not isinstance(code, ErrorCode):
        raise OpenFlowError(BadRequest.BAD_LEN)  # what the peer says of an error that it does not know
    name = code.name
    if code in (HelloFailed.INCOMPATIBLE, HelloFailed.EPERM):
        text = printable(message.data.decode("utf-8", "surrogateescape").removesuffix(" "))
        return f" {name}\n{text}\n" if text else f" {name}\n"
    if style.print_message is None:
        return f" {name}\n"
    return f" {name}\n{style.print_message(message.data, 1)}"


@prints(EchoRequest, EchoReply)
def echo(message: EchoRequest | EchoReply, dialect: Dialect, style: Style) -> str:
    """How much it carries; with more verbosity, what."""
    text = f" {len(message.data)} bytes of payload\n"
    return text + hex_dump(message.data) if style.verbosity > 1 else text
