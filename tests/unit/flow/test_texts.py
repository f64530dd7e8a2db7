"""How values read, field by field; the vectors of test_match.py have the rest."""

import pytest

from vswitch.base.errors import TextError
from vswitch.flow.fields import (
    CT_STATE,
    ETH_SRC,
    FIELDS,
    IP_FRAG,
    IP_SRC,
    METADATA,
    REG,
    TCP_FLAGS,
    TUN_FLAGS,
    XXREG,
)
from vswitch.flow.texts import ALL_TUN_FLAGS_TEXT, hexadecimal


@pytest.mark.parametrize(
    ("field", "text", "value", "mask"),
    [
        (REG[0], "5", 5, 0xFFFFFFFF),
        (REG[0], "010/0x1", 8, 1),
        (METADATA, "-1", (1 << 64) - 1, (1 << 64) - 1),
        (XXREG[0], "0x" + "f" * 32, (1 << 128) - 1, (1 << 128) - 1),
        (ETH_SRC, "0:0:0:0:0:1/ff:0:0:0:0:0", 1, 0xFF << 40),
        (IP_SRC, "10.0.0.1/8", 0x0A000001, 0xFF000000),
        (IP_FRAG, "later", 3, 3),
        (TCP_FLAGS, "+syn-ack", 2, 0x12),
        (TCP_FLAGS, "syn|ack", 0x12, 0xFFF),
        (CT_STATE, "+trk-new", 0x20, 0x21),
        (FIELDS["tun_flags"], "oam", 1, 1),
    ],
)
def test_parse(field, text, value, mask):
    assert field.text.parse(field, text, {}) == (value, mask)


@pytest.mark.parametrize(
    ("field", "value", "mask", "text"),
    [
        (REG[0], 0, 0xFFFFFFFF, "0"),
        (REG[0], 16, 0xFF, "0x10/0xff"),
        (FIELDS["nw_ttl"], 64, 0xFF, "64"),
        (IP_SRC, 0x0A000000, 0xFF000000, "10.0.0.0/8"),
        (IP_SRC, 0x0A000001, 0xFF0000FF, "10.0.0.1/255.0.0.255"),
        (TCP_FLAGS, 0, 0xFFF, "0"),
        (CT_STATE, 0x20, 0x21, "-new+trk"),
    ],
)
def test_format(field, value, mask, text):
    assert field.text.format(field, value, mask, {}) == text


def test_flags_of_tunnels_are_always_signed():
    assert ALL_TUN_FLAGS_TEXT.format(TUN_FLAGS, 8, 0xF, {}) == "-oam-df-csum+key"


def test_what_is_wrong_is_quoted_whole():
    with pytest.raises(TextError) as error:
        REG[0].text.parse(REG[0], "1/x", {})
    assert str(error.value) == "1/x: bad syntax for reg0 mask"


def test_zero_has_no_prefix():
    assert [hexadecimal(n) for n in (0, 1, 255)] == ["0", "0x1", "0xff"]
