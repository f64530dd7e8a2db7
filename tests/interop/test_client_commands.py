"""What other people's programs run, line by line: on ours and on the peer, with the same output and exit status.

Sources: the Ansible collection openvswitch.openvswitch, libvirt's virnetdevopenvswitch, ovs-docker, Mininet, ovs_exporter.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons, Make

pytestmark = pytest.mark.interop
BRIDGE = "set bridge br-int datapath_type=dummy"

ANSIBLE = [
    "ovs-vsctl -t 5 br-exists br-int",
    f"ovs-vsctl -t 5 add-br br-int -- {BRIDGE}",
    "ovs-vsctl -t 5 br-exists br-int",
    "ovs-vsctl -t 5 br-to-parent br-int",
    "ovs-vsctl -t 5 br-to-vlan br-int",
    "ovs-vsctl -t 5 add-br br-vlan br-int 200",
    "ovs-vsctl -t 5 br-to-parent br-vlan",
    "ovs-vsctl -t 5 br-to-vlan br-vlan",
    "ovs-vsctl -t 5 get-fail-mode br-int",
    "ovs-vsctl -t 5 set-fail-mode br-int secure",
    "ovs-vsctl -t 5 get-fail-mode br-int",
    "ovs-vsctl -t 5 br-set-external-id br-int bridge-id br-int",
    "ovs-vsctl -t 5 br-get-external-id br-int",
    "ovs-vsctl -t 5 add-port br-int eth2 tag=10 -- set Interface eth2 type=dummy",
    "ovs-vsctl -t 5 list-ports br-int",
    "ovs-vsctl -t 5 get Port eth2 tag",
    "ovs-vsctl -t 5 get Port eth2 external_ids",
    'ovs-vsctl -t 5 set Port eth2 external_ids:iface-id="VM 1" other_config:a=b',
    "ovs-vsctl -t 5 get Port eth2 external_ids",
    "ovs-vsctl -t 5 get Port eth2 other_config",
    "ovs-vsctl -t 5 remove Port eth2 other_config a",
    "ovs-vsctl -t 5 add-bond br-int bond1 e1 e2 -- set Interface e1 type=dummy -- set Interface e2 type=dummy"
    " -- set Port bond1 bond_mode=active-backup",
    "ovs-vsctl -t 5 add-bond br-int bond1 e1 e2",
    "ovs-vsctl -t 5 get Port bond1 bond_mode",
    "ovs-vsctl -t 5 get Open_vSwitch . other_config:pmd-cpu-mask",
    "ovs-vsctl -t 5 --if-exists get Open_vSwitch . other_config:pmd-cpu-mask",
    "ovs-vsctl -t 5 get Port nosuch tag",
    "ovs-vsctl -t 5 get nosuch nosuch tag",
]
LIBVIRT = [
    f"ovs-vsctl --timeout=5 -- --may-exist add-br br-int -- {BRIDGE}",
    "ovs-vsctl --timeout=5 -- --if-exists del-port vnet0 -- add-port br-int vnet0 tag=42 trunk=10,20 "
    "vlan_mode=native-untagged -- set Interface vnet0 type=dummy "
    '-- set Interface vnet0 external-ids:attached-mac="52:54:00:00:00:01" '
    '-- set Interface vnet0 external-ids:iface-id="11111111-2222-3333-4444-555555555555" '
    '-- set Interface vnet0 external-ids:vm-id="aaaaaaaa-2222-3333-4444-555555555555" '
    "-- set Interface vnet0 external-ids:iface-status=active",
    "ovs-vsctl --timeout=5 --may-exist add-port br-int vnet0 -- set Port vnet0 external_ids:PortData=migrate",
    "ovs-vsctl --timeout=5 --if-exists get Interface vnet0 external_ids:PortData",
    "ovs-vsctl --timeout=5 --if-exists get Interface vnet0 statistics:rx_bytes",
    "ovs-vsctl --timeout=5 --if-exists get Interface nosuch statistics:rx_bytes",
    "ovs-vsctl --timeout=5 get Interface vnet0 name",
    "ovs-vsctl --timeout=5 --no-heading --columns=name find Interface external_ids:vm-id=aaaaaaaa-2222-3333-4444-555555555555",
    "ovs-vsctl --timeout=5 set port vnet0 qos=@qos1 vlan_mode=access -- --id=@qos1 create qos type=linux-htb"
    " other_config:min-rate=1000 other_config:max-rate=2000 queues:0=@queue0"
    " -- --id=@queue0 create queue other_config:min-rate=1000",
    "ovs-vsctl --timeout=5 --columns=type,other_config list qos",
    "ovs-vsctl --timeout=5 set Interface vnet0 ingress_policing_rate=800 ingress_policing_burst=80",
    "ovs-vsctl --timeout=5 --if-exists del-port vnet0",
    "ovs-vsctl --timeout=5 --if-exists del-port vnet0",
]
DOCKER = [
    f"ovs-vsctl --may-exist add-br br-int -- {BRIDGE}",
    "ovs-vsctl --may-exist add-port br-int 0a1b_l -- set interface 0a1b_l type=dummy "
    "external_ids:container_id=c1 external_ids:container_iface=eth1",
    "ovs-vsctl --data=bare --no-heading --columns=name find interface external_ids:container_id=c1 "
    "external_ids:container_iface=eth1",
    "ovs-vsctl --data=bare --no-heading --columns=name find interface external_ids:container_id=c2",
    "ovs-vsctl set port 0a1b_l tag=5",
    "ovs-vsctl --if-exists del-port 0a1b_l",
]
MININET = [
    "ovs-vsctl -t 1 show",
    'ovs-vsctl -- --id=@s1c0 create Controller target=\\"tcp:127.0.0.1:1\\" max_backoff=1000 '
    "-- --if-exists del-br s1 -- add-br s1 -- set bridge s1 controller=[@s1c0] datapath_type=dummy "
    "other_config:datapath-id=0000000000000001 fail_mode=secure other-config:disable-in-band=true "
    "protocols=OpenFlow13 -- add-port s1 s1-eth1 -- set Interface s1-eth1 ofport_request=1 type=dummy",
    "ovs-vsctl get Bridge s1 datapath_id",
    "ovs-vsctl get Interface s1-eth1 ofport",
    "ovs-ofctl -O OpenFlow13 dump-flows s1",
    "ovs-vsctl --columns=target,max_backoff list Controller",
    "ovs-vsctl -- --if-exists del-br s1",
]
EXPORTER = [
    "ovs-appctl -t ovs-vswitchd ofproto/list",
    "ovs-vsctl get Open_vSwitch . db_version",
    "ovsdb-client --format=json dump Open_vSwitch Interface name type admin_state",
]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Daemons, Daemons]]:
    with (
        Daemons(tmp_path / "peer", "peer", "peer") as peer,
        Daemons(tmp_path / "ours", "ours", "ours") as ours,
    ):
        yield peer, ours


def said(daemons: Daemons, make: Make, line: str) -> tuple[int, str, str]:
    """What one line says, UUIDs and times of day aside."""
    name, *words = shlex.split(line)
    done = daemons.run(make, name, *words, check=False)
    return done.returncode, plain(done.stdout), plain(done.stderr)


def plain(text: str) -> str:
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID", text)
    return re.sub(r"(ovs_version: )\"[0-9.]+\"|\"8\.[0-9.]+\"", r"\1VERSION", text)


@pytest.mark.parametrize(
    "lines", [ANSIBLE, LIBVIRT, DOCKER, MININET], ids=["ansible", "libvirt", "ovs-docker", "mininet"]
)
def test_lines(pair: tuple[Daemons, Daemons], lines: list[str]) -> None:
    peer, ours = pair
    for line in lines:
        assert said(ours, "ours", line) == said(peer, "peer", line), line


def test_what_an_exporter_asks(pair: tuple[Daemons, Daemons]) -> None:
    peer, ours = pair
    for line in EXPORTER:
        assert said(ours, "ours", line)[0] == said(peer, "peer", line)[0] == 0, line
    for daemon in ("ovs-vswitchd", "ovsdb-server"):
        for command in ("coverage/show", "memory/show", "vlog/list"):
            assert said(ours, "peer", f"ovs-appctl -t {daemon} {command}")[0] == 0
    for daemons in pair:
        daemons.run("peer", "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy")
    keys = [set(re.findall(r"(\w+)=", statistics(daemons))) for daemons in pair]
    assert keys[1] <= keys[0]  # an exporter ends at a key that it does not know


def statistics(daemons: Daemons) -> str:
    return daemons.run(
        "peer",
        "ovs-vsctl",
        "wait-until",
        "interface",
        "br0",
        "statistics!={}",
        "--",
        "get",
        "interface",
        "br0",
        "statistics",
    ).stdout
