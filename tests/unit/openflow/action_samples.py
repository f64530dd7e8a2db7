"""Every action, in text: one sample at least of each form that ovs-actions(7) has."""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.flow.match import Match, parse_match
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.message import decode, encode
from vswitch.openflow.messages.flow import FlowMod
from vswitch.openflow.version import ALL_VERSIONS

# fmt: off
SAMPLES: tuple[tuple[str, str], ...] = (
    ("", "output:1"), ("", "LOCAL"), ("", "IN_PORT"), ("", "NORMAL"), ("", "FLOOD"), ("", "ALL"), ("", "CONTROLLER"),
    ("", "CONTROLLER:128"), ("", "output(port=3,max_len=100)"), ("", "output:NXM_NX_REG1[0..15]"),
    ("", "output:OXM_OF_METADATA[0..31]"), ("", "enqueue:3:9"), ("", "set_queue:3"), ("", "pop_queue"), ("", "group:7"),
    ("", "controller(reason=no_match,max_len=9,id=7)"), ("", "controller(userdata=01.02.03,pause)"),
    ("", "controller(meter_id=3,userdata=ff)"), ("", "drop"),
    ("", "bundle(eth_src,0,hrw,ofport,members:4,8)"), ("", "bundle(symmetric_l4,7,active_backup,ofport,members:)"),
    ("", "bundle_load(nw_dst,7,active_backup,ofport,NXM_NX_REG0[],members:4)"),
    ("", "multipath(symmetric_l4,50,hrw,12,0,NXM_NX_REG1[])"), ("", "multipath(eth_src,1,iter_hash,4,9,NXM_NX_REG1[0..5])"),
    ("", "resubmit:1"), ("", "resubmit(,2)"), ("", "resubmit(1,2)"), ("ip,ct_state=+trk+est", "resubmit(,2,ct)"),
    ("", "clone(output:1,set_queue:3)"), ("", "exit"), ("", "note:01.02.03.04.05.06"),
    ("", "conjunction(5,1/2),conjunction(6,2/3)"), ("", "goto_table:9"), ("", "write_metadata:0x5/0xff"),
    ("", "output:1,clear_actions,write_actions(output:2,set_queue:1),goto_table:3"), ("", "meter:4,output:1"),
    ("", "load:0x5->NXM_NX_REG0[0..15]"), ("", "load:0x123456789abcdef0->OXM_OF_METADATA[]"),
    ("", "move:NXM_NX_REG0[0..5]->NXM_NX_REG1[3..8]"), ("", "set_field:0x5/0xf->reg3"), ("", "set_field:7->tun_id"),
    ("", "set_field:0x1234->xreg1"), ("", "set_field:0x1234/0xffff->xxreg1"), ("", "set_field:00:11:22:33:44:55->eth_src"),
    ("", "push:NXM_NX_REG1[]"), ("", "pop:NXM_NX_REG1[0..3]"), ("", "set_tunnel:0x5"), ("", "set_tunnel64:0x500000000"),
    ("", "check_pkt_larger(1500)->NXM_NX_REG0[0]"), ("", "delete_field:tun_metadata0"),
    ("", "sample(probability=9,collector_set_id=1,obs_domain_id=2,obs_point_id=3)"),
    ("", "sample(probability=9,collector_set_id=1,obs_domain_id=2,obs_point_id=3,sampling_port=7)"),
    ("", "sample(probability=9,collector_set_id=1,obs_domain_id=2,obs_point_id=3,sampling_port=7,egress)"),
    ("", "mod_dl_src:00:11:22:33:44:55"), ("", "mod_dl_dst:00:11:22:33:44:55"), ("", "mod_vlan_vid:7"),
    ("", "mod_vlan_pcp:3"), ("dl_vlan=5", "strip_vlan"), ("", "push_vlan:0x8100"), ("", "push_mpls:0x8847"),
    ("dl_vlan=5", "set_vlan_vid:7"), ("dl_vlan=5", "set_vlan_pcp:2"), ("", "encap(nsh(md_type=1))"),
    ("", "encap(nsh(md_type=2,tlv(0x1000,10,0x12345678)))"), ("", "encap(ethernet)"), ("", "encap(mpls)"),
    ("", "decap"), ("", "decap(packet_type(ns=0,type=0))"), ("dl_type=0x894f", "dec_nsh_ttl"),
    ("mpls", "pop_mpls:0x800"), ("mpls", "set_mpls_label:7"), ("mpls", "set_mpls_tc:3"), ("mpls", "set_mpls_ttl:9"),
    ("mpls", "dec_mpls_ttl"), ("ip", "mod_nw_src:1.2.3.4"), ("ip", "mod_nw_dst:5.6.7.8"), ("ip", "mod_nw_tos:32"),
    ("ip", "mod_nw_ecn:2"), ("ip", "mod_nw_ttl:9"), ("ip", "dec_ttl"), ("ip", "dec_ttl(1,2)"),
    ("udp", "mod_tp_src:1"), ("udp", "mod_tp_dst:2"), ("ip", "set_field:1.2.3.4->ip_src"),
    ("ipv6", "set_field:fe80::1->ipv6_src"), ("tcp", "fin_timeout(idle_timeout=3,hard_timeout=4)"),
    ("ip", "ct"), ("ip", "ct_clear"), ("ip", "ct(commit,zone=5,exec(set_field:0x1->ct_mark))"),
    ("ip", "ct(table=3,zone=NXM_NX_REG0[0..15])"), ("ip", "ct(commit,nat(src=10.0.0.1-10.0.0.9:80-90,random))"),
    ("ip", "ct(nat)"), ("tcp", "ct(commit,force,alg=ftp,nat(dst=1.1.1.1,persistent,hash))"),
    ("ipv6", "ct(commit,nat(src=fe80::1-fe80::9))"),
    ("", "learn(table=1,idle_timeout=10,priority=7,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])"),
    ("ip", "learn(table=3,cookie=0x9,send_flow_rem,eth_type=0x800,NXM_OF_VLAN_TCI[0..11],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15])"),
    ("", "learn(table=1,limit=4,result_dst=NXM_NX_REG0[3],delete_learned,load:0x7->NXM_NX_REG1[0..3],eth_type=0x800,nw_proto=6)"),
)

# Forms that nothing is encoded in, but that others may send: the match of the flow, and the action's bytes.
RECEIVED: tuple[tuple[str, str], ...] = (
    ("", "ffff00100000232000010003" + "00000000"),  # resubmit that cannot name a table
    ("", "ffff0018 00002320 0020 03c0 0064 00010204 000000000000"),  # output_reg2
    ("", "ffff0018 00002320 0021 00010204 00000005 000000000000"),  # reg_load2
    ("", "ffff0028 00002320 0033 0009 00000001 00000000 00000002 00000000 00000003 0007 01 00 00000000"),  # sample4
    ("", "ffff0020 4f4e4600 0c80 0000 0006 0000 0003 0000 00010004 00010204 00000000"),  # copy_field
    ("", "ffff0020 00002320 0016 000000000000 0000000000000005 00000000000000ff"),  # write_metadata
    ("", "ffff0010 00002320 0002 0000 00000005"), ("", "ffff0018 00002320 0009 000000000000 0000000000000005"),
    ("dl_vlan=5", "0001 0008 0007 0000"), ("dl_vlan=5", "0002 0008 03 000000"),
    ("", "0003 0010 001122334455 000000000000"), ("", "0004 0010 001122334455 000000000000"),
    ("ip", "0005 0008 01020304"), ("ip", "0006 0008 01020304"), ("ip", "0007 0008 20 000000"),
    ("", "ffff0010 00002320 00fe 000000000000"), ("", "ffff0010 00002320 00ff 000000000000"),  # debug_slow, debug_recirc
    ("ip", "0008 0008 02 000000"), ("mpls", "000d 0008 00000007"), ("mpls", "000e 0008 03 000000"),
)
# fmt: on


def flow_mods() -> Iterator[tuple[str, int, bytes]]:
    """Each sample as a flow-mod, in every version that can say it."""
    for match, actions in SAMPLES:
        flow_mod = FlowMod(match=parse_match(match) if match else Match(), actions=parse_actions(actions))
        for version in sorted(ALL_VERSIONS):
            if not all(item.encode(version) for item in flow_mod.actions):
                continue
            try:
                data = encode(flow_mod, version, 2, table_ids=False)
                decode(data)
            except OpenFlowError:
                continue
            yield actions, version, data


def received() -> Iterator[tuple[str, int, bytes]]:
    """The flow-mods with actions that only others send, in each version."""
    for match, digits in RECEIVED:
        actions = bytes.fromhex(digits)
        for version in sorted(ALL_VERSIONS):
            flow_mod = FlowMod(match=parse_match(match) if match else Match())
            data = encode(flow_mod, version, 2, table_ids=False)
            if version > 1:
                data += (4).to_bytes(2, "big") + (len(actions) + 8).to_bytes(2, "big") + bytes(4)
            data += actions
            yield digits, version, data[:2] + len(data).to_bytes(2, "big") + data[4:]
