"""Learning: a packet that adds a flow.

The flow is described by specs, each of which takes bits of the packet, or a constant, to a match, a register load or an
output of the new flow.  On the wire a spec is:

     0        2
     +--------+------------------------------------+-------------------------+
     | header | source: field and offset, or value | destination, if a field |     0 0 | S | DD | 0 | n_bits (10)
     +--------+------------------------------------+-------------------------+     S: value; D: match, load, output

Sources: OVS nicira-ext.h (nx_action_learn, nx_action_learn2, NX_LEARN_*); ovs-actions(7), learn.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from vswitch.base.bits import ones
from vswitch.base.errors import TextError
from vswitch.base.scan import c_atoi
from vswitch.base.text import c_number, key_values
from vswitch.flow.field import Port16
from vswitch.flow.match import parse_value
from vswitch.flow.ports import to_16
from vswitch.flow.subfield import (
    Subfield,
    check_fits,
    check_short,
    coded,
    parse_subfield,
    parse_typed,
    part_of,
    typed,
)
from vswitch.flow.texts import format_exact, hexadecimal, is_exact, leading_digits, parse_digits
from vswitch.openflow.actions.base import Action, action, frame, nx
from vswitch.openflow.actions.register import Move
from vswitch.openflow.codec import Code, padded
from vswitch.openflow.errors import BadAction, OpenFlowError
from vswitch.openflow.names import NO_NAMES, Names
from vswitch.openflow.value import Value, value
from vswitch.openflow.wirefield import decode_header, decode_nxm_header, encode_header

_FIXED = struct.Struct("!HHHQHBxHH")
_FIXED2 = struct.Struct("!IHH")
# enum nx_learn_flags (NX_LEARN_F_*), and the parts of a spec's head (NX_LEARN_*)
_SEND_FLOW_REM, _DELETE_LEARNED, _WRITE_RESULT = 1, 2, 4
_IMMEDIATE, _N_BITS = 1 << 13, 0x3FF
MATCH, LOAD, OUTPUT = range(3)
DEFAULT_PRIORITY = 0x8000


@value
class LearnSpec(Value):
    """Bits of the packet (`src`), or a constant, for a match or load of `dst`, or for an output."""

    kind: int  # MATCH, LOAD, OUTPUT
    src: Subfield | int
    n_bits: int
    dst: Subfield | None = None

    def encode(self) -> bytes:
        """Header, source, destination."""
        immediate = not isinstance(self.src, Subfield)
        out = struct.pack("!H", (_IMMEDIATE if immediate else 0) | self.kind << 11 | self.n_bits)
        if isinstance(self.src, Subfield):
            src = coded(self.src)
            out += encode_header(src.field, None) + struct.pack("!H", src.start)
        else:
            out += self.src.to_bytes((self.n_bits + 15) // 16 * 2, "big")
        if self.dst is not None:
            dst = coded(self.dst)
            out += encode_header(dst.field, None) + struct.pack("!H", dst.start)
        return out

    def format(self, names: Names) -> str:
        """As in `learn(…)`."""
        if self.kind == OUTPUT:
            return f"output:{self.src}"
        assert self.dst is not None
        if self.kind == LOAD:
            source = str(self.src) if isinstance(self.src, Subfield) else hexadecimal(self.src)
            return f"load:{source}->{self.dst}"
        if isinstance(self.src, Subfield):
            return str(self.dst) if self.src == self.dst else f"{self.dst}={self.src}"
        field = self.dst.field
        if self.dst.start == 0 and self.n_bits == field.bits:
            return f"{field.name}={format_exact(field, self.src, names.port_names)}"
        return f"{self.dst}={hexadecimal(self.src)}"


def _decode_spec(data: bytes, at: int) -> tuple[LearnSpec, int]:
    """The spec at byte `at`, and where it ends; whether its fields have so many bits, the check of the actions says."""
    (head,) = struct.unpack_from("!H", data, at)
    n_bits, kind, immediate = head & _N_BITS, head >> 11 & 3, bool(head & _IMMEDIATE)
    if kind > OUTPUT or (immediate and kind == OUTPUT):
        raise OpenFlowError(BadAction.BAD_ARGUMENT)
    at += 2
    size = (n_bits + 15) // 16 * 2 if immediate else _PART_SIZE
    if at + size + (_PART_SIZE if kind != OUTPUT else 0) > len(data):
        raise OpenFlowError(BadAction.BAD_LEN)
    src: Subfield | int
    if immediate:  # its bytes count whole
        src = int.from_bytes(data[at : at + size], "big") & ones((n_bits + 7) // 8 * 8)
    else:
        src = _decode_part(data, at, n_bits)
    at += size
    if kind == OUTPUT:
        return LearnSpec(kind, src, n_bits), at
    return LearnSpec(kind, src, n_bits, _decode_part(data, at, n_bits)), at + _PART_SIZE


_PART_SIZE = 6


def _decode_part(data: bytes, at: int, n_bits: int) -> Subfield:
    (start,) = struct.unpack_from("!H", data, at + 4)
    return part_of(decode_nxm_header(data[at : at + 4]), start, n_bits)


@action("learn", "NX1.0+(16), NX1.0+(45)")
class Learn(Action):
    """Add a flow to `table`, made of `specs`; `limit` and `result_dst` need the second form."""

    table: int = 1
    idle_timeout: int = 0
    hard_timeout: int = 0
    fin_idle_timeout: int = 0
    fin_hard_timeout: int = 0
    priority: int = DEFAULT_PRIORITY
    cookie: int = 0
    send_flow_rem: bool = False
    delete_learned: bool = False
    limit: int = 0
    result_dst: Subfield | None = None
    specs: tuple[LearnSpec, ...] = ()

    def encode(self, version: int) -> bytes:
        """The first form where it suffices."""
        second = bool(self.limit) or self.result_dst is not None
        flags = _SEND_FLOW_REM * self.send_flow_rem | _DELETE_LEARNED * self.delete_learned
        flags |= _WRITE_RESULT * (self.result_dst is not None)
        timeouts = self.idle_timeout, self.hard_timeout
        fins = self.fin_idle_timeout, self.fin_hard_timeout
        body = _FIXED.pack(*timeouts, self.priority, self.cookie, flags, self.table, *fins)
        if second:
            result_dst = None if self.result_dst is None else coded(self.result_dst)
            start = 0 if result_dst is None else result_dst.start
            body += _FIXED2.pack(self.limit, start, 0)
            if result_dst is not None:
                body += encode_header(result_dst.field, None)
        body += b"".join(spec.encode() for spec in self.specs)
        return frame(nx(45 if second else 16), padded(bytes(2) + body)[2:])

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Specs to the end, where zeros fill up."""
        second = code.number == 45
        if len(data) < (40 if second else 32):
            raise OpenFlowError(BadAction.BAD_LEN)
        idle, hard, priority, cookie, flags, table, fin_idle, fin_hard = _FIXED.unpack_from(data, start)
        known = _SEND_FLOW_REM | _DELETE_LEARNED | (_WRITE_RESULT if second else 0)
        if second and any(data[38:40]):
            raise OpenFlowError(BadAction.MUST_BE_ZERO)
        if flags & ~known or table == 0xFF or any(data[27:28]):
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        at, limit, result_dst = 32, 0, None
        if second:
            limit, offset, _ = _FIXED2.unpack_from(data, at)
            at = 40
            if offset and not flags & _WRITE_RESULT:
                raise OpenFlowError(BadAction.BAD_ARGUMENT)
            if flags & _WRITE_RESULT:
                field, at = decode_header(data, at)
                if not field.writable:
                    raise OpenFlowError(BadAction.BAD_SET_ARGUMENT, f"{field.name} is not writable")
                result_dst = part_of(field, offset, 1)  # whether the field has that bit, nobody asks
        return cls(
            table,
            idle,
            hard,
            fin_idle,
            fin_hard,
            priority,
            cookie,
            bool(flags & _SEND_FLOW_REM),
            bool(flags & _DELETE_LEARNED),
            limit,
            result_dst,
            _decode_specs(data, at),
        )

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """Settings and specs, in any order."""
        settings: dict[str, object] = {}
        specs: list[LearnSpec] = []
        for key, text in key_values(arg):
            if key in _NUMBERS:
                settings[key] = c_atoi(text, 16)
            elif key in ("send_flow_rem", "delete_learned"):
                settings[key] = True
            elif key == "table":
                table = names.table(text)
                if table is None or table == 0xFF:
                    raise TextError(
                        f'unknown table "{text}"'
                        if table is None
                        else f"{arg}: table id 255 not valid for `learn' action",
                        arg,
                    )
                settings[key] = table
            elif key == "cookie":
                settings[key] = min(c_number(text)[0], ones(64)) & ones(64)
            elif key == "limit":
                settings[key] = c_atoi(text)
            elif key == "result_dst":
                settings[key] = _parse_result(text)
            else:
                specs.append(_parse_spec(arg, key, text, names))
        return cls(specs=tuple(specs)).replace(**settings)

    def format(self, names: Names) -> str:
        """`learn(table=1,…)`."""
        return f"learn({','.join(self._words(names))})"

    def _words(self, names: Names) -> Iterator[str]:
        yield f"table={names.format_table(self.table)}"
        for name in ("idle_timeout", "hard_timeout", "fin_idle_timeout", "fin_hard_timeout"):
            if getattr(self, name):
                yield f"{name}={getattr(self, name)}"
        if self.priority != DEFAULT_PRIORITY:
            yield f"priority={self.priority}"
        if self.send_flow_rem:
            yield "send_flow_rem"
        if self.delete_learned:
            yield "delete_learned"
        if self.cookie:
            yield f"cookie={self.cookie:#x}"
        if self.limit:
            yield f"limit={self.limit}"
        if self.result_dst is not None:
            yield f"result_dst={self.result_dst}"
        for spec in self.specs:
            yield spec.format(names)


_NUMBERS = ("idle_timeout", "hard_timeout", "fin_idle_timeout", "fin_hard_timeout", "priority")


def _decode_specs(data: bytes, at: int) -> tuple[LearnSpec, ...]:
    specs = []
    while at + 2 <= len(data) and data[at : at + 2] != b"\0\0":
        spec, at = _decode_spec(data, at)
        specs.append(spec)
    if any(data[at:]):
        raise OpenFlowError(BadAction.BAD_ARGUMENT)
    return tuple(specs)


def _parse_result(text: str) -> Subfield:
    part = parse_typed(text)
    if part.n_bits != 1:
        raise TextError("result_dst in 'learn' action must be a single bit", text)
    if not part.field.writable:
        raise TextError(f"{text} is read-only", text)
    return part


def _parse_spec(arg: str, key: str, text: str, names: Names) -> LearnSpec:
    try:
        dst = parse_subfield(key)
    except TextError:
        if key == "output":
            src = parse_typed(text)
            check_short(src, arg, text)
            return LearnSpec(OUTPUT, src, src.n_bits)
        if key == "load":
            return _parse_load(text)
        raise TextError(f"{arg}: unknown keyword {key}", key) from None
    check_short(dst, arg, key)
    return _parse_match_spec(arg, key, dst, text, names)


def _parse_load(text: str) -> LearnSpec:
    """`SOURCE->DST`, where the source is a number or a field."""
    source, arrow, target = text.partition("->")
    if not arrow:
        raise TextError(f"load: missing `->' in `{text}'", text)
    if not source:
        raise TextError(f"load: missing source before `->' in `{text}'", text)
    number, end = leading_digits(source, 16)
    if number is None or not end:
        try:
            move = Move.parse(text, NO_NAMES)
        except TextError as error:
            raise TextError(str(error), text) from None
        assert isinstance(move, Move)
        check_short(move.src, text, source)
        check_short(move.dst, text, target)
        return LearnSpec(LOAD, move.src, move.dst.n_bits, move.dst)
    if end != len(source):
        raise TextError(f"load: garbage before `->' in `{text}'", text)
    dst = parse_subfield(target)
    if number >> dst.n_bits:
        raise TextError(f"{text}: value does not fit into {dst.n_bits} bits", text)
    check_short(dst, text, target)
    return LearnSpec(LOAD, number, dst.n_bits, dst)


def _parse_match_spec(arg: str, key: str, dst: Subfield, text: str, names: Names) -> LearnSpec:
    """`FIELD`, `FIELD=FIELD` or `FIELD=VALUE`."""
    if not text:
        return LearnSpec(MATCH, dst, dst.n_bits, dst)
    try:
        src = parse_subfield(text)
    except TextError as error:
        try:
            value = _immediate(arg, dst, text, names)
        except TextError as wrong:
            raise TextError(
                f"{arg}: {key} value {text} cannot be parsed as a subfield ({error}) or an immediate value ({wrong})",
                text,
            ) from None
        return LearnSpec(MATCH, value, dst.n_bits, dst)
    if src.n_bits != dst.n_bits:
        raise TextError(f"{arg}: bit widths of {key} ({src.n_bits}) and {text} ({dst.n_bits}) differ", text)
    check_short(typed(src, text), arg, text)
    return LearnSpec(MATCH, src, dst.n_bits, dst)


def _immediate(arg: str, dst: Subfield, text: str, names: Names) -> int:
    """A value for a field in its own form, or a number for part of one."""
    field = dst.field
    if dst.n_bits == field.bits:
        value, mask = parse_value(field, text, names.ports)
        if not is_exact(field, text, mask):
            raise TextError(f"{text}: wildcards not allowed here", text)
        return (to_16(value) if isinstance(field, Port16) else value) & field.ones
    number = parse_digits(text, field.size)
    if number is None:
        raise TextError(f"{arg}: cannot parse integer value", text)
    check_fits(dst, number, arg)
    return number
