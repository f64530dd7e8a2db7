"""What networkd, xenopsd and their like say to the switch today: ours answers as the peer does, line by line."""

from __future__ import annotations

import contextlib
import re

import pytest

from tests.interop.daemons import Daemons
from tests.xenserver.switch_rows import rows

pytestmark = pytest.mark.interop

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
VSCTL = "ovs-vsctl --timeout=20"
CREATE = [
    "-- --may-exist add-br xenbr0",
    '-- set bridge xenbr0 other-config:hwaddr="00:15:17:a0:00:00"',
    "-- set bridge xenbr0 fail_mode=standalone",
    "-- remove bridge xenbr0 other_config disable-in-band",
    "-- br-set-external-id xenbr0 xs-network-uuids 11111111-aaaa",
    "-- set bridge xenbr0 other_config:mac-table-size=10000",
]
IGMP = [
    "-- set bridge xenbr0 mcast_snooping_enable=true",
    "-- set bridge xenbr0 other_config:enable-ipv6-mcast-snooping=false",
    "-- set bridge xenbr0 other_config:mcast-snooping-disable-flood-unregistered=true",
]
BOND = (
    '-- --may-exist add-bond xenbr0 bond0 p1 p2 -- set port bond0 MAC="00:15:17:a0:00:00" lacp={} bond_mode={} '
    "bond_updelay=31000 bond_downdelay=200 other-config:bond-miimon-interval=100 other-config:bond-detect-mode=carrier"
)
REBALANCE = " other-config:bond-rebalance-interval=1800000"
LACP = (
    ' other-config:lacp-time="fast" other-config:lacp-fallback-ab="true"'
    ' -- set interface p1 other-config:lacp-aggregation-key="7" -- set interface p2 other-config:lacp-aggregation-key="7"'
)
QUERIES = [
    f"{VSCTL} {words}"
    for words in (
        "list-br", "--real list-br", "list-ports xenbr0", "list-ports xapi1", "list-ifaces xenbr0", "br-to-parent xapi1",
        "br-to-parent xenbr0", "br-to-vlan xapi1", "br-to-vlan xenbr0", "get port bond0 bond_mode",
        "get port bond0 interfaces", "get bridge xenbr0 ports", "-- get bridge xenbr0 mcast_snooping_enable",
        "get-fail-mode xenbr0", "--bare -f table -- --columns=name,_uuid find port fake_bridge=true",
        "--bare -f table -- --columns=name find port fake_bridge=true tag=5",
        r'--bare -f table -- --columns=name,type find interface type!=\"\"', "iface-to-br p1", "port-to-br bond0",
        "br-get-external-id xenbr0", "br-get-external-id xapi1 xs-network-uuids", "get port bond0 tag", "br-exists xapi1",
        "br-exists nothing", "get bridge nothing ports", "list-ports nothing", "br-to-vlan nothing",
        "-- --if-exists get Bridge xenbr0 other_config:absent", "get Bridge xenbr0 other-config", "get-manager",
        "--format=json list port xapi1",
    )
]  # fmt: skip
SCENARIOS = {
    "a bridge": [f"{VSCTL} {' '.join(CREATE)}", f"{VSCTL} {' '.join(CREATE + IGMP)}"],
    "a bridge and its ports again": [
        f"{VSCTL} {' '.join(CREATE)} -- --may-exist add-port xenbr0 p1 -- --may-exist add-port xenbr0 vif1.0 "
        "-- set interface vif1.0 type=internal",
    ],
    "in-band control off": [
        f"{VSCTL} {' '.join(CREATE)}",
        f"{VSCTL} -- set bridge xenbr0 other_config:disable-in-band=true",
    ],
    "a VLAN": [
        f"{VSCTL} {' '.join(CREATE)}",
        f"{VSCTL} --bare -f table -- --columns=name find port fake_bridge=true tag=5",
        f"{VSCTL} -- --may-exist add-br xapi1 xenbr0 5 -- set interface xapi1 MAC=\"00:15:17:a0:00:00\" "
        '-- br-set-external-id xenbr0 xs-network-uuids "22222222;11111111"',
        f"{VSCTL} -- --if-exists del-br xapi1",
    ],
    "a bond": [
        f"{VSCTL} {' '.join(CREATE)}",
        f"{VSCTL} {BOND.format('off', 'balance-slb')}{REBALANCE}",
        f"{VSCTL} {BOND.format('off', 'balance-slb')}{REBALANCE}",
        f"{VSCTL} -- --with-iface --if-exists del-port bond0",
        f"{VSCTL} {BOND.format('off', 'active-backup')}{REBALANCE}",
        f"{VSCTL} -- --with-iface --if-exists del-port p1",
    ],
    "a bond with LACP": [
        f"{VSCTL} {' '.join(CREATE)}",
        f"{VSCTL} {BOND.format('active', 'balance-tcp')}{LACP}",
    ],
    "a proxy's port": [
        f"{VSCTL} {' '.join(CREATE)}",
        f"{VSCTL} -- --may-exist add-port xenbr0 pvs -- set interface pvs type=internal",
        "ovs-ofctl mod-port xenbr0 pvs no-flood",
        f"{VSCTL} -- --with-iface --if-exists del-port pvs",
        f"{VSCTL} -- --with-iface --if-exists del-port pvs",
    ],
    "a bridge goes": [
        f"{VSCTL} {' '.join(CREATE)}",
        f"{VSCTL} -- --may-exist add-br xapi1 xenbr0 5",
        f"{VSCTL} -- --if-exists del-br xenbr0",
        f"{VSCTL} -- --if-exists del-br xenbr0",
        f"{VSCTL} del-br xenbr0",
    ],
    "an MTU": [
        f"{VSCTL} {' '.join(CREATE)} -- add-port xenbr0 p1",
        f"{VSCTL} set interface p1 mtu_request=9000",
        f"{VSCTL} set interface nothing mtu_request=9000",
        f"{VSCTL} set Open_vSwitch . other_config:max-idle=5000",
    ],
    "queries": [
        f"{VSCTL} {' '.join(CREATE)}",
        f"{VSCTL} -- --may-exist add-br xapi1 xenbr0 5 -- br-set-external-id xapi1 xs-network-uuids U",
        f"{VSCTL} {BOND.format('off', 'active-backup')}",
        *QUERIES,
    ],
    "a card with rules": [
        f"{VSCTL} {' '.join(CREATE)}",
        'ovs-vsctl --timeout=30 -- --if-exists del-port p3 -- add-port xenbr0 p3 -- set interface p3 '
        'external-ids:"xs-vm-uuid"="M" -- set interface p3 external-ids:"xs-vif-uuid"="V" '
        'external-ids:"attached-mac"="00:16:3e:00:00:01"',
        "ovs-vsctl get interface p3 ofport",
        "ovs-ofctl del-flows xenbr0 in_port=1,cookie=1/-1",
        "ovs-ofctl add-flow xenbr0 cookie=1,priority=7000,in_port=1,dl_src=00:16:3e:00:00:01,arp,actions=normal",
        "ovs-ofctl add-flow xenbr0 cookie=1,priority=4000,in_port=1,actions=drop",
        "ovs-ofctl --no-stats dump-flows xenbr0",
        "ovs-ofctl --strict del-flows xenbr0 priority=4000,in_port=1",
        "ovs-ofctl --no-stats dump-flows xenbr0 cookie=1/-1",
        "ovs-ofctl del-flows xenbr0 in_port=1,cookie=1/-1",
        "ovs-ofctl --no-stats dump-flows xenbr0",
        "ovs-vsctl set Port p3 trunks=1,2",
        "ovs-vsctl get Port p3 trunks",
        "ovs-vsctl clear Port p3 trunks",
        "ovs-vsctl --timeout=30 -- --if-exists del-port p3",
    ],
    "a bridge that becomes secure": [
        f"{VSCTL} {' '.join(CREATE)} -- add-port xenbr0 p1 -- set bridge xenbr0 fail_mode=secure",
        "ovs-ofctl add-flow xenbr0 idle_timeout=0,priority=0,in_port=1,arp,nw_proto=1,actions=local",
        "ovs-ofctl add-flow xenbr0 idle_timeout=0,priority=0,in_port=local,arp,dl_src=00:15:17:a0:00:00,actions=1",
        "ovs-ofctl add-flow xenbr0 idle_timeout=0,priority=0,in_port=1,dl_dst=00:15:17:a0:00:00,actions=local",
        "ovs-ofctl add-flow xenbr0 idle_timeout=0,priority=0,in_port=local,dl_src=00:15:17:a0:00:00,actions=1",
        "ovs-ofctl --no-stats dump-flows xenbr0",
    ],
    "rules of the orchestra": [
        f"{VSCTL} {' '.join(CREATE)} -- add-port xenbr0 p1 -- set bridge xenbr0 protocols=OpenFlow10,OpenFlow11",
        "ovs-vsctl br-to-parent xenbr0",
        "ovs-vsctl --format=json list port p1",
        "ovs-ofctl -O OpenFlow11 add-flow xenbr0 cookie=5,priority=100,tcp,in_port=1,dl_src=00:16:3e:00:00:01,"
        "nw_dst=10.0.0.0/8,tp_dst=80,actions=drop",
        "ovs-ofctl -O OpenFlow11 add-flow xenbr0 cookie=5,priority=100,tcp,dl_dst=00:16:3e:00:00:01,tp_src=80,"
        "actions=normal",
        "ovs-ofctl -O OpenFlow11 --no-stats dump-flows xenbr0",
        "ovs-ofctl -O OpenFlow11 del-flows xenbr0 cookie=5/-1",
        "ovs-ofctl -O OpenFlow11 --no-stats dump-flows xenbr0",
    ],
    "an emergency": [
        f"{VSCTL} {' '.join(CREATE)} -- set-controller xenbr0 tcp:127.0.0.1:1 -- set bridge xenbr0 flood_vlans=5 "
        "other_config:disable-in-band=true -- add-port xenbr0 p1 -- set port p1 tag=5 other_config:lacp-time=fast "
        "-- set interface p1 ingress_policing_rate=100 ingress_policing_burst=10 other_config:k=v options:o=v",
        f"{VSCTL} -- --id=@m create mirror name=m select_all=true -- set bridge xenbr0 mirrors=@m",
        f"{VSCTL} -- --id=@q create qos type=linux-htb -- set port p1 qos=@q",
        f"{VSCTL} -- --id=@n create netflow targets=127.0.0.1 -- set bridge xenbr0 netflow=@n",
        f"{VSCTL} set-manager ssl:10.0.0.1:6632 -- set-ssl /k /c /ca",
        "ovs-vsctl --timeout=5 emer-reset",
        *(f"{VSCTL} --columns={columns} list {table}" for table, columns in {
            "Bridge": "name,controller,fail_mode,mirrors,netflow,sflow,flood_vlans,other_config,external_ids",
            "Port": "name,tag,other_config,external_ids",
            "Interface": "name,ingress_policing_rate,ingress_policing_burst,options,other_config",
            "Mirror": "name", "Controller": "target", "Manager": "target", "NetFlow": "targets", "SSL": "ca_cert",
            "QoS": "type", "Open_vSwitch": "manager_options,ssl",
        }.items()),
        f"{VSCTL} -- clear port p1 qos -- --all destroy qos",
    ],
    "managers": [
        "ovs-vsctl -vconsole:off get-manager",
        "ovs-vsctl -- del-manager -- del-ssl -- --bootstrap set-ssl /k /k /ca -- set-manager ssl:10.0.0.1:6632",
        "ovs-vsctl -vANY:console:off get-manager",
        "ovs-vsctl get-ssl",
        "ovs-vsctl --timeout=5 emer-reset",
        "ovs-vsctl get-manager",
        "ovs-vsctl -- del-manager -- del-ssl",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory):
    with contextlib.ExitStack() as stack:
        directories = [tmp_path_factory.mktemp(make) for make in ("ours", "peer")]
        made = []
        for directory, make in zip(directories, ("ours", "peer"), strict=True):
            daemons = stack.enter_context(Daemons(directory, make))
            daemons.make["ovs-vswitchd"] = make
            daemons.run(make, "ovs-vsctl", "--no-wait", "init")
            daemons.start("ovs-vswitchd", "--enable-dummy=override", "--disable-system-route")
            made.append(daemons)
        yield made


def answer(daemons: Daemons, line: str) -> tuple[int, str, str]:
    """Exit status and what a command prints, with UUIDs made alike; what has no order, sorted."""
    make = "ours" if daemons.make["ovsdb-server"] == "ours" else "peer"
    name, *words = [word.replace('\\"', '"') if "\\" in word else word for word in line.split()]
    done = daemons.run(make, name, *words, check=False)
    printed = (
        "".join(sorted(done.stdout.splitlines(True)))
        if {"dump-flows", "find", "list"} & {*words}
        else done.stdout
    )
    return done.returncode, UUID.sub("UUID", printed), re.sub(r"^\S+Z\|\d+\|", "", done.stderr)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_same_answers_and_rows(pair: list[Daemons], scenario: str) -> None:
    for daemons in pair:
        for bridge in daemons.run("peer", "ovs-vsctl", "--real", "list-br").stdout.split():
            daemons.run("peer", "ovs-vsctl", "del-br", bridge)
    for line in SCENARIOS[scenario]:
        ours, theirs = (answer(daemons, line) for daemons in pair)
        assert ours == theirs, line
    ours, theirs = (rows(daemons) for daemons in pair)
    assert [row["name"] for row in ours.get("Bridge", [])] == [
        row["name"] for row in theirs.get("Bridge", [])
    ]
    assert configuration(ours) == configuration(theirs)


def configuration(tables: dict[str, list[dict[str, object]]]) -> list[tuple[object, ...]]:
    """The columns that clients write."""
    columns = {
        "Bridge": ("name", "fail_mode", "other_config", "external_ids", "ports", "mcast_snooping_enable", "protocols"),
        "Port": ("name", "tag", "trunks", "bond_mode", "lacp", "mac", "other_config", "external_ids", "fake_bridge",
                 "bond_fake_iface", "bond_updelay", "bond_downdelay", "interfaces"),
        "Interface": ("name", "type", "mac", "mtu_request", "other_config", "external_ids", "options"),
        "Manager": ("target",),
    }  # fmt: skip
    return [
        (table, row.get("name"), *(row[column] for column in names))
        for table, names in columns.items()
        for row in sorted(tables.get(table, []), key=lambda row: str(row.get("name")))
    ]


def test_the_orchestras_controller_finds_a_bridge_by_its_network(pair: list[Daemons]) -> None:
    """One `transact` per connection, as its client does; the value must be the network's UUID and nothing else."""
    request = (
        '{"method":"transact","id":1,"params":["Open_vSwitch",{"op":"select","table":"Bridge","columns":["name"],'
        '"where":[["external_ids","includes",["map",[["xs-network-uuids","N"]]]]]}]}'
    )
    for daemons in pair:
        daemons.run("peer", "ovs-vsctl", "--if-exists", "del-br", "xapi7")
        daemons.run(
            "peer",
            "ovs-vsctl",
            "add-br",
            "xapi7",
            "--",
            "br-set-external-id",
            "xapi7",
            "xs-network-uuids",
            "N",
        )
    transact = request.split('"params":')[1][:-1]
    answers = [
        daemons.run("peer", "ovsdb-client", "transact", f"unix:{daemons.socket}", transact).stdout
        for daemons in pair
    ]
    assert answers[0] == answers[1] == '[{"rows":[{"name":"xapi7"}]}]\n'
