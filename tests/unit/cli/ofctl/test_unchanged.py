"""Comparing by bytes leaves out nothing that differs, and finds all that does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.base.options import CommandError
from vswitch.cli.ofctl.comparison import differences
from vswitch.cli.ofctl.unchanged import Dump, differing
from vswitch.openflow.flowlines import FlowLine, FlowLines, flow_mod
from vswitch.openflow.message import HEADER, encode
from vswitch.openflow.messages.flowstats import FlowStats, FlowStatsReply
from vswitch.openflow.messages.hello import EchoReply
from vswitch.openflow.names import OFPTT_ALL
from vswitch.openflow.version import ALL_VERSIONS

KINDS = (
    "table={b},priority={h},tcp,tp_dst={h},actions=output:{a}",
    "priority={h},cookie={h},ip,nw_src=10.0.{b}.0/24,actions=resubmit(,{a})",
    "table={b},idle_timeout={h},arp,arp_spa=1.2.3.{b},actions=drop",
    "vlan_tci=0x2000/0x2000,importance={b},actions={a}",
    "table={b},in_port={h},hard_timeout={b},actions=goto_table:9",
)
LINES = st.lists(
    st.builds(
        lambda kind, b, h, a: kind.format(b=b, h=h, a=a),
        st.sampled_from(KINDS),
        st.integers(0, 2),
        st.sampled_from((1, 2, 0x8000)),
        st.integers(1, 2),
    ),
    max_size=24,
)


def lines_of(texts: list[str]) -> list[FlowLine]:
    """What the texts say, most of them by plan."""
    reader = FlowLines()
    for kind in KINDS:
        for _ in range(3):
            reader.read(kind.format(b=1, h=1, a=1))
    return [reader.read(text) for text in texts]


def dump_of(texts: list[str], version: int, nx: bool) -> Dump:
    """What a switch with these flows tells."""
    flows = {}
    for mod in map(flow_mod, lines_of(texts)):
        table = 0 if mod.table_id == OFPTT_ALL else mod.table_id
        rest = mod.new_cookie or 0, 1, 2, mod.idle_timeout, mod.hard_timeout, 5, 6, 7, 8, 0, mod.importance
        flows[table, mod.priority, mod.match] = FlowStats(mod.match, mod.actions, mod.priority, table, *rest)
    data = encode(FlowStatsReply(tuple(flows.values()), nx), version, 1)
    return Dump(version, iter([data[: HEADER.unpack_from(data)[2]]]))


def told(one, other):
    """The flows of which there are two versions, or one."""
    keys = one.keys() | other.keys()
    return {key: (one.get(key), other.get(key)) for key in keys if one.get(key) != other.get(key)}


@pytest.mark.parametrize("version", sorted(ALL_VERSIONS))
@given(wanted=LINES, present=LINES, nx=st.booleans())
def test_the_differences_are_those_of_what_the_bytes_mean(version, wanted, present, nx):
    decoded = differing([], dump_of(present, version, nx)).others
    again = encode(FlowStatsReply(tuple(decoded), nx), version, 1)
    by_meaning = told(differences(lines_of(wanted), [])[0], differences(Dump(version, iter([again])), [])[0])
    lines = lines_of(wanted)
    assert told(*differences(lines, dump_of(present, version, nx))) == by_meaning
    swapped = told(*differences(dump_of(present, version, nx), lines))
    assert {key: (after, before) for key, (before, after) in swapped.items()} == by_meaning


@pytest.mark.parametrize(("version", "nx"), [(1, True), (3, False), (4, False), (5, False)])
def test_what_is_the_same_is_left_out(version, nx):
    """But for what the version tells otherwise than it was said: importance, and goto_table in OpenFlow 1.0."""
    kinds = [kind for kind in KINDS if "importance" not in kind and ("goto" not in kind or not nx)]
    texts = [kind.format(b=b, h=1, a=1) for b in range(3) for kind in kinds]
    assert differing(lines_of(texts), dump_of(texts, version, nx)) == ([], {}, [], [])


def test_a_flow_that_is_told_twice_is_what_was_told_last():
    text = "table=1,priority=5,actions=drop"
    (first,), (second,) = (
        list(dump_of([t], 4, False).replies) for t in (text, "table=1,priority=5,actions=1")
    )
    for told_last, replies in ((second, [first, second]), (first, [second, first])):
        found = differing(lines_of([text]), Dump(4, iter(replies)))
        assert (len(found.unseen), len(found.others)) == (0, 0)
        assert len(found.changed) == len(found.changes) == (told_last is second)


@pytest.mark.parametrize(
    "data",
    [
        encode(EchoReply(), 4, 1),
        encode(FlowStatsReply((FlowStats(flow_mod(lines_of(["actions=drop"])[0]).match),)), 4, 1)[:-3],
    ],
)
def test_what_is_no_dump(data):
    whole = data[:2] + len(data).to_bytes(2, "big") + data[4:]
    with pytest.raises(CommandError, match="dump flows"):
        differing(lines_of(["actions=drop"]), Dump(4, iter([whole])))
