"""Adding and removing outer headers of any type: encap and decap.

Sources: OVS nicira-ext.h (nx_action_encap, nx_action_decap, ofp_ed_prop_*); ovs-actions(7), "Encapsulation".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from vswitch.base.errors import TextError
from vswitch.base.pattern import pattern
from vswitch.base.scan import Number, scan
from vswitch.base.text import key_values, parse_u8, parse_u16
from vswitch.openflow.actions.base import Action, action, frame, nx
from vswitch.openflow.codec import Code, padded
from vswitch.openflow.errors import BadAction, OpenFlowError
from vswitch.openflow.names import Names
from vswitch.openflow.value import Value, value
from vswitch.packet.numbers import ETH_MPLS, ETH_MPLS_MC, ETH_NSH

PT_ETH, PT_NSH, PT_MPLS, PT_MPLS_MC = 0, 1 << 16 | ETH_NSH, 1 << 16 | ETH_MPLS, 1 << 16 | ETH_MPLS_MC
N_NAMESPACES = 5  # of packet types, that OpenFlow knows
PT_USE_NEXT_PROTO = 0x0000FFFE  # decap: what the removed header says is next
_TYPES: Mapping[int, str] = {PT_ETH: "ethernet", PT_NSH: "nsh", PT_MPLS: "mpls", PT_MPLS_MC: "mpls_mc"}
_HEAD, _ENCAP = struct.Struct("!HBB"), struct.Struct("!HI")
_NSH_CLASS, _MD_TYPE, _TLV = 4, 1, 2
MD1, MD2 = 1, 2


@value
class NshMdType(Value):
    """What kind of context headers NSH has; of several the last counts."""

    md_type: int

    def encode(self) -> bytes:
        """A property of one byte, padded."""
        return _HEAD.pack(_NSH_CLASS, _MD_TYPE, 8) + bytes([self.md_type, 0, 0, 0])

    def __str__(self) -> str:
        return f"md_type={self.md_type}"


@value
class NshTlv(Value):
    """A context header of NSH metadata type 2."""

    tlv_class: int
    tlv_type: int
    data: bytes
    padding: bytes = b""  # what came after the data, if not zeros

    def encode(self) -> bytes:
        """A property with a header of its own inside."""
        head = struct.pack("!HBB", self.tlv_class, self.tlv_type, len(self.data))
        body = head + padded(self.data + self.padding)
        return _HEAD.pack(_NSH_CLASS, _TLV, _HEAD.size + len(body)) + body

    def __str__(self) -> str:
        return f"tlv(0x{self.tlv_class:04x},{self.tlv_type},{hexadecimal_of(self.data)})"


def hexadecimal_of(data: bytes) -> str:
    """Bytes as one number: the peer leaves out zeros in front, and so how many bytes there are."""
    return f"0x{data.hex().lstrip('0')}" if any(data) else "0"


@action("encap", "NX1.3+(46)")
class Encap(Action):
    """Add an outer header of `packet_type`; properties are NSH's."""

    packet_type: int
    properties: tuple[NshMdType | NshTlv, ...] = ()
    header_size: int = 0  # bytes of the header, of which nobody makes use; 0: not said

    def encode(self, version: int) -> bytes:
        """Properties after the type.  Versions before OpenFlow 1.3 have no such action."""
        if self.code(version) is None:
            return b""
        props = b"".join(prop.encode() for prop in self.properties)
        return frame(nx(46), _ENCAP.pack(self.header_size, self.packet_type) + props)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Refuse types and properties that we do not know."""
        if len(data) < 16:
            raise OpenFlowError(BadAction.BAD_LEN)
        header_size, packet_type = _ENCAP.unpack_from(data, start)
        if packet_type not in _TYPES:
            raise OpenFlowError(BadAction.BAD_HEADER_TYPE)
        found: list[NshMdType | NshTlv] = []
        at = 16
        while at < len(data):
            prop, at = _decode_property(data, at)
            found.append(prop)
        return cls(packet_type, tuple(found), header_size)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`ethernet`, `nsh(md_type=1)`, `mpls`; what follows the first does not count."""
        for key, text in key_values(arg):
            packet_type = next((number for number, name in _TYPES.items() if name == key), None)
            if packet_type is None:
                raise TextError(f"Encap hdr not supported: {text}", arg)
            return cls(packet_type, tuple(_parse_properties(packet_type, text)))
        raise TextError("Missing encap hdr: ", arg)

    def format(self, names: Names) -> str:
        """`encap(nsh(md_type=1))`."""
        words = ",".join(map(str, self.properties))
        return f"encap({_TYPES[self.packet_type]}{f'({words})' if words else ''})"


def _decode_property(data: bytes, at: int) -> tuple[NshMdType | NshTlv, int]:
    """The property at byte `at`, and where it ends."""
    kind, number, size = _HEAD.unpack_from(data, at)
    end = at + (size + 7) // 8 * 8
    if size < 4 or end > len(data):
        raise OpenFlowError(BadAction.BAD_LEN)
    if kind != _NSH_CLASS or number not in (_MD_TYPE, _TLV):
        raise OpenFlowError(BadAction.UNKNOWN_ED_PROP)
    if number == _MD_TYPE:
        if end - at != 8:  # whether padding is counted or not
            raise OpenFlowError(BadAction.BAD_ED_PROP)
        return NshMdType(data[at + 4]), end
    tlv_class, tlv_type, length = struct.unpack_from("!HBB", data, at + 4)
    if size != 8 + (length + 7) // 8 * 8:
        raise OpenFlowError(BadAction.BAD_ED_PROP)
    rest = at + 8 + length
    return NshTlv(tlv_class, tlv_type, data[at + 8 : rest], data[rest:end].rstrip(b"\0")), end


_NSH_HEX = pattern(r"([0-9a-fA-F]+)")
_NSH_TLV = ("0x", Number(16, 16), ",", Number(10, 8), ",0x")


def _parse_properties(packet_type: int, text: str) -> Iterator[NshMdType | NshTlv]:
    for key, arg in key_values(text):
        if packet_type != PT_NSH or key not in ("md_type", "tlv"):
            raise TextError(f"Invalid property: {key}", text)
        if not arg:
            raise TextError("Value missing for encap property", text)
        if key == "md_type":
            md_type = parse_u8(arg, "md_type")
            if md_type not in (MD1, MD2):
                raise TextError("invalid md_type", text)
            yield NshMdType(md_type)
            continue
        found = scan(arg, _NSH_TLV)
        digits = found and _NSH_HEX.match(arg, found[1])
        if not found or not digits:
            raise TextError(f"Invalid NSH TLV header: {arg}", text)
        data = bytes.fromhex(digits[1][: len(digits[1]) & ~1])  # half a byte is none
        yield NshTlv(found[0][0], found[0][1], data)


@action("decap", "NX1.3+(47)")
class Decap(Action):
    """Remove the outer header; what is left is of `packet_type`."""

    packet_type: int = PT_USE_NEXT_PROTO

    def encode(self, version: int) -> bytes:
        """A type, after padding; also where a version has no such action, and will say so."""
        return frame(nx(47), struct.pack("!2xI", self.packet_type))

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """A type, after padding."""
        if len(data) < 16:
            raise OpenFlowError(BadAction.BAD_LEN)
        if len(data) > 16:
            raise OpenFlowError(BadAction.UNKNOWN_ED_PROP)
        return cls(*struct.unpack_from("!2xI", data, start))

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """Nothing, or `packet_type(ns=N,type=N)`; what follows does not count."""
        for key, text in key_values(arg):
            if key != "packet_type":
                raise TextError(f"Invalid decap argument: {key}", arg)
            words = [*key_values(text), ("", ""), ("", "")]
            numbers = []
            for name, (found, number) in zip(("ns", "type"), words, strict=False):
                if found != name:
                    raise TextError(f"Missing packet_type attribute {name}", arg)
                numbers.append(parse_u16(number, name))
                if numbers[0] >= N_NAMESPACES:
                    raise TextError(f"Unsupported ns value: {numbers[0]}", arg)
            return cls(numbers[0] << 16 | numbers[1])
        return cls()

    def format(self, names: Names) -> str:
        """`decap()`, `decap(packet_type(ns=0,type=0x894f))`."""
        if self.packet_type == PT_USE_NEXT_PROTO:
            return "decap()"
        ns, number = self.packet_type >> 16, self.packet_type & 0xFFFF
        return (
            f"decap(packet_type(ns={ns},type={number:#x}))"
            if number
            else f"decap(packet_type(ns={ns},type=0))"
        )
