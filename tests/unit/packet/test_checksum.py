import struct

from hypothesis import given
from hypothesis import strategies as st

from vswitch.packet.checksum import checksum, crc32c, ones_sum, pseudo_header_sum, updated


def by_words(data: bytes) -> int:
    """The checksum as RFC 1071 describes it."""
    data += b"\0" * (len(data) & 1)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@given(st.binary(max_size=100))
def test_checksum(data: bytes):
    assert checksum(data) == by_words(data)


@given(
    st.binary(min_size=4, max_size=40).filter(lambda data: len(data) % 2 == 0),
    st.binary(min_size=4, max_size=4),
)
def test_an_update_is_as_if_summed_anew(data: bytes, new: bytes):
    after = new + data[4:] + b"\0\1"  # never all zero, which no header is
    change = int.from_bytes(data[:4], "big"), int.from_bytes(new, "big")
    assert updated(by_words(data + b"\0\1"), *change) == by_words(after)


def test_parts_can_be_summed_one_after_the_other():
    assert ones_sum(b"\x12\x34", ones_sum(b"\xab\xcd")) == ones_sum(b"\xab\xcd\x12\x34")
    assert pseudo_header_sum(b"\1\2\3\4", b"\5\6\7\x08", 17, 9) == ones_sum(b"\1\2\3\4\5\6\7\x08\0\x11\0\x09")


def test_crc32c():
    assert crc32c(b"123456789") == 0xE3069283  # the check value of the catalogue of CRCs
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
