from vswitch.dpif.actiontext import parse_actions
from vswitch.dpif.flowtext import format_bridge_megaflow, format_megaflow, format_stats
from vswitch.dpif.key import parse_key
from vswitch.dpif.megaflow import FlowStats, Megaflow, Ufid

UFID = Ufid(0x62544D6B2874486E8D42D4577C6EA4BA)
MEGAFLOW = Megaflow(
    UFID,
    *parse_key("in_port(1),packet_type(ns=0,id=0),eth(),eth_type(0x0800),ipv4(frag=no)"),
    parse_actions("2,push_vlan(vid=5,pcp=0),3"),
)
KEY = "recirc_id(0),in_port(1),packet_type(ns=0,id=0),eth_type(0x0800),ipv4(frag=no)"


def test_a_line():
    assert format_megaflow(MEGAFLOW, FlowStats(), 0.0) == (
        f"{KEY}, packets:0, bytes:0, used:never, actions:2,push_vlan(vid=5,pcp=0),3"
    )


def test_names():
    line = format_megaflow(MEGAFLOW, FlowStats(), 0.0, {1: "p1", 3: "p3"})
    assert "in_port(p1)" in line
    assert line.endswith("actions:2,push_vlan(vid=5,pcp=0),p3")


def test_verbose_lines():
    line = format_megaflow(MEGAFLOW, FlowStats(), 0.0, verbose=True)
    assert line.startswith("ufid:62544d6b-2874-486e-8d42-d4577c6ea4ba, skb_priority(0/0),skb_mark(0/0),")
    assert ", used:never, dp:ovs, actions:2," in line
    line = format_bridge_megaflow(MEGAFLOW, FlowStats(), 0.0, verbose=True)
    assert line.startswith("ufid:62544d6b-2874-486e-8d42-d4577c6ea4ba skb_priority(0/0),")
    assert "dp:ovs" not in line


def test_stats():
    assert (
        format_stats(FlowStats(1, 118, 99.9, 0x10), 100.001) == "packets:1, bytes:118, used:0.101s, flags:."
    )
    assert format_stats(FlowStats(1, 60, 100.0, 0xFFF), 100.0).endswith("flags:SFPRU.ECN[200][400][800]")
