"""Commands about single words of OpenFlow: errors, HELLO, and pairs of keys and values.

Sources: `ovs-ofctl print-error`, `encode-error-reply`, `encode-hello`, `parse-key-value`.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.options import CommandError, Given
from vswitch.base.text import c_number, key_values
from vswitch.cli.command import log_error
from vswitch.cli.ofctl.table import command
from vswitch.openflow.errors import (
    EXPERIMENTER_ERROR_TYPE,
    BadRequest,
    ErrorCode,
    OpenFlowError,
    WireCode,
    by_name,
)
from vswitch.openflow.message import HEADER, encode
from vswitch.openflow.messages.hello import Error, Hello, reply_to
from vswitch.openflow.oxmtext import take_hex
from vswitch.openflow.printing.base import hex_dump
from vswitch.openflow.text import print_message
from vswitch.openflow.version import ALL_VERSIONS, OF10, OF12, OF15, Version


@command("print-error", "ERROR")
def print_error(given: Given, name: str) -> Iterator[str]:
    """The numbers of an error in each version."""
    error = _error(name)
    for version in sorted(ALL_VERSIONS):
        wire = error.on_wire(version)
        if wire is None:
            continue
        vendor, kind, code = wire
        if vendor and version >= OF12:
            kind, code = code, 0  # since then a vendor's errors have one number
        yield f"OpenFlow 1.{version - 1}: vendor {vendor:#x}, type {kind}, code {code}".replace(
            " 0x0,", " 0,"
        )


def _error(name: str) -> ErrorCode:
    error = by_name(name)
    if error is None:
        raise CommandError(f'unknown error "{name}"')
    return error


@command("encode-error-reply", "ERROR REQUEST")
def encode_error_reply(given: Given, name: str, digits: str) -> Iterator[str]:
    """The message with which a switch answers a request, given in hexadecimal, that has this error."""
    error = _error(name)
    request, rest = take_hex(digits)
    if rest.strip():
        raise CommandError("Trailing garbage in hex data")
    if len(request) < HEADER.size:
        raise CommandError("Request too short")
    version, _, length, xid = HEADER.unpack_from(request)
    if length != len(request):
        raise CommandError("Request size inconsistent")
    known = version if OF10 <= version <= OF15 else OF10
    if version != known:
        log_error("ofp_errors", f"cannot encode error for unknown OpenFlow version {version:#04x}")
    if error.on_wire(known) is None:
        log_error("ofp_errors", f"cannot encode {error.name} for OpenFlow 1.{known - 1}")
        error = BadRequest.UNENCODABLE_ERROR
    reply, wire = reply_to(OpenFlowError(error), request), error.on_wire(known)
    if version > OF15 and wire is not None and wire.vendor:
        # OpenFlow 1.0's numbers in the form of OpenFlow 1.2, which has no room for one of them.
        code = WireCode(0, EXPERIMENTER_ERROR_TYPE, wire.type)
        reply = Error(code, wire.vendor.to_bytes(4, "big") + reply.data)
    yield _dump(encode(reply, known, xid))


@command("encode-hello", "BITMAP")
def encode_hello(given: Given, bitmap: str) -> Iterator[str]:
    """The HELLO of who speaks the versions whose bits are set, and what it says."""
    versions = _bits(bitmap)
    if not versions:
        raise CommandError(f"{bitmap}: no OpenFlow version is in this bitmap")
    data = encode(Hello(versions), max(versions), 1)
    yield _dump(data)
    yield print_message(data).rstrip("\n")


def _bits(text: str) -> frozenset[Version]:
    """The versions whose bits `text`, in C's notation, has."""
    number, _ = c_number(text)
    return frozenset(version for version in ALL_VERSIONS if number >> version & 1)


def _dump(data: bytes) -> str:
    return hex_dump(data, characters=False).rstrip("-\n")


@command("parse-key-value", "STRING...")
def parse_key_value(given: Given, *texts: str) -> Iterator[str]:
    """The keys and values of each text."""
    for text in texts:
        yield ", ".join(f"{key}={value}" if value else key for key, value in key_values(text))
