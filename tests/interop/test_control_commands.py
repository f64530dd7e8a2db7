"""Commands of ovs-appctl with arguments good and bad: what both switches say, and with what status they do."""

from pathlib import Path

import pytest

from tests.interop.test_vswitchd import BUILD, PING, play

pytestmark = pytest.mark.interop

FLOW = "in_port(1),eth(),eth_type(0x800),ipv4()"
SCRIPTS = {
    "which megaflows are shown": [
        "ovs-appctl time/stop",
        f"ovs-appctl netdev-dummy/receive p1 {PING}",
        "ovs-appctl netdev-dummy/receive p2 in_port(2),eth(src=50:54:00:00:00:09,dst=50:54:00:00:00:0b),"
        "eth_type(0x0806),arp()",
        *(
            f"ovs-appctl dpctl/dump-flows {words}"
            for words in (
                *("filter=in_port=1", "filter=in_port=p2", "filter=in_port=p7", "filter=ip", "filter=arp"),
                *("filter=icmp", "filter=dl_src=50:54:00:00:00:09", "filter=ip,nw_src=1.2.3.4"),
                *("filter=dl_vlan=5", "filter=vlan_tci=0", "filter=recirc_id=1", "filter="),
                *("filter=priority=5", "filter=nw_src=1.2.3.4", "filter=ip,nw_src=1.2.3.4/24", "filter=eth"),
                *("filter=in_port=1,in_port=1", "filter=in_port", "filter=bogus", "filter"),
                *("type=ovs", "type=all", "type=tc", "type=dpdk", "type=offloaded", "type=non-offloaded"),
                *("type=partially-offloaded", "type=ovs,tc", "type=ovs,x", "type=", "pmd=0", "pmd=-1"),
                *("--names", "--names --no-names", "--no-names --names", "--names=x", "--", "-", "-sx", "-x"),
                *("--clear", "--may-create", "--zero", "--read-only", "--color", "--help", "-t 5", "--bogus"),
                *("dummy@ovs-dummy filter=ip", "--names type=ovs filter=ip", "nope", "dummy@nope"),
            )
        ),
    ],
    "megaflows by hand": [
        "ovs-appctl time/stop",  # no revalidator removes what it does not know
        f"ovs-appctl dpctl/add-flow --bogus {FLOW} 2",
        f"ovs-appctl dpctl/mod-flow {FLOW} 2",
        f"ovs-appctl dpctl/mod-flow --may-create {FLOW} 2",
        f"ovs-appctl dpctl/mod-flow {FLOW} 3",
        "ovs-appctl dpctl/dump-flows",
        f"ovs-appctl dpctl/del-flow -s {FLOW}",
        f"ovs-appctl dpctl/del-flow -s {FLOW}",
        "ovs-appctl dpctl/del-flow ufid:00000000-0000-0000-0000-000000000001",
        "ovs-appctl dpctl/del-flows --bogus",
        "ovs-appctl dpctl/parse-actions --bogus 1",
        "ovs-appctl dpctl/show --bogus",
        "ovs-appctl dpctl/show -x",
        "ovs-appctl dpctl/show --statistics",
        "ovs-appctl dpctl/show netdev@nope",
    ],
    "packets by hand": [
        "ovs-appctl time/stop",
        *(
            f"ovs-appctl netdev-dummy/receive p1 {words}"
            for words in (
                *("--qid", "--qid 0", "--qid x in_port(1),eth()", "--qid 1 in_port(1),eth()"),
                *("--qid 0 in_port(1),eth()", "--foo in_port(1),eth()", "in_port(1),eth() --foo"),
                *("in_port(1),eth() --qid 0", "--len 100 in_port(1),eth()", "in_port(1),eth() --len x"),
                *("in_port(1),eth() --len 59", "in_port(1),eth() --len 60", "in_port(1),eth() --len -1"),
                *("in_port(1),eth() --len 1500", "0123456789", "01234567890123456789012345"),
                *("01234567890123456789012345678", "0123456789012345678901234567"),
                *("0123456789012345678901234567 --len 60", "in_port(1),eth() in_port(2)"),
            )
        ),
    ],
    "what ports have carried": [
        "ovs-appctl time/stop",
        f"ovs-appctl netdev-dummy/receive p1 {PING}",
        *(f"ovs-ofctl dump-ports br0 {port}" for port in ("p1", "p2", "pa", "in1", "LOCAL")),
        *(f"ovs-ofctl -O OpenFlow14 dump-ports br0 {port}" for port in ("p1", "pa", "LOCAL")),
        "ovs-ofctl dump-ports br1 pb",
        "ovs-appctl dpctl/show -s",
    ],
    "tags on ports": [
        "ovs-vsctl set port p3 tag=5",
        *(
            line
            for settings in (
                *("tag=5", "vlan_mode=trunk", "vlan_mode=trunk trunks=0,5", "vlan_mode=trunk trunks=5"),
                *("vlan_mode=native-untagged tag=5", "vlan_mode=native-untagged tag=5 trunks=7"),
                *("vlan_mode=native-untagged tag=0", "vlan_mode=native-untagged tag=0 trunks=7"),
                *("vlan_mode=native-tagged tag=5", "vlan_mode=native-tagged trunks=0", "tag=0"),
            )
            for tags in ("never", "if-nonzero")
            for line in (
                "ovs-vsctl clear port p1 vlan_mode tag trunks -- "
                f"set port p1 {settings} other_config:priority-tags={tags}",
                *(
                    f"ovs-appctl ofproto/trace br0 in_port={packet},dl_src=02:00:00:00:00:01,"
                    "dl_dst=ff:ff:ff:ff:ff:ff,dl_type=0x1234"
                    for packet in (
                        *("LOCAL", "LOCAL,dl_vlan=5,dl_vlan_pcp=0", "LOCAL,dl_vlan=5,dl_vlan_pcp=3"),
                        *("7", "3", "1", "1,dl_vlan=5,dl_vlan_pcp=0", "1,dl_vlan=7,dl_vlan_pcp=2"),
                    )
                ),
            )
        ),
    ],
    "learned addresses": [
        "ovs-appctl time/stop",
        "ovs-vsctl set bridge br0 other_config:mac-table-size=2000000",
        "ovs-appctl fdb/stats-show br0",
        "ovs-vsctl set bridge br0 other_config:mac-table-size=2",
        "ovs-appctl fdb/stats-show br0",
        "ovs-appctl fdb/add br0 p1 -1 00:00:00:00:00:02",
        "ovs-appctl fdb/add br0 p1 70000x 00:00:00:00:00:03",
        "ovs-appctl fdb/show br0",
        "ovs-appctl fdb/del br0 65535 00:00:00:00:00:02",
        "ovs-appctl fdb/del br0 4464 00:00:00:00:00:03",
        *(f"ovs-appctl time/warp {words}" for words in ("5x", "-5", "0", "99999999999", "10 x", "10 -1")),
        *(f"ovs-appctl fdb/add br0 p1 0 00:00:00:00:00:0{n}" for n in range(8)),
        *(
            f"ovs-appctl netdev-dummy/receive p{n % 2 + 1} in_port({n % 2 + 1}),eth(src=00:00:00:00:00:1{n})"
            for n in range(8)
        ),
        "ovs-appctl fdb/show br0",
        "ovs-appctl fdb/add br0 p2 0 00:00:00:00:00:07",
        "ovs-appctl fdb/add br0 p2 0 00:00:00:00:00:07",
        "ovs-appctl fdb/add br0 br0 0 00:00:00:00:00:07",
        "ovs-appctl fdb/add br0 p1 0 00:00:00:00:00:07",
        "ovs-appctl fdb/add br0 p1 0 00:00:00:00:00:17",
        "ovs-appctl fdb/show br0",
    ],
    "levels of the log": [
        f"ovs-appctl vlog/set {words}"
        for words in (
            *("Pattern:file:%p", "pattern:", "pattern:nowhere:%m", "facility:", "FACILITY:x", "Facility:daemon"),
            *("pattern", "ANY", "dbg:bridge", "bridge:dbg:info"),
        )
    ]
    + ["ovs-appctl vlog/list-pattern"],
}  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_both_say_the_same(script: list[str], tmp_path: Path) -> None:
    for name in ("peer", "ours"):
        (tmp_path / name).mkdir()
    commands = BUILD + "\n".join(script)
    ours = play(commands, tmp_path / "ours", "peer", "ours")
    assert ours == play(commands, tmp_path / "peer", "peer", "peer")
