"""ofproto/trace prints what the peer prints: the story, the megaflow, the datapath actions."""

import random
import re
from collections.abc import Iterator

import pytest

from tests.interop.tracing import PeerSwitch
from tests.switch import pipelines
from tests.switch.machine import Machine

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerSwitch]:
    with PeerSwitch(tmp_path_factory.mktemp("peer")) as switch:
        yield switch


STORIES = {
    "drop": (["actions=drop"], "in_port=1,ip"),
    "no rule": (["in_port=2 actions=1"], "in_port=1,ip"),
    "resubmit in the middle": (
        ["actions=resubmit(,1),2", "table=1 actions=1,5,IN_PORT,resubmit(2,2),3", "table=2,in_port=2 actions=2"],
        "in_port=1,tcp",
    ),
    "resubmit at the end": (["actions=resubmit(,1)", "table=1,cookie=0x55,tcp actions=2,resubmit(,2)"], "in_port=1,tcp"),
    "loop": (["actions=resubmit(,0)"], "in_port=1,ip"),
    "bomb": (["actions=resubmit(,1),resubmit(,1)", *(f"table={n} actions=resubmit(,{n + 1}),resubmit(,{n + 1})" for n in range(1, 20))], "in_port=1,ip"),
    "rewrites": (
        ["actions=mod_nw_src:1.2.3.4,mod_nw_tos:32,mod_tp_dst:80,mod_dl_src:50:54:00:00:00:01,2,dec_ttl,3"],
        "in_port=1,tcp,nw_ttl=64",
    ),
    "not IP": (["actions=mod_nw_src:1.2.3.4,mod_tp_dst:80,dec_ttl,2"], "in_port=1,dl_type=0x1234"),
    "TTL": (["actions=1,2,dec_ttl,3"], "in_port=1,udp,nw_ttl=1"),
    "VLANs of OpenFlow 1.0": (["actions=mod_vlan_vid:5,2,strip_vlan,3,mod_vlan_pcp:4,3"], "in_port=1,ip"),
    "pushes": (["actions=push_vlan:0x8100,set_field:4101->vlan_vid,2,pop_vlan,3"], "in_port=1,dl_vlan=7,dl_vlan_pcp=3,ip"),
    "registers": (
        ["actions=load:5->NXM_NX_REG0[],move:NXM_NX_REG0[0..3]->NXM_NX_REG1[4..7],resubmit(,1)", "table=1,reg1=0x50 actions=2", "table=1,priority=1 actions=3"],
        "in_port=1,udp",
    ),
    "metadata": (
        ["actions=write_metadata:0x5/0xf,goto_table:1", "table=1,metadata=5/7 actions=2,goto_table:3", "table=3 actions=3"],
        "in_port=1,udp,metadata=0x30",
    ),
    "action set": (
        [
            "actions=write_actions(set_field:1->reg1,output:2),write_metadata:4,goto_table:1",
            "table=1,cookie=0x55,ip actions=goto_table:2",
            "table=2,priority=5,ip actions=2,write_actions(set_field:2->ip_dscp,pop_vlan,push_vlan:0x8100,output:3)",
        ],
        "in_port=1,tcp",
    ),
    "action set cleared": (["actions=2,clear_actions,goto_table:1", "table=1 actions=write_actions(set_field:1->reg1)"], "in_port=1,tcp"),
    "floods": (["actions=FLOOD,ALL,LOCAL,NORMAL"], "in_port=1,tcp"),
    "queues": (["actions=set_queue:3,enqueue(2,7),LOCAL,pop_queue,2"], "in_port=1,tcp"),
    "controller": (["cookie=0x7,priority=3 actions=controller(reason=no_match,max_len=5,userdata=01),2"], "in_port=1,tcp"),
    "explicit miss": (["priority=0 actions=CONTROLLER:128"], "in_port=1,tcp"),
    "clone": (["actions=2,clone(mod_nw_dst:1.2.3.4,3),2"], "in_port=1,tcp"),
    "stack": (["actions=load:7->NXM_NX_REG0[],push:NXM_NX_REG0[],pop:NXM_NX_REG1[],pop:NXM_NX_REG2[],2"], "in_port=1,tcp"),
    "ARP": (["arp actions=load:2->NXM_OF_ARP_OP[],load:0x0a000009->NXM_OF_ARP_SPA[],2"], "in_port=1,arp,arp_op=1"),
    "ICMP": (["icmp actions=set_field:0->icmp_type,2"], "in_port=1,icmp,icmp_type=8"),
    "ND": (["icmp6,icmpv6_type=135,icmpv6_code=0 actions=set_field:fe80::1->nd_target,2"], "in_port=1,icmp6,icmpv6_type=135,icmpv6_code=0"),
    "IPv6": (["ipv6 actions=set_field:fe80::1->ipv6_src,dec_ttl,set_field:2->ip_dscp,2"], "in_port=1,tcp6,nw_ttl=9"),
    "fragments": (["tcp,tp_dst=80 actions=2", "priority=1 actions=3"], "in_port=1,tcp,nw_frag=first,tp_dst=80"),
    "later fragments": (["tcp,tp_dst=80 actions=2", "priority=1 actions=mod_tp_dst:5,3"], "in_port=1,tcp,nw_frag=later"),
    "output to a register": (["actions=load:2->NXM_NX_REG0[],output:NXM_NX_REG0[],output:NXM_NX_REG1[]"], "in_port=1,tcp"),
    "exit": (["actions=resubmit(,1),2", "table=1 actions=3,exit,LOCAL"], "in_port=1,tcp"),
    "note": (["actions=note:01.02,2"], "in_port=1,tcp"),
    "mark": (["actions=load:5->NXM_NX_PKT_MARK[],2"], "in_port=1,tcp"),
    "reserved multicast": (["actions=NORMAL"], "in_port=1,dl_dst=01:80:c2:00:00:0e"),
    "gratuitous ARP": (["actions=NORMAL"], "in_port=1,arp,arp_op=1,dl_dst=ff:ff:ff:ff:ff:ff,arp_spa=10.0.0.1,arp_tpa=10.0.0.1"),
    "truncation": (["actions=output(port=2,max_len=64),3"], "in_port=1,tcp"),
}  # fmt: skip


@pytest.mark.parametrize(("rules", "packet"), STORIES.values(), ids=STORIES)
def test_the_story_is_the_peers(peer: PeerSwitch, rules: list[str], packet: str) -> None:
    peer.flows(*rules)
    machine = Machine()
    machine.flows(*rules)
    assert comparable(machine.trace(packet)) == comparable(peer.trace(packet))


@pytest.mark.parametrize("seed", range(40))
def test_random_pipelines_have_the_peers_megaflows(peer: PeerSwitch, seed: int) -> None:
    rng = random.Random(seed)
    rules = pipelines.pipeline(rng, rng.choice((3, 10, 30)))
    peer.flows(*rules)
    machine = Machine()
    machine.flows(*rules)
    for _ in range(25):
        packet = pipelines.packet(rng)
        ours, theirs = comparable(machine.trace(packet)), comparable(peer.trace(packet))
        if "Translation failed" in theirs:  # then the peer's mask is whatever it was
            ours, theirs = (re.sub("Megaflow: .*", "", text) for text in (ours, theirs))
        assert ours == theirs, (packet, rules)


def comparable(trace: str) -> str:
    """A trace without what neither side promises: the order of flooding, and numbers of frozen states."""
    head, _, actions = re.sub(r"recirc_id=[1-9]\d*", "recirc_id=N", trace.strip()).partition(
        "Datapath actions: "
    )
    actions, newline, rest = actions.partition("\n")
    return f"{head}Datapath actions: {in_order(actions)}{newline}{rest}"


def in_order(actions: str) -> str:
    """Datapath actions with adjacent outputs in ascending order."""
    words = re.findall(r"(?:[^,()]|\((?:[^()]|\([^()]*\))*\))+", actions)
    runs: list[list[str]] = []
    for word in words:
        if word.isdigit() and runs and runs[-1][0].isdigit():
            runs[-1].append(word)
        else:
            runs.append([word])
    return ",".join(word for run in runs for word in sorted(run))
