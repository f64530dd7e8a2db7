"""Registers 16 to 31, which have no types of their own: in every version that has NXM they come back as they went."""

import pytest

from tests.unit.openflow.field_samples import ADDED
from vswitch.flow.fields import REG
from vswitch.flow.match import Match
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.grouptext import parse_group_mod
from vswitch.openflow.message import decode, encode
from vswitch.openflow.messages.flow import FlowMod
from vswitch.openflow.names import NO_NAMES
from vswitch.openflow.version import ALL_VERSIONS, OF10, OF11, OF12, OF15

VERSIONS = sorted(ALL_VERSIONS - {OF11})

ACTIONS = (
    "set_field:0x5->reg16",
    "set_field:0x3/0x7->reg18",
    "move:reg16[0..15]->reg31[16..31]",
    "push:reg20[]",
    "pop:reg21[4..7]",
    "output:reg16[0..15]",
    "ct(table=1,zone=reg17[0..15])",
    "check_pkt_larger(1500)->reg16[4]",
    "multipath(eth_src,50,modulo_n,1,0,reg22[])",
    "bundle_load(eth_src,0,hrw,ofport,reg23[],members:4,8)",
    "learn(table=1,result_dst=reg30[3],reg16=0x5,reg17[]=NXM_NX_REG1[],load:NXM_NX_REG2[]->reg18[],output:reg19[0..15])",
)


def round_trip(flow_mod: FlowMod, version: int) -> FlowMod:
    _, _, message = decode(encode(flow_mod, version, 1))
    assert isinstance(message, FlowMod)
    return message


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("field", sorted(ADDED, key=lambda field: field.name), ids=lambda field: field.name)
def test_matches(field, version):
    for match in (Match().where(field, 5), Match().where(field, 4, 6), Match().where(field, 0, 1)):
        assert round_trip(FlowMod(match=match), version).match == match


@pytest.mark.parametrize("version", VERSIONS)
def test_registers_that_share_an_entry(version):
    match = Match().where(REG[16], 1).where(REG[18], 0x10, 0xF0).where(REG[31], 7).where(REG[3], 9)
    assert round_trip(FlowMod(match=match), version).match == match


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("action", ACTIONS)
def test_actions(action, version):
    flow_mod = parse_flow_mod(f"ip actions={action}")
    (made,) = round_trip(flow_mod, version).actions
    assert (made,) == flow_mod.actions
    assert made.format(NO_NAMES) == action


def test_load_is_a_masked_set_field_since_openflow_15():
    flow_mod = parse_flow_mod("actions=load:0x1->reg16[0..7]")
    assert round_trip(flow_mod, OF10).actions == flow_mod.actions
    assert round_trip(flow_mod, OF15).actions == parse_flow_mod("actions=set_field:0x1/0xff->reg16").actions


def test_a_longer_part_of_an_xxreg_keeps_its_name():
    flow_mod = parse_flow_mod("actions=set_field:0x100000001/0x100000001->xxreg4")
    assert round_trip(flow_mod, OF15).actions == flow_mod.actions


def test_on_the_wire_they_are_bits_of_an_xxreg_or_xreg():
    flow_mod = parse_flow_mod("reg16=1 actions=drop")
    wide = (1 << 96).to_bytes(16, "big") + (0xFFFFFFFF << 96).to_bytes(16, "big")
    assert bytes([0, 1, 115 << 1 | 1, 32]) + wide in encode(flow_mod, OF12, 1)
    long = (1 << 32).to_bytes(8, "big") + (0xFFFFFFFF << 32).to_bytes(8, "big")
    assert bytes([0x80, 1, 8 << 1 | 1, 16]) + long in encode(flow_mod, OF15, 1)


def test_a_group_that_hashes_them():
    text = "group_id=1,type=select,selection_method=hash,fields(reg16,reg17,xxreg5),bucket=output:1"
    group = parse_group_mod(text)
    _, _, decoded = decode(encode(group, OF15, 1))
    assert decoded.selection == group.selection
