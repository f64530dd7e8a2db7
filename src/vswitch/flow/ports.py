"""OpenFlow port numbers: the reserved ones, their names, and their 16-bit form in OpenFlow 1.0.

Inside the program a port number always has the 32 bits of OpenFlow 1.1 and later; only codecs of OpenFlow 1.0 and of
Nicira's older messages see the 16-bit form, in which the reserved ports are 0xff00 and up.

Sources: OpenFlow 1.0, 5.2.1; OpenFlow 1.5.1, 7.2.1 (enum ofp_port_no); ovs-ofctl(8), "Port Names".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NewType

from vswitch.base.digits import parse_decimal
from vswitch.base.remarks import remark, remark_once
from vswitch.base.text import c_uint, quote

OfPort = NewType("OfPort", int)

OFPP_MAX = OfPort(0xFF00)  # numbers of real ports are below
OFPP_UNSET = OfPort(0xFFFFFFF7)  # actset_output: no output in the action set yet
OFPP_IN_PORT = OfPort(0xFFFFFFF8)
OFPP_TABLE = OfPort(0xFFFFFFF9)
OFPP_NORMAL = OfPort(0xFFFFFFFA)
OFPP_FLOOD = OfPort(0xFFFFFFFB)
OFPP_ALL = OfPort(0xFFFFFFFC)
OFPP_CONTROLLER = OfPort(0xFFFFFFFD)
OFPP_LOCAL = OfPort(0xFFFFFFFE)
OFPP_NONE = OfPort(0xFFFFFFFF)
OFPP_ANY = OFPP_NONE  # the name that OpenFlow 1.1 and later give it

RESERVED: Mapping[str, OfPort] = {
    "IN_PORT": OFPP_IN_PORT,
    "TABLE": OFPP_TABLE,
    "NORMAL": OFPP_NORMAL,
    "FLOOD": OFPP_FLOOD,
    "ALL": OFPP_ALL,
    "CONTROLLER": OFPP_CONTROLLER,
    "LOCAL": OFPP_LOCAL,
    "ANY": OFPP_ANY,
    "UNSET": OFPP_UNSET,
}
_FIRST_RESERVED = 0xFFFFFF00
_RESERVED_NAMES = {port: name for name, port in RESERVED.items()}
_BY_NAME = {**RESERVED, "NONE": OFPP_NONE}


def is_valid(port: int) -> bool:
    """Whether `port` is a number that a port or a reserved port can have."""
    return port < OFPP_MAX or _FIRST_RESERVED <= port <= 0xFFFFFFFF


def from_16(port: int) -> OfPort:
    """The port that has the 16-bit number `port` in OpenFlow 1.0."""
    return OfPort(port | 0xFFFF0000 if port >= OFPP_MAX else port)


def to_16(port: int) -> int:
    """The number of `port` in OpenFlow 1.0."""
    return port & 0xFFFF


def parse_port(text: str, names: Mapping[str, OfPort] | None = None) -> OfPort | None:
    """The port that `text` means: a decimal number (16- or 32-bit), a reserved name in any case, or one of `names`.

    None: there is no such port.  A name may stand in double quotes.
    """
    if text[:1] == "-":
        remark("ofp_port", f"Negative value {text} is not a valid port number.")
        return None
    number = parse_decimal(text)
    if number is None:
        number = c_uint(text)
    if number is not None:
        return OfPort(number) if number < OFPP_MAX else _reserved(number)
    reserved = _BY_NAME.get(text.upper())
    if reserved is not None:
        return reserved
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return (names or {}).get(text)


def _reserved(number: int) -> OfPort | None:
    """The port above those of real ports that `number` means; its 16-bit form is deprecated."""
    if number < to_16(OFPP_UNSET):
        remark(
            "ofp_port",
            f"port {number} is a reserved OF1.0 port number that will be translated to {from_16(number)} when talking "
            "to an OF1.1 or later controller",
        )
        return from_16(number)
    if number <= 0xFFFF:
        remark_once(
            "ofp_port",
            "reserved port",
            f"referring to port {format_port(from_16(number))} as {number} is deprecated for compatibility with "
            "OpenFlow 1.1 and later",
        )
        return from_16(number)
    if _FIRST_RESERVED <= number <= 0xFFFFFFFF:
        return OfPort(number)
    if number <= 0xFFFFFFFF:
        remark(
            "ofp_port",
            f"port {number} is outside the supported range 0 through ffff or {_FIRST_RESERVED:#x} through 0xffffffff",
        )
    return None


def format_port(port: int, names: Mapping[int, str] | None = None) -> str:
    """`port` as ovs-ofctl prints it: a reserved name, a name from `names`, or the number."""
    reserved = _RESERVED_NAMES.get(OfPort(port))
    if reserved is not None:
        return reserved
    name = (names or {}).get(port)
    if name is None:
        return str(port if port < OFPP_MAX else port & 0xFFFF)
    return quote(name)
