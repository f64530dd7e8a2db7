"""Fields on the wire inside actions: an OXM or NXM header alone, or with a value and a mask.

      0       2           3        4                    8
      +-------+-----------+--------+--------------------+---------+--------+
      | class | field, hm | length | [experimenter ID]  | value   | [mask] |     length counts what follows it
      +-------+-----------+--------+--------------------+---------+--------+

Sources: OpenFlow 1.5.1, 7.2.3.2 to 7.2.3.5; OVS lib/nx-match.c for the errors.
"""

from __future__ import annotations

import struct
from functools import cache

from vswitch.flow.codes import EXPERIMENTER, Code, by_number, code_for, codes_of
from vswitch.flow.field import Field
from vswitch.flow.fields import CT_STATE, FIELDS, NSH_MDTYPE, NSH_TTL, TUN_METADATA
from vswitch.flow.ports import is_valid
from vswitch.flow.subfield import Subfield, part_of
from vswitch.flow.texts import hexadecimal
from vswitch.openflow.errors import BadAction, BadMatch, OpenFlowError

_HEADER = struct.Struct("!HBB")


@cache
def encode_header(field: Field, version: int | None, masked: bool = False) -> bytes:
    """The header of `field` in `version`; None: Nicira's actions use the oldest that it has."""
    code = codes_of(field)[0] if version is None else code_for(field, version)
    assert code is not None, f"{field.name} has no header"
    size = field.size * (2 if masked else 1)
    if code.experimenter:
        head = _HEADER.pack(EXPERIMENTER, code.number << 1 | masked, size + 4)
        return head + code.experimenter.to_bytes(4, "big")
    return _HEADER.pack(code.oxm_class, code.number << 1 | masked, size)


def decode_header(data: bytes, at: int) -> tuple[Field, int]:
    """The field whose header is at byte `at`, and where the header ends."""
    code, size, masked, end = _split(data, at)
    if not _fits(code, size, masked):
        raise OpenFlowError(BadMatch.BAD_FIELD, f"{code.field.name} of {size} bytes")
    if masked:
        raise OpenFlowError(BadMatch.BAD_MASK, code.field.name)
    return code.field, end


def decode_nxm_header(header: bytes) -> Field:
    """The field that the four bytes `header` name; those of Nicira's first actions have no experimenters'."""
    oxm_class, number, size = _HEADER.unpack(header)
    code = by_number().get((oxm_class, 0, number >> 1))
    if code is None or not _fits(code, size, bool(number & 1)):
        raise OpenFlowError(BadAction.BAD_SET_TYPE, f"header {header.hex()}")
    return code.field


def decode_part(field: Field, start: int, n_bits: int, written: bool = False) -> Subfield:
    """The subfield that an action names; an action that writes it may not name one that can only be read."""
    part = Subfield(field, start, n_bits)
    check_range(part)
    if written and not field.writable:
        raise OpenFlowError(BadAction.BAD_SET_ARGUMENT, f"destination field {field.name} is not writable")
    return part_of(field, start, n_bits)


def check_range(part: Subfield) -> None:
    """OFPBAC_BAD_SET_LEN if the field of `part` has no such bits."""
    start, end = part.start, part.start + part.n_bits
    if start == end or end > part.field.bits:
        raise OpenFlowError(BadAction.BAD_SET_LEN, f"bits {start} to {end} of {part.field.name}")


def decode_bits(field: Field, ofs_nbits: int, written: bool = False) -> Subfield:
    """The same, with start and width in one number of 16 bits: ten and six."""
    return decode_part(field, ofs_nbits >> 6, (ofs_nbits & 0x3F) + 1, written)


def decode_type(data: bytes, at: int) -> tuple[Field, bool, int]:
    """The field whose header is at byte `at`, whether the header promises a mask, and where it ends."""
    code, size, masked, end = _split(data, at)
    if not _fits(code, size, masked):
        raise OpenFlowError(BadMatch.BAD_FIELD, f"{code.field.name} of {size} bytes")
    return code.field, masked, end


def encode_entry(field: Field, value: int, mask: int | None, version: int) -> bytes:
    """A header, value and mask."""
    size, head = field.size, encode_header(field, version, mask is not None)
    if field in TUN_METADATA:  # as long as what is said
        size = max(1, -(-(value if mask is None else mask).bit_length() // 8))
        head = head[:3] + bytes([size if mask is None else 2 * size])
    data = head + value.to_bytes(size, "big")
    return data if mask is None else data + mask.to_bytes(size, "big")


def decode_entry(data: bytes, at: int) -> tuple[Field, int, int | None, int]:
    """The field, value and mask whose entry is at byte `at`, and where the entry ends."""
    try:
        begin = at
        code, size, masked, at = _split(data, at)
    except OpenFlowError as error:
        raise OpenFlowError(
            BadAction.BAD_SET_TYPE if error.code is BadMatch.BAD_FIELD else error.code
        ) from None
    if not _fits(code, size, masked):
        raise OpenFlowError(BadAction.BAD_SET_LEN if size else BadAction.BAD_SET_TYPE, code.field.name)
    if at + size > len(data):
        raise OpenFlowError(BadMatch.BAD_LEN)
    if not masked:
        return code.field, int.from_bytes(data[at : at + size], "big"), None, at + size
    middle, end = at + size // 2, at + size
    value, mask = int.from_bytes(data[at:middle], "big"), int.from_bytes(data[middle:end], "big")
    if value & ~mask:
        raise wildcards_error(data, begin)
    return code.field, value, mask, end


def decode_listed(data: bytes, at: int) -> tuple[Field, int, int]:
    """A field in a list of fields, with what is in the place of a value, and where it ends; there are no masks."""
    code, size, start, end = None, 0, at, len(data)
    try:
        code, size, _, start = _split(data, at)
    except OpenFlowError as error:
        if error.code is not BadMatch.BAD_FIELD:
            raise
        size, start = data[at + 3], at + 4
    if start + size > end:
        raise OpenFlowError(BadMatch.BAD_LEN)
    if data[at + 2] & 1:
        middle, half = start + size // 2, size // 2
        if int.from_bytes(data[start:middle], "big") & ~int.from_bytes(data[middle : middle + half], "big"):
            raise wildcards_error(data, at)
        raise OpenFlowError(BadMatch.BAD_MASK)
    if code is None:
        raise OpenFlowError(BadMatch.BAD_FIELD)
    if not _fits(code, size, False):
        raise OpenFlowError(BadMatch.BAD_FIELD, f"{code.field.name} of {size} bytes")
    return code.field, int.from_bytes(data[start : start + size], "big"), start + size


def _fits(code: Code, size: int, masked: bool) -> bool:
    """Whether a payload of `size` bytes can be one of the field; those of tunnel options have any size."""
    length = size // 2 if masked else size
    return length == code.field.size or (length < _MAX_OPTION and code.field in TUN_METADATA)


def _header_text(data: bytes, at: int) -> str:
    """The header at byte `at`, as the log tells it: experimenter, class, field, mask bit, length."""
    oxm_class, number, size = _HEADER.unpack_from(data, at)
    experimenter = int.from_bytes(data[at + 4 : at + 8], "big") if oxm_class == EXPERIMENTER else 0
    return f"{hexadecimal(experimenter)}:{oxm_class}:{number >> 1}:{number & 1}:{size}"


def wildcards_error(data: bytes, at: int) -> OpenFlowError:
    """The error for the entry at byte `at`, whose value has bits that its mask does not cover."""
    why = f"Rejecting NXM/OXM entry {_header_text(data, at)} with 1-bits in value for bits wildcarded by the mask."
    return OpenFlowError(BadMatch.BAD_WILDCARDS, why, "nx_match")


def experimenter_error(data: bytes, at: int) -> OpenFlowError:
    """The error for the entry at byte `at`, which is too short for the experimenter that it begins with."""
    why = f"OXM header {_header_text(data, at)} has invalid length {data[at + 3]} (minimum is 8)"
    return OpenFlowError(BadMatch.BAD_LEN, why, "nx_match")


_MAX_OPTION = 128  # bytes, fewer than which the type of a tunnel option can name


_VALID = {CT_STATE: range(256), NSH_MDTYPE: (1, 2), NSH_TTL: range(64)}
_PORTS = frozenset((FIELDS["in_port_oxm"], FIELDS["actset_output"]))


def can_be(field: Field, number: int) -> bool:
    """Whether `field`, some of whose values mean nothing, can have this one."""
    if number & ~field.ones or (field in _VALID and number not in _VALID[field]):
        return False
    return field not in _PORTS or is_valid(number)


def _split(data: bytes, at: int) -> tuple[Code, int, bool, int]:
    """The type in the header at byte `at`, the size of its payload, whether it has a mask, and where the header ends."""
    if len(data) - at < 4:
        raise OpenFlowError(BadMatch.BAD_LEN)
    oxm_class, number, size = _HEADER.unpack_from(data, at)
    masked, number, experimenter = bool(number & 1), number >> 1, 0
    at += 4
    if oxm_class == EXPERIMENTER:
        if len(data) - at < 4:
            raise OpenFlowError(BadMatch.BAD_LEN)
        if size < 4:
            raise experimenter_error(data, at - 4)
        experimenter, size, at = int.from_bytes(data[at : at + 4], "big"), size - 4, at + 4
    code = by_number().get((oxm_class, experimenter, number))
    if code is None:
        raise OpenFlowError(BadMatch.BAD_FIELD, f"class {oxm_class:#x}, field {number}")
    return code, size, masked, at
