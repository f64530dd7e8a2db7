"""Subfields: parts of fields, and their text."""

import pytest

from vswitch.base.errors import TextError
from vswitch.flow.field import Flow
from vswitch.flow.fields import FIELDS, IP_DSCP, REG
from vswitch.flow.subfield import Subfield, find_field, parse_subfield, split_subfield


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("reg0[3..7]", "NXM_NX_REG0[3..7]"),
        ("NXM_NX_REG0[3]", "NXM_NX_REG0[3]"),
        ("reg0[]", "NXM_NX_REG0[]"),
        ("reg0", "NXM_NX_REG0[]"),
        ("reg0[0..31]", "NXM_NX_REG0[]"),
        ("OXM_OF_ETH_DST[]", "NXM_OF_ETH_DST[]"),
        ("dl_dst[]", "NXM_OF_ETH_DST[]"),
        ("OXM_OF_VLAN_VID[]", "OXM_OF_VLAN_VID[]"),
        ("metadata[0..63]", "OXM_OF_METADATA[]"),
        ("dl_vlan[]", "dl_vlan[]"),
        ("reg16[0..7]", "reg16[0..7]"),
        ("xxreg4[96..103]", "reg16[0..7]"),
        ("NXM_NX_XXREG7[0..31]", "reg31[]"),
        ("xxreg4[31..32]", "NXM_NX_XXREG4[31..32]"),
        ("xreg8[]", "OXM_OF_PKT_REG8[]"),
    ],
)
def test_text(text, printed):
    assert str(parse_subfield(text)) == printed


# Messages as ovs-ofctl prints them for `load:1->TEXT`.
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("reg0[3..40]", "reg0[3..40]: ending bit 40 is not valid because field is only 32 bits wide"),
        ("reg0[7..3]", "reg0[7..3]: starting bit 7 is after ending bit 3"),
        ("foo[]", "foo[]: unknown field `foo'"),
        ("reg0[x]", "reg0[x]: syntax error expecting [] or [<bit>] or [<start>..<end>]"),
        ("reg0[3..]", "reg0[3..]: syntax error expecting [] or [<bit>] or [<start>..<end>]"),
        ("reg0[3", "reg0[3: syntax error expecting [] or [<bit>] or [<start>..<end>]"),
        ("reg0[3..7]x", "unexpected input following field syntax"),
        ("vlan_vid[12]", "vlan_vid[12]: starting bit 12 is not valid because field is only 12 bits wide"),
    ],
)
def test_mistakes(text, message):
    with pytest.raises(TextError) as error:
        parse_subfield(text)
    assert str(error.value) == message


def test_what_follows():
    source, rest = split_subfield("NXM_OF_ETH_SRC[]->dl_dst[]")
    assert (source.field, rest) == (FIELDS["eth_src"], "->dl_dst[]")


def test_get_and_put():
    bits = Subfield(REG[0], 4, 8)
    flow = bits.put(REG[0].put(Flow(0), 0xFFFFFFFF), 0x5A)
    assert REG[0].get(flow) == 0xFFFFF5AF
    assert bits.get(flow) == 0x5A
    assert bits.mask == REG[0].under(0xFF0)


def test_a_whole_field_takes_all_of_its_place():
    assert Subfield(FIELDS["icmp_type"]).mask == FIELDS["tcp_src"].mask
    assert Subfield(IP_DSCP).mask == IP_DSCP.mask


def test_fields_by_either_name():
    assert find_field("NXM_NX_REG0") is find_field("reg0") is REG[0]
    assert find_field("NXM_NX_REG99") is None


def test_subfields_are_values():
    assert {Subfield(REG[0], 1, 2), Subfield(REG[0], 1, 2)} == {Subfield(REG[0], 1, 2)}
    assert Subfield(REG[0]) != Subfield(REG[1])
