"""Entries of dumps: what is kept of the flow before must not show in the next."""

from __future__ import annotations

import itertools

import pytest

from vswitch.flow.fields import ETH_TYPE
from vswitch.flow.match import parse_match
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.message import decode, encode
from vswitch.openflow.messages.flowstats import FlowRowsReply, FlowStats, FlowStatsReply
from vswitch.openflow.version import ALL_VERSIONS, OF10, OF11, OF13, OF14, OF15, Version
from vswitch.packet.numbers import ETH_IPV6

MATCHES = [
    parse_match(text)
    for text in (
        "tcp,nw_src=10.0.0.1,tp_dst=80",
        "tcp,nw_src=10.0.0.2,tp_dst=443",
        "udp,nw_src=10.0.0.2,tp_dst=443",  # the same mask on packets of another kind
        "icmp6,icmp_type=135,icmp_code=0",
        "icmp6,icmp_type=128,icmp_code=0",
        "dl_vlan=5",
        "dl_vlan=5,dl_vlan_pcp=3",
        "",
    )
]
ACTIONS = [parse_actions(text) for text in ("output:1", "output:2,output:3", "")]
FLOWS = tuple(
    FlowStats(match, actions, 5, 3, 7, 1, 2_000_000, 10, 20, 1 << 40, 9, age, age, 1, 2)
    for match, actions, age in itertools.product(MATCHES, ACTIONS, (0, 70_000))
)


def told(flow: FlowStats, version: Version, *, nx: bool) -> FlowStats:
    """What a version, or Nicira's form of OpenFlow 1.0, can tell of a flow."""
    age = min(flow.idle_age or 0, 0xFFFE)  # 0xffff on the wire
    return flow.replace(
        idle_age=age if nx else flow.idle_age if version == OF15 else None,
        hard_age=age if nx else None,
        flags=flow.flags if version >= OF13 else 0,
        importance=flow.importance if version >= OF14 else 0,
    )


@pytest.mark.parametrize(("version", "nx"), [(OF10, True), *((each, False) for each in sorted(ALL_VERSIONS))])
def test_every_flow_after_every_other_is_told_as_it_is(version: Version, nx: bool) -> None:
    flows = [flow for flow in FLOWS if version > OF11 or nx or ETH_TYPE.get(flow.match.value) != ETH_IPV6]
    pairs = tuple(itertools.chain.from_iterable(itertools.product(FLOWS[:12], flows)))
    rows = tuple(tuple(getattr(flow, name) for name in FlowStats.__match_args__) for flow in pairs)
    data = encode(FlowStatsReply(pairs, nx), version, 1)
    assert data == encode(FlowRowsReply(nx=nx, rows=rows), version, 1)  # type: ignore[arg-type]
    found: list[FlowStats] = []
    while data:
        length = int.from_bytes(data[2:4], "big")
        reply = decode(data[:length])[2]
        assert isinstance(reply, FlowStatsReply)
        found += reply.flows
        data = data[length:]
    assert found == [told(flow, version, nx=nx) for flow in pairs]
