"""Random pipelines and packets, as text: what both the peer and we can be given."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

TYPES = ("", "ip", "tcp", "udp", "icmp", "arp", "ipv6", "tcp6", "udp6")
_ADDRESSES4 = ("10.0.0.1", "10.0.0.2", "10.0.1.1", "10.1.0.1", "192.168.0.1", "192.168.128.9", "0.0.0.0")
_ADDRESSES6 = ("fe80::1", "fe80::2", "2001:db8::1", "2001:db8:1::1", "::")
_MACS = (
    "50:54:00:00:00:01",
    "50:54:00:00:00:02",
    "00:00:00:00:00:00",
    "ff:ff:ff:ff:ff:ff",
    "01:00:5e:00:00:01",
)


GROUPS = (
    "group_id=1,type=all,bucket=actions=mod_vlan_vid:5,output:2,bucket=actions=load:1->NXM_NX_REG1[],output:3",
    "group_id=2,type=ff,bucket=watch_port:9,actions=output:2,bucket=watch_port:3,actions=dec_ttl,output:3",
    "group_id=3,type=select,selection_method=hash,fields(ip_src,tcp_dst,eth_src),"
    "bucket=weight=0,actions=output:2,bucket=weight=9,actions=output:1",
    "group_id=4,type=indirect,bucket=actions=set_field:10->reg0,resubmit(,2)",
    "group_id=5,type=select,bucket=actions=output:1,bucket=weight=2,actions=output:2,bucket=actions=output:3",
)


def packet(rng: Random) -> str:
    """The flow of a packet."""
    kind = rng.choice(TYPES)
    words = [f"in_port={rng.randint(1, 3)}", *([kind] if kind else ["dl_type=0x88b5"])]
    words += [f"dl_src={rng.choice(_MACS[:3])}", f"dl_dst={rng.choice(_MACS)}"]
    if rng.random() < 0.3:
        words += [f"dl_vlan={rng.choice((1, 5, 10))}", f"dl_vlan_pcp={rng.choice((0, 3))}"]
    if kind in ("ip", "tcp", "udp", "icmp"):
        words += [f"nw_src={rng.choice(_ADDRESSES4)}", f"nw_dst={rng.choice(_ADDRESSES4)}"]
        if kind == "ip":
            words.append(f"nw_proto={rng.choice((47, 2, 89))}")
    elif kind == "arp":
        words += [f"arp_op={rng.randint(1, 2)}"]
        words += [f"arp_spa={rng.choice(_ADDRESSES4)}", f"arp_tpa={rng.choice(_ADDRESSES4)}"]
    elif kind:
        words += [f"ipv6_src={rng.choice(_ADDRESSES6)}", f"ipv6_dst={rng.choice(_ADDRESSES6)}"]
        if kind == "ipv6":
            words.append(f"nw_proto={rng.choice((47, 89))}")
    if kind in ("tcp", "udp", "tcp6", "udp6"):
        words += [
            f"{kind[:3]}_src={rng.choice((1, 80, 1024))}",
            f"{kind[:3]}_dst={rng.choice((1, 80, 443, 1024))}",
        ]
    if kind == "icmp":
        words += [f"icmp_type={rng.choice((0, 8))}", "icmp_code=0"]
    if kind and kind != "arp":
        words += [f"nw_ttl={rng.choice((1, 2, 64))}", f"nw_tos={rng.choice((0, 32))}"]
    return ",".join(words)


def match(rng: Random, kind: str) -> str:
    """A match on packets of `kind`."""
    words = [kind] if kind else []
    if rng.random() < 0.3:
        words.append(f"in_port={rng.randint(1, 3)}")
    if rng.random() < 0.2:
        words.append(f"dl_dst={rng.choice(_MACS)}")
    if rng.random() < 0.2:
        words.append(rng.choice(("dl_vlan=5", "dl_vlan=10", "vlan_tci=0/0x1000", "vlan_tci=0x1000/0x1000")))
    if rng.random() < 0.2:
        words.append(f"reg0={rng.randint(0, 3)}")
    if kind in ("ip", "tcp", "udp", "icmp") and rng.random() < 0.6:
        length = rng.choice((8, 16, 24, 32, 24, 32))
        words.append(f"{rng.choice(('nw_src', 'nw_dst'))}={rng.choice(_ADDRESSES4)}/{length}")
    if kind in ("ipv6", "tcp6", "udp6") and rng.random() < 0.5:
        words.append(
            f"{rng.choice(('ipv6_src', 'ipv6_dst'))}={rng.choice(_ADDRESSES6)}/{rng.choice((32, 48, 64))}"
        )
    if kind == "arp" and rng.random() < 0.5:
        words.append(rng.choice(("arp_op=1", "arp_spa=10.0.0.1", "arp_tpa=10.0.0.0/16")))
    if kind in ("tcp", "udp", "tcp6", "udp6") and rng.random() < 0.5:
        words.append(rng.choice(("tp_dst=80", "tp_src=1024", "tp_dst=0x50/0xfff0", "tp_dst=443")))
    if kind and kind != "arp" and rng.random() < 0.1:
        words.append("nw_tos=32")
    return ",".join(words)


def actions(rng: Random, table: int, kind: str, groups: Sequence[int] = ()) -> str:
    """Actions of OpenFlow 1.0 with Nicira's extensions, for packets of `kind`."""
    pool = [
        *("1", "2", "3", "IN_PORT", "LOCAL", "NORMAL", "FLOOD"),
        *(f"load:{value}->NXM_NX_REG0[]" for value in range(3)),
        "load:1->NXM_NX_REG1[0..7]",
        "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]",
        "move:NXM_NX_REG0[0..15]->NXM_NX_REG1[16..31]",
        *("mod_dl_src:50:54:00:00:00:09", "mod_dl_dst:50:54:00:00:00:0a", "mod_vlan_vid:5", "mod_vlan_pcp:2"),
        *("strip_vlan", "set_queue:1", "pop_queue", "dec_ttl", "mod_nw_tos:32", "mod_nw_src:10.9.9.9"),
        *("mod_tp_dst:99", "resubmit(2,)", "push:NXM_NX_REG0[]", "pop:NXM_NX_REG2[]", "load:5->NXM_NX_PKT_MARK[]"),
        *(f"resubmit(,{later})" for later in range(table + 1, 4)),
        f"resubmit({rng.randint(1, 3)},{rng.randint(0, 3)})",
        "learn(table=3,priority=5,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:1->NXM_NX_REG0[],output:NXM_OF_IN_PORT[])",
        "fin_timeout(idle_timeout=5)",
        *(f"group:{number}" for number in groups),
    ]  # fmt: skip
    if kind in ("tcp", "udp", "ip", "icmp"):
        pool += ["load:0x0a->NXM_OF_IP_DST[24..31]", "move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[]"]
    if kind in ("tcp", "tcp6"):
        pool += ["load:99->NXM_OF_TCP_DST[]", "move:NXM_OF_TCP_SRC[]->NXM_NX_REG2[0..15]"]
    if kind == "arp":
        pool += ["move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]", "load:2->NXM_OF_ARP_OP[]"]
    chosen = [rng.choice(pool) for _ in range(rng.randint(1, 5))]
    return ",".join(chosen)


def pipeline(rng: Random, rules: int, groups: Sequence[int] = ()) -> list[str]:
    """Rules for tables 0 to 3, no two of the same priority: which of two wins would be anybody's choice."""
    lines = []
    for priority in rng.sample(range(1, 1000), rules):
        table, kind = rng.choice((0, 0, 1, 2, 3)), rng.choice(TYPES)
        head = f"table={table},priority={priority},{match(rng, kind)}".rstrip(",")
        lines.append(f"{head} actions={actions(rng, table, kind, groups)}")
    return lines
