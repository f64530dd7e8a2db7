"""Round trips of what messages are made of: fields, instructions, properties; actions and messages have their own file."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.openflow import field_samples
from tests.unit.openflow.samples import vectors
from vswitch.flow.codes import codes_of
from vswitch.flow.fields import FIELDS
from vswitch.openflow.actions.output import Output
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.instructions import (
    ClearActions,
    GotoTable,
    Meter,
    WriteActions,
    WriteMetadata,
    decode_instructions,
    encode_instructions,
)
from vswitch.openflow.message import encode_as, registered
from vswitch.openflow.properties import Property, encode_others, split_properties
from vswitch.openflow.version import ALL_VERSIONS, OF13, OF15
from vswitch.openflow.wirefield import decode_entry, encode_entry
from vswitch.openflow.wirematch import decode_match, decode_nxm, encode_match, encode_nxm

CODED = [field for field in FIELDS if codes_of(field)]


@pytest.mark.parametrize("field", CODED, ids=lambda field: field.name)
@settings(max_examples=25)
@given(data=st.data())
def test_fields(field, data):
    """An entry, with a mask or without, means in every version what it was made of."""
    value = data.draw(st.integers(0, field.ones))
    mask = data.draw(st.none() | st.integers(0, field.ones))
    value = value if mask is None else value & mask
    for version in ALL_VERSIONS:
        entry = encode_entry(field, value, mask, version)
        assert decode_entry(entry, 0) == (field, value, mask, len(entry))


MATCHES = [
    (field.name, match) for field in field_samples.on_the_wire() for match in field_samples.matches(field)
]


@pytest.mark.parametrize(("name", "match"), MATCHES, ids=lambda item: item if isinstance(item, str) else "")
def test_matches(name, match):
    """A match on each field comes back from NXM and from OXM of each version."""
    if name in ("ct_tp_src", "ct_tp_dst"):
        match = match.where(FIELDS["ct_nw_proto"], 6)  # else nothing is said of ports, as in Open vSwitch
    nxm = encode_nxm(match)
    assert decode_nxm(nxm + bytes(-len(nxm) % 8), 0, len(nxm))[0] == match
    for version in range(3, OF15 + 1) if name != "vlan_tci" else ():  # OXM has its parts
        data = encode_match(version, match)
        assert decode_match(version, data, 0) == (match, len(data))


ACTIONS = st.lists(
    st.sampled_from([*parse_actions("output:1,set_queue:3,push_vlan:0x8100,dec_ttl"), Output(5)]), max_size=4
).map(tuple)


@pytest.mark.parametrize("version", sorted(ALL_VERSIONS - {1}))
@given(
    plain=ACTIONS,
    write=st.none() | ACTIONS.filter(bool),  # to write none is to say nothing
    clear=st.booleans(),
    metadata=st.none() | st.tuples(*[st.integers(0, (1 << 64) - 1)] * 2),
    table=st.none() | st.integers(0, 254),
    meter=st.none() | st.integers(1, 0xFFFF0000),
)
def test_instructions(version, plain, write, clear, metadata, table, meter):
    merged = (
        *((Meter(meter),) if meter is not None and OF13 <= version < OF15 else ()),
        *plain,
        *((ClearActions(),) if clear else ()),
        *((WriteActions(write),) if write is not None else ()),
        *((WriteMetadata(*metadata),) if metadata is not None else ()),
        *((GotoTable(table),) if table is not None else ()),
    )
    assert decode_instructions(version, encode_instructions(version, merged)) == merged


KINDS = st.integers(0, 0xFFFE)
PROPERTIES = st.lists(st.builds(Property, KINDS, st.binary(max_size=20))).map(tuple)


@given(PROPERTIES)
def test_properties(properties):
    assert tuple(split_properties(encode_others(properties))) == properties


@given(st.binary(max_size=40))
def test_any_bytes_are_properties_or_an_error(data):
    try:
        found = tuple(split_properties(data))
    except OpenFlowError:
        return
    assert tuple(split_properties(encode_others(found))) == found


def test_a_form_is_chosen_by_its_name():
    """Every form that is declared can be asked for."""
    names = {form.name for _, form, _ in registered()}
    assert {text.partition(" (")[0] for _, text in vectors()} == names
    message = next(cls() for _, form, cls in registered() if form.name == "NXT_FLOW_MOD")
    assert encode_as(message, "NXT_FLOW_MOD", 5, 7)[1] == 4
    with pytest.raises(OpenFlowError, match="version 5 has no NXT_GROUP_MOD"):
        encode_as(message, "NXT_GROUP_MOD", 5)
