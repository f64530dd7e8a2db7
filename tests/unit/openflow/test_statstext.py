"""Dumps of flows printed by plan: always the text of the general decoder and printer."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.openflow.field_samples import matches, on_the_wire
from vswitch.flow.field import Field, Flow
from vswitch.flow.match import Match, parse_match
from vswitch.flow.ports import OfPort
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.message import HEADER, encode
from vswitch.openflow.messages.flowstats import UNKNOWN_COUNT, FlowStats, FlowStatsReply
from vswitch.openflow.names import NO_NAMES, Names
from vswitch.openflow.printing import flows as _declared  # noqa: F401 - how to print them
from vswitch.openflow.printing.base import BYTES_PRINTERS
from vswitch.openflow.statstext import MAX_LEARNED, MAX_LISTS, FlowPrinter
from vswitch.openflow.text import print_message
from vswitch.openflow.version import ALL_VERSIONS

NAMES = Names({"eth0": OfPort(1), "p-2.5": OfPort(3)}, {"acl": 3})
KINDS = (
    "",
    "in_port={h}",
    "dl_src=00:00:00:{b:02x}:00:01,dl_dst=02:{b:02x}:00:00:00:00/fe:ff:00:00:00:00",
    "dl_vlan={c},ip,nw_src={b}.0.0.0/8,nw_dst=10.0.{b}.0/255.0.255.0",
    "tcp,nw_src=1.{b}.{b}.{c},tp_dst={h},tp_src={c}0/0xfff0",
    "udp6,ipv6_src=fe80::{h:x},ipv6_dst=2001:{h:x}::/32,in_port={c}",
    "arp,arp_spa=1.2.{b}.4,arp_tpa=0.0.0.0,arp_sha=00:00:00:00:00:{b:02x}",
    "icmp,icmp_type={c},icmp_code={b},nw_tos=32",
    "metadata={c}/0xff,tun_id={h},reg0={w},reg1={c}/0xf,reg5={w}",
    "xreg1=0x100000000,tun_src=1.1.1.{b},pkt_mark={b}/0xff",
    "ct_state=+trk+est,ct_mark={w},ct_label={b}/0xffffffff,ct_zone={c},tcp",
    "dl_type=0x1234,reg3={w},actset_output={c}",
    "tun_metadata0={w},reg2={w}",
)
ACTIONS = tuple(
    parse_actions(text)
    for text in (
        "drop",
        "output:1,2",
        "resubmit(,3),LOCAL",
        "set_field:0x5->reg0,goto_table:3",
        "load:1->NXM_NX_REG1[]",
    )
)
NUMBERS = (
    st.fixed_dictionaries(
        {
            "b": st.integers(0, 255),
            "c": st.integers(1, 9),
            "h": st.integers(0, 65535),
            "w": st.integers(0, 2**32 - 1),
        }
    )
    | st.just({"b": 0, "c": 1, "h": 0, "w": 0})
    | st.just({"b": 255, "c": 3, "h": 65534, "w": 2**32 - 1})
)
SMALL, SHORT = st.sampled_from((0, 1, 9)), st.sampled_from((0, 1, 0x8000, 0xFFFF))
LONG = st.sampled_from((0, 7, UNKNOWN_COUNT - 1, UNKNOWN_COUNT))
FLOWS = st.builds(
    FlowStats,
    st.builds(lambda kind, numbers: parse_match(kind.format(**numbers)), st.sampled_from(KINDS), NUMBERS),
    st.sampled_from(ACTIONS),
    SHORT,
    st.sampled_from((0, 3, 254)),
    LONG,
    SMALL,
    st.sampled_from((0, 1_000_000, 120_000_000, 1, 999_999_999)),
    SHORT,
    SHORT,
    LONG,
    LONG,
    st.none() | SMALL,
    st.none() | SMALL,
    st.integers(0, 31),
    SMALL,
)


def general(data: bytes, names: Names = NO_NAMES, show_stats: bool = True) -> str:
    """The text without plans."""
    with patch.dict(BYTES_PRINTERS, clear=True):
        return print_message(data, 0, names, show_stats)


def messages(flows: tuple[FlowStats, ...], version: int, nx: bool = True) -> Iterator[bytes]:
    """The messages that tell `flows`."""
    data = encode(FlowStatsReply(flows, nx), version, 1)
    while data:
        size = HEADER.unpack_from(data)[2]
        yield data[:size]
        data = data[size:]


@pytest.mark.parametrize("version", sorted(ALL_VERSIONS))
@given(
    flows=st.lists(FLOWS, max_size=8),
    nx=st.booleans(),
    names=st.sampled_from((NO_NAMES, NAMES)),
    stats=st.booleans(),
)
def test_plans_print_as_the_general_printer(version, flows, nx, names, stats):
    for data in messages(tuple(flows), version, nx):
        assert print_message(data, 0, names, stats) == general(data, names, stats)


@pytest.mark.parametrize("field", list(on_the_wire()), ids=lambda field: field.name)
def test_every_field_twice(field: Field):
    """The second flow is printed by what the first has taught."""
    for match in matches(field):
        free = field.mask & match.mask if field.needs.name != "none" or field.size > 1 else 0
        other = Match(Flow(match.value ^ (free & -free)), match.mask)
        flows = tuple(FlowStats(m) for m in (match, other, match))
        for version in sorted(ALL_VERSIONS):
            for data in messages(flows, version):
                assert print_message(data) == general(data)


@given(
    flows=st.lists(FLOWS, min_size=1, max_size=3),
    version=st.sampled_from((1, 4, 5)),
    changes=st.lists(st.tuples(st.integers(0, 511), st.integers(0, 255)), max_size=3),
    cut=st.integers(0, 40),
)
def test_bytes_that_are_wrong_are_left_to_the_general_printer(flows, version, changes, cut):
    for message in messages(tuple(flows), version):
        data = bytearray(message[: len(message) - cut] if cut % 3 == 0 else message)
        for at, byte in changes:
            data[12 + at % (len(data) - 12)] = byte
        data[2:4] = len(data).to_bytes(2, "big")
        assert print_message(bytes(data)) == general(bytes(data))


def test_flows_without_ages_for_people():
    flow = FlowStats(parse_match("tcp"), (), idle_age=3, hard_age=4, duration_sec=5)
    (data,) = messages((flow,), 1)
    form = next(form for form in FlowStatsReply.forms if form.kind == "NXST")
    line = " cookie=0, duration=5s, table=0, n_packets=0, n_bytes=0, tcp actions=drop".replace(
        "cookie=0", "cookie=0x0"
    )
    assert FlowPrinter(form, 1, NO_NAMES, show_ages=False).lines(data, 24) == [line]
    assert FlowPrinter(form, 1, NO_NAMES, show_stats=False).lines(data, 24) == [" tcp actions=drop"]


def test_the_memory_is_bounded():
    flows = tuple(
        FlowStats(
            parse_match(f"dl_vlan={number % 4000},nw_ttl={number // 4000},ip"),
            parse_actions(f"output:{number + 1}"),
        )
        for number in range(max(MAX_LEARNED, MAX_LISTS) + 10)
    )
    for data in messages(flows, 4):
        assert print_message(data) == general(data)
