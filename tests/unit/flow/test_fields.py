"""The table of fields holds together, and agrees with what documents say of it."""

from random import Random

import pytest

from vswitch.flow.field import Flow
from vswitch.flow.fields import (
    ARP_SPA,
    FIELDS,
    IN_PORT,
    IP_DSCP,
    IP_SRC,
    IP_TOS,
    LAYOUT,
    NEEDS_IP,
    NEEDS_TCP,
    REG,
    STAGES,
    VLAN_PRESENT,
    VLAN_TCI,
    VLAN_VID,
    XREG,
    XXREG,
)
from vswitch.flow.match import parse_match

LATER = ("xxreg4", "xxreg5", "xxreg6", "xxreg7")
EVERYTHING = (1 << LAYOUT.bits) - 1


def test_there_are_as_many_as_in_open_vswitch():
    assert len(FIELDS) == 211
    assert sum(len(field.aka) for field in FIELDS) == 17


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_field_is_within_the_layout_and_its_wire_size(field):
    assert 0 < field.mask <= EVERYTHING
    assert field.bits <= 8 * field.size
    assert field.ones < 1 << 8 * field.size
    assert FIELDS[field.name] is field
    assert all(FIELDS[name] is field for name in field.aka)
    assert len(field.legacy) == 2
    assert set(field.legacy) <= set("-=/*")


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_put_and_get_are_inverse_and_touch_nothing_else(field):
    random = Random(field.name)
    for _ in range(10):
        flow, value = random.getrandbits(LAYOUT.bits), random.getrandbits(field.bits) & field.ones
        changed = field.put(Flow(flow), value)
        assert field.get(changed) == value
        assert (changed ^ flow) & ~field.mask == 0
    assert field.under(field.ones) == field.mask


def test_the_later_registers_make_no_flow_longer_that_does_not_use_them():
    used = LAYOUT.mask(*(name for name in LAYOUT.slots if not name.startswith(("tun_metadata", *LATER))))
    assert used.bit_length() <= min(LAYOUT.offset(name) for name in LATER)


def test_every_bit_belongs_to_one_stage():
    assert sum(STAGES) == EVERYTHING
    assert all(not a & b for i, a in enumerate(STAGES) for b in STAGES[:i])


def test_fields_overlay_as_in_open_vswitch():
    assert ARP_SPA.mask == IP_SRC.mask
    assert FIELDS["udp_src"].mask == FIELDS["icmp_type"].mask == FIELDS["tp_src"].mask
    assert (
        XXREG[1].mask == XREG[2].mask | XREG[3].mask == REG[4].mask | REG[5].mask | REG[6].mask | REG[7].mask
    )
    assert XXREG[0].get(REG[0].put(Flow(0), 1)) == 1 << 96
    assert IP_TOS.get(IP_DSCP.put(Flow(0), 63)) == 0xFC


def test_vlan_fields_say_that_there_is_a_tag():
    assert VLAN_TCI.get(FIELDS["dl_vlan"].put(Flow(0), 10)) == VLAN_PRESENT | 10
    assert VLAN_TCI.get(FIELDS["vlan_pcp"].put(Flow(0), 5)) == VLAN_PRESENT | 5 << 13
    assert FIELDS["vlan_vid"].get(FIELDS["dl_vlan"].put(Flow(0), 10)) == VLAN_PRESENT | 10
    assert VLAN_VID.get(FIELDS["dl_vlan"].put(Flow(0), 10)) == 10


@pytest.mark.parametrize(
    ("short", "full"), [(1, 1), (0xFEFF, 0xFEFF), (0xFFFE, 0xFFFFFFFE), (0xFF00, 0xFFFFFF00)]
)
def test_a_port_of_16_bits_is_one_of_32(short, full):
    field = FIELDS["in_port"]
    assert IN_PORT.get(field.put(Flow(0), short)) == full == IN_PORT.get(field.put(Flow(0), full))
    assert field.get(field.put(Flow(0), short)) == short


def test_prerequisites():
    assert NEEDS_TCP.holds(parse_match("tcp6").value)
    assert not NEEDS_TCP.holds(parse_match("udp").value)
    assert not NEEDS_TCP.holds(parse_match("ip").value)
    assert NEEDS_IP.holds(parse_match("udp").value)
