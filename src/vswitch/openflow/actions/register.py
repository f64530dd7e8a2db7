"""Actions on any field: set, load, move, push, pop, delete, and output to the port that a field holds.

Fields are named on the wire by their OXM or NXM headers.  `set_field` sets a whole field, under a mask since OpenFlow 1.5;
before that, masks and parts of fields travel as Nicira's reg_load.

Sources: OpenFlow 1.5.1, 7.2.6.7 (set_field, copy_field); OVS nicira-ext.h; ovs-actions(7), "Field Modification Actions".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from vswitch.base.bits import ones
from vswitch.base.errors import TextError
from vswitch.base.text import parse_u16
from vswitch.flow.field import Field, Port16
from vswitch.flow.fields import FIELDS, TUN_METADATA
from vswitch.flow.match import parse_value
from vswitch.flow.ports import to_16
from vswitch.flow.subfield import (
    Subfield,
    check_fits,
    coded,
    find_field,
    parse_typed,
    parts_of,
    split_subfield,
    typed,
)
from vswitch.flow.texts import DECIMAL, HEX, hexadecimal, leading_digits
from vswitch.openflow.actions.base import Action, action, encode_actions, frame, nx
from vswitch.openflow.codec import VENDORS, Code
from vswitch.openflow.errors import BadAction, BadRequest, OpenFlowError
from vswitch.openflow.names import Names
from vswitch.openflow.version import OF11, OF12, OF15
from vswitch.openflow.wirefield import (
    can_be,
    decode_bits,
    decode_entry,
    decode_header,
    decode_nxm_header,
    decode_part,
    encode_entry,
    encode_header,
)

VLAN_PRESENT = 0x1000  # OFPVID12_PRESENT: in OpenFlow 1.2 and later, part of a VLAN id that is there
_SET_FIELD = Code(0, 25, OF12, OF15)
_COPY_FIELD = Code(0, 28, OF15, OF15)
_REG_LOAD = struct.Struct("!H")
_COPY15 = struct.Struct("!HHH2x")


def _ofs_nbits(part: Subfield) -> int:
    return part.start << 6 | part.n_bits - 1


def encode_reg_load(field: Field, value: int, mask: int | None = None) -> bytes:
    """Nicira's reg_load actions, one for each run of ones in `mask`, that set `field` under `mask`."""
    out = b""
    for start, n_bits in _runs(ones(field.bits) if mask is None else mask & ones(field.bits)):
        part = value >> start & (1 << n_bits) - 1
        out += frame(
            nx(7),
            _REG_LOAD.pack(start << 6 | n_bits - 1) + encode_header(field, None) + part.to_bytes(8, "big"),
        )
    return out


def _runs(mask: int) -> Iterator[tuple[int, int]]:
    """(start, length) of each run of ones, at most 64 long, from the lowest."""
    start = 0
    while mask >> start:
        start += ((mask >> start) & -(mask >> start)).bit_length() - 1
        rest = mask >> start
        n_bits = min((~rest & rest + 1).bit_length() - 1, 64)
        yield start, n_bits
        start += n_bits


def encode_set_field(version: int, field: Field, value: int, mask: int | None = None) -> bytes:
    """OpenFlow's set_field; with a mask only since OpenFlow 1.5, before that Nicira's."""
    whole = coded(Subfield(field))
    if whole.field is field:
        return frame(_SET_FIELD, encode_entry(field, value, mask, version))
    bits = field.ones if mask is None else mask
    entry = encode_entry(whole.field, value << whole.start, bits << whole.start, version)
    return frame(_SET_FIELD if version >= OF15 else nx(33), entry)


def needs_entry(field: Field) -> bool:
    """Whether reg_load cannot name `field`: as long as its value says, or of an experimenter's type."""
    return field in TUN_METADATA or len(encode_header(field, None)) > 4


def is_whole(field: Field, mask: int) -> bool:
    """Whether `mask` has all bits that `field` takes on the wire."""
    return mask == (1 << 8 * field.size) - 1


# What has no type, by the names of OpenFlow 1.0, and what has; and the bit that says that there is a tag.
_SINCE_OXM = {
    FIELDS["dl_vlan"]: (FIELDS["vlan_vid"], 0x1000),
    FIELDS["dl_vlan_pcp"]: (FIELDS["vlan_pcp"], 0),
}


@action("set_field", "OF1.2+(25), NX1.0-1.4(33)")
class SetField(Action):
    """Set the bits `mask` of `field` to those of `value`; without a mask, all of it."""

    field: Field
    value: int
    mask: int | None = None

    @property
    def target(self) -> Field | None:
        """The field."""
        return self.field

    def encode(self, version: int) -> bytes:
        """set_field where the version can say it; older actions otherwise."""
        if self.field in _SINCE_OXM:  # OpenFlow 1.0's names have no types
            field, present = _SINCE_OXM[self.field]
            return SetField(field, self.value | present).encode(version)
        if version >= OF15 or (version >= OF12 and self.mask is None) or not self.field.codes:
            return encode_set_field(version, self.field, self.value, self.mask)
        if version <= OF11 and self.mask in (None, self.field.ones):
            from vswitch.openflow.actions.legacy import legacy_forms

            if legacy := legacy_forms(self.field, self.value, version):
                return encode_actions(version, legacy)
        if needs_entry(self.field):
            return frame(nx(33), encode_entry(self.field, self.value, self.mask, version))
        return encode_reg_load(self.field, self.value, self.mask)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """One OXM entry; masks are OpenFlow 1.5's."""
        field, value, mask, end = decode_entry(data, start)  # Nicira's in the place of the padding
        if mask is not None and version < OF15 and not code.vendor:
            raise OpenFlowError(BadAction.BAD_SET_MASK)
        if any(data[end:]):
            raise OpenFlowError(BadAction.BAD_SET_ARGUMENT)
        if not field.writable:
            why = f"destination field {field.name} is not writable"
            raise OpenFlowError(BadAction.BAD_SET_ARGUMENT, why, "ofp_actions")
        if not can_be(field, value) or field is _IN_PORT or (field is _VLAN_VID and not value & VLAN_PRESENT):
            raise OpenFlowError(BadAction.BAD_SET_ARGUMENT)
        parts = [] if mask is None else parts_of(field, mask)
        if len(parts) == 1:
            (field, mask), whole = parts[0], field
            value >>= field.offset - whole.offset
        return cls(field, value, None if mask is None or is_whole(field, mask) else mask)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`VALUE[/MASK]->FIELD`."""
        text, name = _split_arrow(arg)
        field = FIELDS.get(name)
        if field is None:
            raise TextError(f"{name} is not a valid OXM field name", name)
        if not field.writable:
            raise TextError(f"{name} is read-only", arg)
        value, mask = parse_value(field, text, names.ports)
        if isinstance(field, Port16):
            value = to_16(value)
        if value & ~field.ones:
            raise TextError(f"{text} is not a valid value for field {field.name}", arg)
        plain = field is _TUN_FLAGS and _MASKED.isdisjoint(text)
        return cls(field, value & mask, None if plain or is_whole(field, mask) else mask)

    def format(self, names: Names) -> str:
        """`set_field:0x5->reg0`."""
        mask = (1 << 8 * self.field.size) - 1 if self.mask is None else self.mask
        return f"set_field:{_format_value(self.field, self.value, mask, names)}->{self.field.name}"


_MASKED = frozenset("+-/")


def _format_value(field: Field, value: int, mask: int, names: Names) -> str:
    """What is set, where that reads differently from what is matched."""
    if not mask:
        return "ANY"
    if field is _TUN_FLAGS:
        return "oam" if value else "0"
    if field.text in (DECIMAL, HEX) and mask == field.ones and not is_whole(field, mask):
        return f"{field.text.format(field, value, mask, {})}/{mask:#x}"
    if (field.text is DECIMAL or isinstance(field, Port16)) and mask & field.ones != field.ones:
        return f"{value}/{mask:#x}"
    if field in TUN_METADATA:  # under a mask, all bytes of an option are not all that it may have
        return HEX.format(field, value, mask, names.port_names)
    return field.text.format(field, value, mask, names.port_names)


_TUN_FLAGS = FIELDS["tun_flags"]
# The peer, too, reads set_field of in_port_oxm and refuses it on the wire; load it can.
_IN_PORT, _VLAN_VID = FIELDS["in_port_oxm"], FIELDS["vlan_vid"]


def _split_arrow(arg: str) -> tuple[str, str]:
    """What is before `->` and what is after it."""
    value, arrow, name = arg.partition("->")
    if not arrow:
        raise TextError(f"{arg}: missing `->'", arg)
    if not name:
        raise TextError(f"{arg}: missing field name following `->'", arg)
    return value, name


@action("load", "NX1.0-1.4(7)")
class Load(Action):
    """Set the bits of `dst` to `value`: Nicira's reg_load."""

    dst: Subfield
    value: int

    @property
    def target(self) -> Field | None:
        """The field that `dst` is part of."""
        return self.dst.field

    def encode(self, version: int) -> bytes:
        """set_field under a mask since OpenFlow 1.5."""
        dst = coded(self.dst)
        mask = ones(dst.n_bits) << dst.start
        kept = None if is_whole(dst.field, mask) else mask
        if version >= OF15:
            return encode_set_field(version, dst.field, self.value << dst.start, kept)
        if needs_entry(dst.field):
            return frame(nx(33), encode_entry(dst.field, self.value << dst.start, kept, version))
        if dst.n_bits > 64:
            return encode_reg_load(dst.field, self.value << dst.start, ((1 << dst.n_bits) - 1) << dst.start)
        body = _REG_LOAD.pack(_ofs_nbits(dst)) + encode_header(dst.field, None)
        return frame(nx(7), body + self.value.to_bytes(8, "big"))

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Refuse values that do not fit and fields that cannot be written."""
        if len(data) != 24:
            raise OpenFlowError(BadAction.BAD_LEN)
        (ofs_nbits,) = _REG_LOAD.unpack_from(data, 10)
        dst = decode_bits(decode_nxm_header(data[12:16]), ofs_nbits, written=True)
        value = int.from_bytes(data[16:], "big")
        if value >> dst.n_bits:
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        return cls(dst, value)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`VALUE->SUBFIELD`."""
        text, name = _split_arrow(arg)
        dst = parse_typed(name)
        value, end = leading_digits(text, dst.field.size)
        if value is None or not end:
            raise TextError(f"{arg}: cannot parse integer value", arg)
        check_fits(dst, value, arg)
        return cls(dst, value)

    def format(self, names: Names) -> str:
        """`load:0x5->NXM_NX_REG0[0..3]`."""
        return f"load:{hexadecimal(self.value)}->{self.dst}"


@action("move", "NX1.0-1.4(6), OF1.5+(28), ONF1.3-1.4(3200)")
class Move(Action):
    """Copy the bits of `src` to `dst`, which are equally wide."""

    src: Subfield
    dst: Subfield

    @property
    def target(self) -> Field | None:
        """The field that `dst` is part of."""
        return self.dst.field

    def encode(self, version: int) -> bytes:
        """copy_field since OpenFlow 1.5."""
        src, dst = coded(self.src), coded(self.dst)
        if version >= OF15:
            headers = encode_header(src.field, version) + encode_header(dst.field, version)
            return frame(_COPY_FIELD, _COPY15.pack(src.n_bits, src.start, dst.start) + headers)
        headers = encode_header(src.field, None) + encode_header(dst.field, None)
        return frame(nx(6), struct.pack("!HHH", src.n_bits, src.start, dst.start) + headers)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Numbers, then two headers."""
        numbers_at, headers_at = (4, 12) if not code.vendor else (10, 16)
        if code.vendor == VENDORS["ONF"]:
            numbers_at, headers_at = 12, 20
        if len(data) < headers_at:
            raise OpenFlowError(BadAction.BAD_LEN)
        n_bits, src_ofs, dst_ofs = struct.unpack_from("!HHH", data, numbers_at)
        src, at = decode_header(data, headers_at)
        dst, at = decode_header(data, at)
        if any(data[at:]):
            raise OpenFlowError(BadRequest.MUST_BE_ZERO)
        return cls(decode_part(src, src_ofs, n_bits), decode_part(dst, dst_ofs, n_bits, written=True))

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`SRC->DST`."""
        src, rest = split_subfield(arg)
        if not rest.startswith("->"):
            raise TextError(f"{arg}: missing `->' following source", arg)
        dst = parse_typed(rest[2:])
        typed(src, arg)
        if src.n_bits != dst.n_bits:
            raise TextError(
                f"{arg}: source field is {src.n_bits} bits wide but destination is {dst.n_bits} bits wide",
                arg,
            )
        return cls(src, dst)

    def format(self, names: Names) -> str:
        """`move:NXM_NX_REG0[]->NXM_NX_REG1[]`."""
        return f"move:{self.src}->{self.dst}"


def _encode_stack(number: int, part: Subfield) -> bytes:
    part = coded(part)
    header = encode_header(part.field, None)
    return frame(
        nx(number),
        struct.pack("!H", part.start) + header + struct.pack("!H", part.n_bits) + bytes(10 - len(header)),
    )


def _decode_stack(data: bytes, written: bool = False) -> Subfield:
    if len(data) != 24:
        raise OpenFlowError(BadAction.BAD_LEN)
    (start,) = struct.unpack_from("!H", data, 10)
    field, at = decode_header(data, 12)
    if len(data) - at < 2:
        raise OpenFlowError(BadAction.BAD_LEN)
    (n_bits,) = struct.unpack_from("!H", data, at)
    if any(data[at + 2 :]):
        raise OpenFlowError(BadRequest.MUST_BE_ZERO)
    return decode_part(field, start, n_bits, written)


def _parse_stack(arg: str) -> Subfield:
    part, rest = split_subfield(arg)
    if rest:
        raise TextError(f"{rest}: trailing garbage following push or pop", arg)
    return typed(part, arg)


@action("push", "NX1.0+(27)")
class StackPush(Action):
    """Push the bits of `src` onto a stack."""

    src: Subfield

    def encode(self, version: int) -> bytes:
        """Start, header, width."""
        return _encode_stack(27, self.src)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Start, header, width."""
        return cls(_decode_stack(data))

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """A subfield."""
        return cls(_parse_stack(arg))

    def format(self, names: Names) -> str:
        """`push:NXM_NX_REG0[]`."""
        return f"push:{self.src}"


@action("pop", "NX1.0+(28)")
class StackPop(Action):
    """Pop what was pushed last into the bits of `dst`."""

    dst: Subfield

    def encode(self, version: int) -> bytes:
        """Start, header, width."""
        return _encode_stack(28, self.dst)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Start, header, width."""
        return cls(_decode_stack(data, written=True))

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """A subfield."""
        return cls(_parse_stack(arg))

    def format(self, names: Names) -> str:
        """`pop:NXM_NX_REG0[]`."""
        return f"pop:{self.dst}"


@action("delete_field", "NX1.0+(50)")
class DeleteField(Action):
    """Remove a tunnel option."""

    field: Field

    def encode(self, version: int) -> bytes:
        """A header, padded."""
        return frame(nx(50), encode_header(self.field, None).ljust(14, b"\0"))

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """A header, padded."""
        if len(data) != 24:
            raise OpenFlowError(BadAction.BAD_LEN)
        field, _ = decode_header(data, 10)
        return cls(field)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """The name of a tunnel option's field."""
        field = find_field(arg)
        if field is None:
            raise TextError(f"unknown field `{arg}'", arg)
        return cls(field)

    def format(self, names: Names) -> str:
        """`delete_field:tun_metadata0`."""
        return f"delete_field:{self.field.name}"


@action("output_reg", "NX1.0+(15), NX1.0+(32)")
class OutputReg(Action):
    """Send the packet to the port whose number is in `src`; `max_len` is for controllers."""

    src: Subfield
    max_len: int = 0xFFFF

    def encode(self, version: int) -> bytes:
        """The second form is for fields with long headers."""
        src = coded(self.src)
        header = encode_header(src.field, None)
        if len(header) == 4:
            return frame(
                nx(15), struct.pack("!H", _ofs_nbits(src)) + header + struct.pack("!H6x", self.max_len)
            )
        return frame(nx(32), struct.pack("!HH", _ofs_nbits(src), self.max_len) + header.ljust(10, b"\0"))

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Either form."""
        if len(data) != 24:
            raise OpenFlowError(BadAction.BAD_LEN)
        (ofs_nbits,) = struct.unpack_from("!H", data, 10)
        if code.number == 15:
            (max_len,) = struct.unpack_from("!H", data, 16)
            if any(data[18:]):
                raise OpenFlowError(BadAction.BAD_ARGUMENT)
            field = decode_nxm_header(data[12:16])
        else:
            (max_len,) = struct.unpack_from("!H", data, 12)
            field, at = decode_header(data, 14)
            if any(data[at:]):
                raise OpenFlowError(BadRequest.MUST_BE_ZERO)
        return cls(decode_bits(field, ofs_nbits), max_len)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """A subfield."""
        try:
            return cls(parse_typed(arg))
        except TextError:
            raise TextError(f"{arg}: output to unknown port", arg) from None

    def format(self, names: Names) -> str:
        """`output:NXM_NX_REG0[0..15]`."""
        return f"output:{self.src}"


@action("check_pkt_larger", "NX1.0+(49)")
class CheckPktLarger(Action):
    """Set the bit `dst` to whether the packet is longer than `pkt_len` bytes."""

    pkt_len: int
    dst: Subfield

    def encode(self, version: int) -> bytes:
        """Length, bit, header."""
        dst = coded(self.dst)
        body = struct.pack("!HH", self.pkt_len, dst.start) + encode_header(dst.field, None)
        return frame(nx(49), body.ljust(14, b"\0"))

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Length, bit, header."""
        if len(data) < 24:
            raise OpenFlowError(BadAction.BAD_LEN)
        pkt_len, ofs = struct.unpack_from("!HH", data, 10)
        field, at = decode_header(data, 14)
        if any(data[at:]):
            raise OpenFlowError(BadRequest.MUST_BE_ZERO)
        return cls(pkt_len, decode_part(field, ofs, 1, written=True))

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`(LEN)->BIT`, or `:LEN->BIT`."""
        closed = ")->" in arg
        if not closed and ("->" not in arg or ")" in arg.partition("->")[0]):
            raise TextError(f"{arg.partition(')')[0]}: missing `->'", arg)
        text, name = _split_arrow(arg)
        dst = parse_typed(name)
        if dst.n_bits != 1:
            raise TextError("Only 1-bit destination field is allowed", arg)
        return cls(parse_u16(text.rpartition(")")[0] if closed else text, "pkt_len"), dst)

    def format(self, names: Names) -> str:
        """`check_pkt_larger(1500)->NXM_NX_REG0[0]`."""
        return f"check_pkt_larger({self.pkt_len})->{self.dst}"
