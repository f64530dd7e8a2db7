"""BPF Type Format: describe a map's keys and values, so that `bpftool map dump` shows fields by name.

    header | types (12 bytes each, plus what their kind needs) | strings (each ends in a zero byte)

Types are values that contain each other; `encode` numbers them, each once.

Sources: Documentation/bpf/btf.rst; linux/btf.h.
"""

from __future__ import annotations

import struct

from vswitch.base.dataclass import dataclass, field

MAGIC, VERSION, HEADER_SIZE = 0xEB9F, 1, 24
KIND_INT, KIND_ARRAY, KIND_STRUCT = 1, 3, 4


@dataclass(frozen=True, slots=True)
class Int:
    """An unsigned integer of `bits` bits."""

    bits: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.bits // 8


@dataclass(frozen=True, slots=True)
class Array:
    """`count` elements in a row."""

    element: Type
    count: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.element.size * self.count


@dataclass(frozen=True, slots=True)
class Struct:
    """Named members, in order.  They must be aligned as they are given: nothing is padded."""

    name: str
    members: tuple[tuple[str, Type], ...]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(type.size for _, type in self.members)

    def offset(self, member: str) -> int:
        """Where `member` begins, in bytes."""
        at = 0
        for name, type in self.members:
            if name == member:
                return at
            at += type.size
        raise KeyError(member)


Type = Int | Array | Struct
U8, U16, U32, U64 = Int(8), Int(16), Int(32), Int(64)


def encode(*types: Type) -> tuple[bytes, tuple[int, ...]]:
    """BTF that contains `types`, and the number of each in it."""
    section = _Section()
    ids = tuple(section.id(type) for type in types)
    body = b"".join(section.types)
    strings = bytes(section.strings)
    lengths = struct.pack("=IIII", 0, len(body), len(body), len(strings))
    return struct.pack("=HBBI", MAGIC, VERSION, 0, HEADER_SIZE) + lengths + body + strings, ids


@dataclass(slots=True)
class _Section:
    """Types and strings while they are collected."""

    types: list[bytes] = field(default_factory=list)
    strings: bytearray = field(default_factory=lambda: bytearray(b"\0"))
    ids: dict[Type, int] = field(default_factory=dict)

    def id(self, type: Type) -> int:
        """The number of `type`; what it is made of comes first."""
        if type not in self.ids:
            self.types.append(self._encode(type))
            self.ids[type] = len(self.types)
        return self.ids[type]

    def _encode(self, type: Type) -> bytes:
        match type:
            case Int(bits):
                return self._header(f"u{bits}", KIND_INT, 0, type.size) + struct.pack("=I", bits)
            case Array(element, count):
                ids = self.id(element), self.id(U32)
                return self._header("", KIND_ARRAY, 0, 0) + struct.pack("=III", *ids, count)
            case Struct(name, members):
                ids_by_name = [(member, self.id(of)) for member, of in members]
                packed = [
                    struct.pack("=III", self._string(member), id, 8 * type.offset(member))
                    for member, id in ids_by_name
                ]
                return self._header(name, KIND_STRUCT, len(members), type.size) + b"".join(packed)

    def _header(self, name: str, kind: int, n_members: int, size: int) -> bytes:
        return struct.pack("=III", self._string(name), kind << 24 | n_members, size)

    def _string(self, text: str) -> int:
        if not text:
            return 0
        at = len(self.strings)
        self.strings += text.encode() + b"\0"
        return at
