"""Groups, meters, queues, bundles and tunnel options: our ovs-ofctl and the peer's, in turn, at the peer's switch; tunnel options at ours, too."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.interop.daemons import Daemons, Make

pytestmark = pytest.mark.interop

BUNDLE = """\
flow add table=3,actions=1
group add group_id=19,type=all,bucket=1
# a comment
flow delete table=3
"""
VERSIONS = ["OpenFlow10", "OpenFlow11", "OpenFlow12", "OpenFlow13", "OpenFlow14", "OpenFlow15"]
MAP = "{class=1,type=2,len=8}->tun_metadata1,{class=3,type=2,len=12}->tun_metadata2"


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemons]:
    with Daemons(tmp_path_factory.mktemp("ofctl"), "peer", "peer") as daemons:
        setup = "add-br br0 -- set bridge br0 datapath_type=dummy fail-mode=secure protocols=" + ",".join(
            VERSIONS
        )
        for port in ("p1", "p2"):
            setup += f" -- add-port br0 {port} -- set interface {port} type=dummy"
        daemons.run("peer", "ovs-vsctl", *setup.split())
        (daemons.directory / "bundle.txt").write_text(BUNDLE)
        (daemons.directory / "broken.txt").write_text("group add group_id=1,type=all\nfoo\n")
        (daemons.directory / "groups.txt").write_text("add group_id=1,type=all\ndelete group_id=1  # gone\n")
        yield daemons


@pytest.fixture(scope="module")
def our_switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemons]:
    with Daemons(tmp_path_factory.mktemp("ours"), "peer", "ours") as daemons:
        setup = "add-br br0 -- set bridge br0 datapath_type=dummy fail-mode=secure protocols=" + ",".join(
            VERSIONS
        )
        daemons.run("peer", "ovs-vsctl", *setup.split())
        yield daemons


def said(switch: Daemons, make: Make, commands: tuple[str, ...]) -> list[tuple[str, str, int]]:
    """What an ovs-ofctl says to each of `commands`; transaction ids and times are no part of that."""
    found = []
    for text in commands:
        words = text.split(" ")
        done = switch.run(make, "ovs-ofctl", *words, check=False)
        output = re.sub(r"xid=0x[0-9a-f]+", "xid=", re.sub(r"duration[=:][0-9.]+s", "duration=", done.stdout))
        messages = "".join(
            re.sub(r"xid=0x[0-9a-f]+", "xid=", line)
            for line in done.stderr.splitlines(keepends=True)
            if "|WARN|" not in line and not re.match(r"[0-9a-f]{8}  ", line)
        )
        if words[2].startswith("dump-group"):  # in the order of a hash table
            output = "".join(sorted(output.splitlines(keepends=True)))
        found.append((output, messages, done.returncode))
    return found


CONVERSATIONS = {
    "groups": (
        "add-group br0 group_id=1,type=all,bucket=output:1,bucket=weight:0,output:2",
        "add-group br0 group_id=2,type=select,selection_method=hash,fields(ip_src),bucket=weight:5,1,bucket=2",
        "add-group br0 group_id=3,type=ff,bucket=watch_port:p1,output:1,bucket=watch_group:1,output:2",
        "add-group br0 group_id=4,type=indirect,bucket=group:1",
        "add-group br0 group_id=1,type=all",
        "add-group br0 group_id=5,type=foo",
        "dump-groups br0",
        "dump-groups br0 2",
        "dump-group-stats br0",
        "dump-group-stats br0 group_id=2",
        "dump-group-features br0",
        "mod-group br0 group_id=1,type=all,bucket=output:2",
        "mod-group br0 group_id=9,type=all,bucket=output:2",
        "--may-create mod-group br0 group_id=9,type=all,bucket=output:2",
        "dump-groups br0",
        "add-groups br0 FILE/groups.txt",
        "del-groups br0 group_id=9",
        "del-groups br0",
        "dump-groups br0",
    ),
    "queues": (
        "queue-stats br0",
        "queue-stats br0 1",
        "queue-stats br0 p1 5",
        "queue-stats br0 foo",
        "queue-get-config br0 1",
    ),
    "options": (
        f"add-tlv-map br0 {MAP}",
        "dump-tlv-map br0",
        "add-tlv-map br0 nonsense",
        "add-tlv-map br0 {class=1,type=2,len=7}->tun_metadata5",
        "del-tlv-map br0 {class=1,type=2,len=8}->tun_metadata1",
        "dump-tlv-map br0",
        "del-tlv-map br0",
        "dump-tlv-map br0",
    ),
    "connections": (
        "ct-flush br0",
        "ct-flush-zone br0 5",
        "ct-flush-zone br0 99999",
        "ct-flush br0 zone=5 ct_nw_src=10.0.0.1,ct_nw_proto=6,ct_tp_dst=80",
        "ct-flush br0 zone=5 foo=3",
        "ct-flush br0 ct_tp_src=5",
        "ct-flush br0 ct_ipv6_src=fe80::1,ct_nw_src=1.1.1.1",
        "dump-ipfix-bridge br0",
        "dump-ipfix-flow br0",
    ),
    "tables": (
        "dump-table-desc br0",
        "mod-table br0 1 evict",
        "mod-table br0 1 vacancy:20,80",
        "mod-table br0 1 noevict",
        "mod-table br0 1 controller",
        "mod-table br0 1 vacancy:80,20",
        "mod-table br0 1 foo",
        "mod-table br0 nowhere drop",
        "dump-table-desc br0",
        "mod-table br0 1 novacancy",
    ),
    "bundles": (
        "bundle br0 FILE/bundle.txt",
        "bundle br0 FILE/bundle.txt",
        "bundle br0 FILE/broken.txt",
        "dump-groups br0",
        "--bundle del-groups br0",
        "--bundle add-flow br0 table=0,actions=group:77",
        "--bundle add-flow br0 table=0,actions=output:1",
        "--no-stats dump-flows br0",
        "--bundle del-flows br0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_conversation_is_the_peers(switch: Daemons, name: str, version: str) -> None:
    commands = tuple(
        f"-O {version} {text.replace('FILE', str(switch.directory))}" for text in CONVERSATIONS[name]
    )
    assert said(switch, "ours", commands) == said(switch, "peer", commands)


METERS = (
    "add-meter br0 meter=5,kbps,bands=type=drop,rate=100",
    "add-meter br0 meter=5,kbps,bands=type=drop,rate=100",
    "add-meter br0 meter=6,pktps,burst,stats,bands=type=drop,rate=100,burst_size=20",
    "add-meter br0 meter=7,kbps,bands=type=dscp_remark,rate=1,prec_level=1",
    "add-meter br0 meter=7,kbps",
    "mod-meter br0 meter=5,kbps,bands=type=drop,rate=200",
    "dump-meters br0",
    "dump-meter br0 meter=5",
    "meter-stats br0",
    "meter-features br0",
    "del-meter br0 meter=5",
    "del-meters br0",
    "dump-meters br0",
)


@pytest.mark.parametrize("version", VERSIONS[3:])
def test_meters(switch: Daemons, version: str) -> None:
    commands = tuple(f"-O {version} {text}" for text in METERS)
    assert said(switch, "ours", commands) == said(switch, "peer", commands)


@pytest.mark.parametrize(
    "text",
    [
        "group_id=4,type=select,selection_method=hash,fields(vlan_vid,tcp_src=0xff00,in_port),bucket=output:1",
        "group_id=4,type=ff,bucket=watch_port=5,watch_group=6,actions=output:1",
        "group_id=4,type=all,bucket=bucket_id:1,output:1,bucket=output:2",
        "group_id=4,type=all,bucket=weight:1,output:1",
        "group_id=4,type=ff,bucket=output:1",
        "group_id=4",
        "type=all",
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_parse_group(switch: Daemons, version: str, text: str) -> None:
    commands = (f"-O {version} parse-group {text}",)
    assert said(switch, "ours", commands) == said(switch, "peer", commands)


OPTIONS = (
    "add-flow br0 tun_metadata0=1,actions=drop",
    "add-tlv-map br0 {class=1,type=0,len=4}->tun_metadata0",
    "add-tlv-map br0 {class=1,type=0,len=4}->tun_metadata0",
    "add-tlv-map br0 {class=1,type=0,len=4}->tun_metadata5",
    "add-tlv-map br0 {class=1,type=1,len=4}->tun_metadata1,{class=1,type=1,len=4}->tun_metadata2",
    "add-tlv-map br0 {class=1,type=1,len=4}->tun_metadata1,{class=1,type=2,len=4}->tun_metadata1",
    "add-tlv-map br0 {class=1,type=9,len=4}->tun_metadata4,{class=1,type=8,len=4}->tun_metadata3",
    "add-tlv-map br0 {class=2,type=1,len=124}->tun_metadata6,{class=2,type=2,len=124}->tun_metadata7",
    "dump-tlv-map br0",
    "add-flow br0 actions=move:tun_metadata0[0..31]->reg0[]",
    "del-tlv-map br0 {class=1,type=0,len=4}->tun_metadata0",
    "del-flows br0 tun_metadata0=0/1",
    "del-flows br0 tun_metadata9=1",
    "dump-flows br0 tun_metadata9=1",
    "del-tlv-map br0 {class=1,type=8,len=4}->tun_metadata3",
    "del-tlv-map br0 {class=7,type=7,len=4}->tun_metadata3",
    "add-flow br0 tun_metadata0=1,actions=drop",
    "add-flow br0 tun_metadata3=5/7,actions=drop",
    "--no-stats dump-flows br0",
    "del-tlv-map br0",
    "del-flows br0",
    "del-tlv-map br0",
    "dump-tlv-map br0",
)


@pytest.mark.parametrize("version", VERSIONS)
def test_our_switch_maps_options_as_the_peers_does(
    switch: Daemons, our_switch: Daemons, version: str
) -> None:
    commands = tuple(f"-O {version} {text}" for text in OPTIONS)
    theirs = said(switch, "peer", commands)
    assert said(our_switch, "peer", commands) == theirs
    assert said(our_switch, "ours", commands) == theirs
