"""What the peer's `ovs-ofctl` and ours make of random texts: the same; `python -m tests.interop.textfuzzing` tries more."""

from __future__ import annotations

from random import Random

import pytest

from tests.interop.textfuzzing import EXCEPTIONS, KINDS, NOBODY, Case, cases, differences, excepted, shown

pytestmark = pytest.mark.interop

# How many texts of each kind: 7 ms for one.
COUNTS = {
    "flow": 500,
    "flows": 120,
    "group": 200,
    "actions": 120,
    "entries": 120,
    "packet-out": 120,
    "query": 120,
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_peer_and_we_say_the_same(kind: str) -> None:
    some = cases(Random(f"text {kind}"), COUNTS.get(kind, 60), [kind])
    assert not [shown(*difference) for difference in differences(some)]


_QUERY = ("--no-names", "-O", "OpenFlow13", "dump-flows", NOBODY)
_OPTION = "{class=3,type=3,len=4}->tun_metadata7"
_PACKET = "in_port=1 packet=50540000000150540000000208000000 actions="
_FIELDS = (
    "-O",
    "OpenFlow15",
    "parse-group",
    "group_id=1,type=select,selection_method=hash,bucket=1,fields({})",
)

# What fuzzing has found.
FOUND = (
    *(Case((*_QUERY, f"out_group={group}")) for group in ("ANY", "all", "0x10", "08", "5x", "-1")),
    *(Case(("ct-flush", NOBODY, *ends)) for ends in (("ct_nw_src=0.0.0.0", "ct_ipv6_src=::"), ("ct_ipv6_dst=::1", "ct_nw_dst=x"))),
    *(Case(("add-tlv-map", NOBODY, _OPTION + rest)) for rest in (",", _OPTION, ",x", "x", f",{_OPTION}")),
    *(Case(("parse-flow", f"actions=write_metadata:{text}")) for text in ("x/y", "/18446744073709551616", "x/1")),
    *(Case(("parse-nxm",), f"NXM_OF_ETH_DST_W(0123456789ab/{mask}")
      for mask in (")", "01)", "012xyzw)", "01z,NXM_OF_ETH_DST(01)", "0123456789abcd)")),
    *(Case(("--no-names", "packet-out", NOBODY, _PACKET + text))
      for text in ("ct,write_metadata:10,group(5),group(5)", "output:1,goto_table:1,output:2", "meter:1,meter:2")),
    *(Case((*_FIELDS[:3], _FIELDS[3].format(text)))
      for text in ("ct_state=0", "ct_state=255/255", "tun_flags=1", "nw_frag=first", "nw_frag=later", "nw_frag=yes")),
    *(Case(("-O", version, "parse-group", f"group_id=5,type={kind},bucket=watch_port={port},actions={action}"))
      for version in ("OpenFlow10", "OpenFlow15") for kind in ("ff", "indirect") for port in ("CONTROLLER", "LOCAL")
      for action in ("1", "x")),
    Case(("-O", "OpenFlow13", "dump-groups", NOBODY, "0x10")),
    *(Case(("-O", version, "parse-flow", text)) for version in ("OpenFlow10", "OpenFlow13", "OpenFlow15") for text in (
        "nsh_c1=1,tun_id=1,tun_src=1.1.1.1,tun_metadata5=1,tun_flags=+oam,tun_gbp_id=1,tun_erspan_idx=1,actions=drop",
        "mplsm,packet_type=(1,0x806),actions=drop", "vlan_tci=100,ipv6,actions=drop", "vlan_tci=0x2001/0x2001,actions=drop",
        "dl_type=0x894f,actions=set_field:1/1->nsh_c1,load:1->nsh_ttl[0..3],load:1->nsh_c2[],set_field:1->nsh_spi",
        "actions=load:1->tun_erspan_idx[],set_field:1/0xfffff->tun_erspan_idx,load:1->tun_gtpu_flags[]",
        "dl_vlan=7,actions=set_field:0x3005->vlan_tci,set_field:5->vlan_tci", "arp,actions=set_field:1->arp_op",
        "dl_vlan=1,actions=set_field:0x1005/0x1fff->vlan_vid", "actions=learn(tun_flags=1,ct_state=1)",
        "actions=load:1->in_port[0],set_field:1->tun_flags,set_field:1/1->tun_flags",
        "actions=bundle_load(eth_src,0,hrw,ofport,tun_erspan_idx[0],members:1)", "actions=multipath(eth_src,0,hrw,1,0,nsh_c1[0])",
    )),
    Case(("-O", "OpenFlow11", "parse-flow", "ip,actions=set_field:2->nw_ecn")),
    *(Case(("parse-flow", f"{field}[0]=2,actions=drop")) for field in ("mpls_label", "ip_src", "eth_src", "tcp_flags", "reg0", "in_port")),
    *(Case(("parse-flow", f"actions=check_pkt_larger{text}")) for text in (
        "(3->reg0[0]", ":3->reg0[0]", "(3)x->reg0[0]", "(3", "(3)->", "(a->b->reg0[0]", "(3)->reg0[0]->reg1[0]")),
    *(Case(("parse-flow", f"actions={text}")) for text in (
        "goto_table:1,output:1,conjunction(1,1/2)", "goto_table:1,conjunction(1,1/2)", "nat,conjunction(1,1/2)")),
    *(Case(("parse-group", f"group_id=1,type={text}")) for text in (
        "all,bucket=weight=1,meter:5", "indirect,bucket=meter:5,bucket=output:1", "all,bucket=meter:5,meter:6", "all,bucket=meter:5",
    )),
    *(Case(("--no-names", "packet-out", NOBODY, f"packet=0000000000000000000000000000 packet_type={text} actions=foo"))
      for text in ("(1,70000)", "(x", "x")),
)  # fmt: skip


@pytest.mark.parametrize("case", FOUND, ids=lambda case: " ".join(case.words)[-50:])
def test_what_fuzzing_has_found(case: Case) -> None:
    assert not [shown(*difference) for difference in differences(iter([case]))]


def test_every_exception_is_of_use() -> None:
    rng, seen = Random(5), set()
    for kind, maker in KINDS.items():
        seen |= {excepted(maker(rng)) for _ in range(8000 if kind == "actions" else 1500)}
    assert {each.reason for each in EXCEPTIONS} <= seen


def test_a_difference_is_found_and_shown() -> None:
    case = Case(("parse-flow", "reg16=1,actions=drop"))  # newer than the peer
    ((found, they, we),) = differences(iter([case]))
    assert found == case
    assert "reg16" in shown(case, they, we)
    assert (they.status, we.status) == (1, 0)
