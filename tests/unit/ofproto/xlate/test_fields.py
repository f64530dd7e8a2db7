"""What is kept of actions on fields comes to the same as asking the fields."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.switch.machine import Machine
from vswitch.flow.field import Flow
from vswitch.flow.fields import FIELDS, LAYOUT, REG
from vswitch.flow.subfield import Subfield
from vswitch.ofproto.xlate.fields import _loaded_bits, _places, _set_bits
from vswitch.openflow.actions.register import Load, Move, SetField

flows = st.integers(0, 1 << 32).map(lambda seed: Flow(Random(seed).getrandbits(LAYOUT.bits)))
fields = st.sampled_from(list(FIELDS))


@st.composite
def subfields(draw: st.DrawFn, n_bits: int) -> Subfield:
    field = draw(fields.filter(lambda field: field.bits >= n_bits))
    return Subfield(field, draw(st.integers(0, field.bits - n_bits)), n_bits)


@st.composite
def moves(draw: st.DrawFn) -> Move:
    n_bits = draw(st.integers(1, 32))
    return Move(draw(subfields(n_bits)), draw(subfields(n_bits)))


@given(moves(), flows)
def test_a_move_copies_the_bits_that_the_subfields_name(action: Move, flow: Flow) -> None:
    places = _places(action)
    if places is not None:
        shift, ones, cleared, back = places
        assert flow & cleared | (flow >> shift & ones) << back == action.dst.put(flow, action.src.get(flow))


@pytest.mark.parametrize(
    "name", ["reg0", "xxreg3", "metadata", "tcp_src", "ip_dst", "eth_src", "ct_mark", "tun_id"]
)
def test_usual_fields_are_moved_without_asking_them(name: str) -> None:
    part = Subfield(FIELDS[name], 3, 7)
    assert _places(Move(part, Subfield(REG[1], 2, 7))) is not None
    assert _places(Move(Subfield(REG[1], 2, 7), part)) is not None


@pytest.mark.parametrize("name", ["in_port", "nw_tos", "vlan_vid", "icmp_type", "arp_op"])
def test_fields_with_other_bits_than_their_own_are_asked(name: str) -> None:
    assert _places(Move(Subfield(FIELDS[name], 0, 4), Subfield(REG[1], 0, 4))) is None


@given(st.data(), flows)
def test_what_is_written_is_what_the_field_puts(data: st.DataObject, flow: Flow) -> None:
    chosen = data.draw(fields)
    value = data.draw(st.integers(0, chosen.ones)) & chosen.ones
    mask, bits = _set_bits(SetField(chosen, value, None))
    assert flow & ~mask | bits == Flow(flow & ~chosen.mask | chosen.put(Flow(0), value) & chosen.mask)
    part = Subfield(chosen, 0, min(chosen.bits, 8))
    mask, bits = _loaded_bits(Load(part, value & 0xFF & (1 << part.n_bits) - 1))
    assert not bits & ~mask
    assert mask == part.mask


def test_a_tag_that_comes_to_be_by_its_tci_has_a_type_and_one_that_ceases_has_none() -> None:
    machine = Machine()
    machine.flows(
        "in_port=1 actions=set_field:0x1005->vlan_tci,output:2",
        "in_port=2 actions=move:NXM_NX_REG0[0..15]->NXM_OF_VLAN_TCI[],output:3",
    )
    assert machine.verdict("in_port=1")[1] == "push_vlan(vid=5,pcp=0),2"
    assert machine.verdict("in_port=2,dl_vlan=7")[1] == "pop_vlan,3"


def test_registers_alone_are_nothing_for_the_datapath() -> None:
    machine = Machine()
    machine.flows("ip actions=load:5->NXM_NX_REG3[],move:NXM_NX_REG3[]->NXM_NX_REG4[],output:2")
    assert machine.verdict("in_port=1,ip")[1] == "2"
