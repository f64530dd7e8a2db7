"""Type descriptions."""

import struct

import pytest

from vswitch.bpf.btf import MAGIC, U8, U32, U64, Array, Struct, encode

PAIR = Struct("pair", (("key", U32), ("bytes", Array(U8, 4)), ("total", U64)))


def test_sizes_and_offsets():
    assert PAIR.size == 16
    assert [PAIR.offset(name) for name in ("key", "bytes", "total")] == [0, 4, 8]
    with pytest.raises(KeyError):
        PAIR.offset("other")


def test_encoding():
    data, ids = encode(U32, PAIR)
    magic, version, flags, header = struct.unpack_from("=HBBI", data)
    assert (magic, version, flags, header) == (MAGIC, 1, 0, 24)
    types_at, types_size, strings_at, strings_size = struct.unpack_from("=IIII", data, 8)
    assert (types_at, strings_at) == (0, types_size)
    assert len(data) == header + types_size + strings_size
    names = data[header + strings_at :].split(b"\0")[1:-1]
    assert names == [b"u32", b"u8", b"u64", b"key", b"bytes", b"total", b"pair"]
    assert ids == (1, 5)  # u32; u8, array, u64 come before what is made of them


def test_each_type_is_there_once():
    assert encode(PAIR, PAIR)[1] == (5, 5)
