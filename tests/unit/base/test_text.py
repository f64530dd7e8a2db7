"""The grammar of flows, numbers and addresses."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.base.errors import TextError
from vswitch.base.text import (
    format_ipv4,
    format_ipv6,
    format_mac,
    key_values,
    leading_ipv4,
    parse_int,
    parse_ipv4,
    parse_ipv6,
    parse_mac,
    parse_u8,
    parse_u32,
    parse_u64,
    quote,
)


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a,b=1,c:2,d(3,4)", [("a", ""), ("b", "1"), ("c", "2"), ("d", "3,4")]),
        (" a ,\t b=1\n", [("a", ""), ("b", "1")]),
        ("d(3)->x,e", [("d", "3)->x"), ("e", "")]),
        ("move:a[0..3]->b[4..7],c", [("move", "a[0..3]->b[4..7]"), ("c", "")]),
        ("ct(commit,exec(load:1->reg0[])),drop", [("ct", "commit,exec(load:1->reg0[])"), ("drop", "")]),
        ("reg0[0..3]=5", [("reg0[0..3]", "5")]),
        ("a=b=c,d=e:f", [("a", "b=c"), ("d", "e:f")]),
        ("a=,b", [("a", ""), ("b", "")]),
        ("packet_type=(1,0x800),ip", [("packet_type", "(1,0x800)"), ("ip", "")]),
        ("=5", [("", "5")]),
        ("a(", [("a", "")]),
        ("", []),
    ],
)
def test_words(text, pairs):
    assert list(key_values(text)) == pairs


@given(st.text("a=:(),[] {}", max_size=30))
def test_any_text_comes_to_an_end(text):
    assert all("," not in key for key, _ in key_values(text))


@pytest.mark.parametrize(
    ("text", "number"), [("10", 10), ("0x1F", 31), ("010", 8), ("-1", -1), ("+7", 7), ("0", 0)]
)
def test_numbers_are_written_as_in_c(text, number):
    assert parse_int(text) == number


def test_minus_one_is_all_bits():
    assert parse_u32("-1") == 0xFFFFFFFF
    assert parse_u64("-1") == 0xFFFFFFFFFFFFFFFF


@pytest.mark.parametrize("text", ["256", "-1", "x", ""])
def test_bytes_are_bytes(text):
    with pytest.raises(TextError, match='invalid TOS "'):
        parse_u8(text, "TOS")


@given(st.integers(0, (1 << 128) - 1) | st.integers(0, 1 << 48))
def test_ipv6_reads_and_prints_as_in_libc(number):
    text = socket.inet_ntop(socket.AF_INET6, number.to_bytes(16, "big"))
    assert format_ipv6(number) == text
    assert parse_ipv6(text) == number


@pytest.mark.parametrize(
    "text", ["", "1", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "::1%eth0", "::1.2.3"]
)
def test_bad_ipv6(text):
    with pytest.raises(TextError):
        parse_ipv6(text)


@given(st.integers(0, (1 << 32) - 1))
def test_ipv4(number):
    assert parse_ipv4(format_ipv4(number)) == number


@pytest.mark.parametrize("text", ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.x", "1..2.3", "1.2.3.0000"])
def test_bad_ipv4(text):
    with pytest.raises(TextError, match="invalid IP address"):
        parse_ipv4(text)


def test_leading_zeros_in_ipv4():
    with pytest.raises(TextError):
        parse_ipv4("01.002.3.4")
    assert leading_ipv4("01.002.3.4") == (0x01020304, 10)


@given(st.integers(0, (1 << 48) - 1))
def test_mac(number):
    assert parse_mac(format_mac(number)) == number


def test_short_mac():
    assert parse_mac("0:1:2:3:4:5") == 0x000102030405
    with pytest.raises(TextError):
        parse_mac("0:1:2:3:4")


@pytest.mark.parametrize(
    ("name", "quoted"),
    [("eth0", "eth0"), ("p_1", '"p_1"'), ("é", '"é"'), ("1st", '"1st"'), ('a"b', '"a\\"b"'), ("", '""')],
)
def test_names_that_are_no_words_are_quoted(name, quoted):
    assert quote(name) == quoted
