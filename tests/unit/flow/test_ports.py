"""Port numbers and names."""

import pytest

from vswitch.flow.ports import (
    OFPP_ANY,
    OFPP_CONTROLLER,
    OFPP_LOCAL,
    OfPort,
    format_port,
    from_16,
    is_valid,
    parse_port,
    to_16,
)


@pytest.mark.parametrize(
    ("text", "port"),
    [("1", 1), ("0x10", None), ("LOCAL", OFPP_LOCAL), ("controller", OFPP_CONTROLLER), ("65534", OFPP_LOCAL),
     ("4294967294", OFPP_LOCAL), ("NONE", OFPP_ANY), ("eth0", 7), ('"eth0"', 7), ("70000", None), ("nope", None)],
)  # fmt: skip
def test_parse(text, port):
    assert parse_port(text, {"eth0": OfPort(7)}) == port


@pytest.mark.parametrize(
    ("port", "text"), [(1, "1"), (OFPP_LOCAL, "LOCAL"), (OFPP_ANY, "ANY"), (7, "eth0"), (8, '"a b"')]
)
def test_format(port, text):
    assert format_port(port, {7: "eth0", 8: "a b"}) == text


def test_16_and_32_bits():
    assert from_16(0xFFFE) == OFPP_LOCAL
    assert to_16(OFPP_LOCAL) == 0xFFFE
    assert from_16(5) == to_16(5) == 5
    assert is_valid(5)
    assert is_valid(OFPP_LOCAL)
    assert not is_valid(0x12345)
