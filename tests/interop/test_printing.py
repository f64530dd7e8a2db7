"""What the peer's `ovs-ofctl` and ours print of a switch, with all options of printing: the same.

`python -m tests.interop.textprinting` tries more.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from tests.interop.textfuzzing import Case
from tests.interop.textprinting import Switch, differences, shown

pytestmark = pytest.mark.interop

# What random flows seldom show: every word that has a colour of its own.
FLOWS = (
    "priority=1,ip,nw_src=10.0.0.0/8,tcp_flags=+syn-ack,actions=drop",
    "priority=2,tcp,tun_gbp_flags=1,tun_id=5,ct_state=+trk+est,vlan_tci=0x1005/0x1fff,in_port=10,actions=output:3,in_port",
    "priority=3,actions=learn(table=1,fin_idle_timeout=6,fin_hard_timeout=7,priority=8,cookie=9,send_flow_rem,delete_learned,"
    "limit=5,result_dst=reg0[0],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],NXM_OF_VLAN_TCI[0..11],reg4[0..3]=5,output:NXM_OF_IN_PORT[])",
    "priority=4,ip,actions=ct(commit,force,table=5,zone=reg0[0..15],nat(src=1.1.1.1-2.2.2.2,random),exec(set_field:5->ct_mark))",
    "priority=5,ip,actions=controller(reason=action,max_len=5,id=6,pause,userdata=01),dec_ttl(1,2),dec_ttl,exit,strip_vlan",
    "table=5,send_flow_rem,importance=5,hard_timeout=1000,actions=write_metadata:5/7",
    "table=7,mpls,actions=set_mpls_ttl:5,move:reg0[]->reg1[],resubmit(1,7),resubmit(,5),bundle(eth_src,0,hrw,ofport,members:1,2)",
)
GROUP = (
    "group_id=5,type=select,bucket=weight:5,actions=output:1,set_field:5->reg1,bucket=weight:6,actions=drop"
)


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("printing")) as switch:
        yield switch


def test_both_programs_print_the_same_of_what_random_texts_make(switch: Switch) -> None:
    rng, found = Random("printing"), []
    for _ in range(3):
        switch.load(rng)
        found += [shown(*difference) for difference in differences(switch, rng, 50)]
    assert not found


@pytest.mark.parametrize("version", ["OpenFlow10", "OpenFlow13", "OpenFlow15"])
def test_every_colour_is_the_same(switch: Switch, version: str) -> None:
    switch.fill(FLOWS, [GROUP])
    for names in ("--names", "--no-names"):
        for words in ("dump-flows", "--no-stats dump-flows", "--sort dump-flows", "dump-groups"):
            case = Case(("-O", version, "--color=always", names, *words.split(), switch.target))
            they, we = switch.theirs(case, ""), switch.ours(case, "")
            assert they.status == 0
            assert "\033[" in they.output
            assert we == they, shown(case, "", they, we)


def test_a_difference_is_found_and_shown(switch: Switch) -> None:
    case = Case(("dump-desc", switch.target))
    they, we = switch.theirs(case, ""), switch.ours(case, "")._replace(status=3, output="x\n")
    assert "+++: 3" in shown(case, "", they, we)
    assert "+++: 'x'" in shown(case, "", they, we)


SORTED = (
    *("icmp6,icmp_type=5,icmp_code=3", "udp,tp_dst=5", "tcp,tp_dst=7", "tcp,priority=4", "sctp,tp_dst=1"),
    *("arp,arp_spa=1.1.1.1", "ip,nw_src=2.2.2.2", "arp,arp_op=2", "ip,nw_proto=3"),
)


def test_fields_that_share_bits_sort_the_same(switch: Switch) -> None:
    switch.fill([f"{each},actions=drop" for each in SORTED], [])
    for field in ("tp_dst", "udp_dst", "nw_src", "arp_spa", "nw_proto", "arp_op", "icmp_code", "icmpv6_code"):
        for option in ("sort", "rsort"):
            case = Case((f"--{option}={field}", "dump-flows", switch.target))
            assert switch.ours(case, "") == switch.theirs(case, "")
