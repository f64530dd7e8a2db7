"""Messages of lines of flows: always the bytes of the general encoder."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.openflow.flowbytes import FlowEncoder
from vswitch.openflow.flowlines import FlowLines, flow_mod
from vswitch.openflow.message import Message, encode
from vswitch.openflow.messages.flow import FlowMod
from vswitch.openflow.messages.nested import BundleAdd

KINDS = (
    "priority={h},actions=drop",
    "table={t},priority={h},cookie={x},tcp,nw_src=10.{b}.{b}.1,nw_dst={b}.0.0.0/8,tp_dst={h},actions=resubmit(,{t}),{c}",
    "table={t} in_port={p},dl_vlan={v} idle_timeout={h} hard_timeout={h} actions=output:{c}",
    "dl_src={m},dl_dst=01:00:00:00:00:01,reg{c}={w},metadata={x},actions=goto_table:9",
    "arp,arp_spa={b}.1.2.3,arp_tha={m},send_flow_rem,actions=set_field:{c}->reg0,LOCAL",
    "udp,nw_dst=1.2.{b}.0/24,udp_src={h},tun_id={w},importance=3,actions=group:5",
    "add table={t},ip,xreg1={x},nw_tos=32,actions=meter:1,2",
)
NUMBERS = st.fixed_dictionaries(
    {
        "b": st.integers(0, 255),
        "c": st.integers(1, 3),
        "h": st.integers(0, 65535),
        "m": st.integers(0, 2**48 - 1).map(lambda mac: mac.to_bytes(6, "big").hex(":")),
        "p": st.integers(0, 0xFEFF),
        "t": st.integers(0, 8),
        "v": st.integers(0, 4095),
        "w": st.integers(0, 2**32 - 1),
        "x": st.integers(0, 2**64 - 1).map(hex),
    }
)


def bundled(message: Message, xid: int) -> bytes:
    """A message on its way into a bundle."""
    return encode(BundleAdd(0, 3, encode(message, 5, xid, table_ids=True)), 5, xid)


FORMS = {
    "OpenFlow10": lambda mod, xid: encode(mod, 1, xid, False, False),
    "OpenFlow10+table_id": lambda mod, xid: encode(mod, 1, xid, False, True),
    "NXM": lambda mod, xid: encode(mod, 1, xid, True, False),
    "NXM+table_id": lambda mod, xid: encode(mod, 1, xid, True, True),
    **{f"version {version}": lambda mod, xid, v=version: encode(mod, v, xid) for version in range(2, 7)},
    "bundle": bundled,
}


@pytest.mark.parametrize("form", FORMS)
@given(
    flows=st.lists(st.tuples(st.sampled_from(KINDS), NUMBERS), min_size=1, max_size=6),
    first=st.integers(0, 2**32 - 1),
)
def test_lines_are_encoded_as_flow_mods(form, flows, first):
    reader, encoder = FlowLines(None), FlowEncoder(FORMS[form])
    lines = [reader.read(kind.format(**numbers)) for kind, numbers in flows for _ in range(4)]
    assert not isinstance(lines[-1], FlowMod)
    for _ in range(2):
        wanted = b"".join(
            FORMS[form](flow_mod(line), first + at & 0xFFFFFFFF) for at, line in enumerate(lines)
        )
        assert encoder.messages(lines, count(first)) == wanted


def test_other_messages_take_the_general_way():
    encoder = FlowEncoder(FORMS["version 4"])
    assert encoder.messages([FlowMod()], count(7)) == encode(FlowMod(), 4, 7)


def test_values_that_do_not_stand_in_the_message_as_they_are():
    """A port of OpenFlow 1.0 in a form that has it twice as large, say: what a template says wrong is not used."""
    reader = FlowLines()
    lines = [reader.read(f"priority={number},actions=drop") for number in range(6)]
    encoder = FlowEncoder(lambda mod, xid: b"%d %d" % (mod.priority, xid))
    assert encoder.messages(lines, count(1)) == b"".join(b"%d %d" % (at, at + 1) for at in range(6))
