"""What the database wants, read from rows that ovs-vsctl makes."""

from __future__ import annotations

import pytest

from tests.unit.vswitchd.rows import config, tables
from vswitch.flow.ports import OFPP_LOCAL, OfPort
from vswitch.ofproto.settings import FailMode, PriorityTags, VlanMode
from vswitch.openflow.version import ALL_VERSIONS, OF10, OF13
from vswitch.protocols.bonding import BondMode
from vswitch.vswitchd.bridge import (
    NO_VLAN,
    BridgeConfig,
    Config,
    ControllerConfig,
    InterfaceConfig,
    PortConfig,
    TableConfig,
    parse_mac,
    read_config,
    unicast_mac,
)

BRIDGE = "add-br br0"
PORT = "add-port br0 p1"


def bridge(*commands: str) -> BridgeConfig:
    """br0 after these commands."""
    return config(BRIDGE, *commands).bridges["br0"]


def port(*commands: str) -> PortConfig:
    """Its port p1."""
    return next(each for each in bridge(PORT, *commands).ports if each.name == "p1")


def interface(*commands: str) -> InterfaceConfig:
    [found] = port(*commands).interfaces
    return found


def test_nothing_is_wanted_of_an_empty_database() -> None:
    assert read_config({}) == Config()
    made = config()
    assert made.root is not None
    assert made.bridges == {}


@pytest.mark.parametrize(
    ("settings", "attribute", "value"),
    [
        ("", "max_idle", 10.0),
        ("other_config:max-idle=700", "max_idle", 0.7),
        ("other_config:max-idle=10", "max_idle", 0.5),  # the least
        ("other_config:max-idle=-5", "max_idle", 10.0),
        ("other_config:max-idle=soon", "max_idle", 10.0),
        ("other_config:max-revalidator=50", "max_revalidator", 0.1),
        ("other_config:flow-limit=77", "flow_limit", 77),
        ("other_config:bundle-idle-timeout=0", "bundle_timeout", 1.0),
        ("other_config:bundle-idle-timeout=60", "bundle_timeout", 60.0),
        ("other_config:stats-update-interval=100", "stats_interval", 5.0),
        ("other_config:stats-update-interval=9000", "stats_interval", 9.0),
        ("other_config:flow-restore-wait=true", "restoring", True),
        ("other_config:flow-restore-wait=1", "restoring", False),
        ("other_config:enable-statistics=true", "system_statistics", True),
        ("next_cfg=9", "next_cfg", 9),
    ],
)
def test_settings_of_the_whole_switch(settings: str, attribute: str, value: object) -> None:
    commands = [f"set open_vswitch . {settings}"] if settings else []
    assert getattr(config(*commands), attribute) == value


def test_keys_come_from_the_database_if_it_has_any() -> None:
    assert config().tls is None
    tls = config("--bootstrap set-ssl key.pem cert.pem ca.pem").tls
    assert tls is not None
    assert (tls.private_key, tls.certificate, tls.ca_cert, tls.bootstrap) == (
        "key.pem",
        "cert.pem",
        "ca.pem",
        True,
    )


# Bridges.


@pytest.mark.parametrize(
    ("settings", "attribute", "value"),
    [
        ("", "datapath_type", "system"),
        ("datapath_type=netdev", "datapath_type", "netdev"),
        ("", "versions", ALL_VERSIONS),
        ("protocols=OpenFlow10,OpenFlow13", "versions", frozenset({OF10, OF13})),
        ("", "fail_mode", FailMode.STANDALONE),
        ("fail_mode=secure", "fail_mode", FailMode.SECURE),
        ("", "datapath_id", None),
        ("other_config:datapath-id=00000000000000ff", "datapath_id", 0xFF),
        ("other_config:datapath-id=0xff", "datapath_id", 0xFF),
        ("other_config:datapath-id=ff", "datapath_id", None),  # 16 digits, or 0x
        ("other_config:datapath-id=0x11112222333344445", "datapath_id", None),
        ("other_config:datapath-id=0000000000000000", "datapath_id", None),
        ("other_config:datapath-id=000000000000000g", "datapath_id", None),
        ('other_config:hwaddr=\\"02:00:00:00:00:05\\"', "hwaddr", 0x020000000005),
        ('other_config:hwaddr=\\"01:00:00:00:00:05\\"', "hwaddr", None),  # a group
        ("other_config:mac-aging-time=0", "mac_aging", 300),
        ("other_config:mac-aging-time=1", "mac_aging", 15),
        ("other_config:mac-aging-time=99999", "mac_aging", 3600),
        ("other_config:mac-table-size=1", "mac_table_size", 10),
        ("other_config:mac-table-size=2000000", "mac_table_size", 1_000_000),
        ("", "mac_table_size", 8192),
        ("other_config:forward-bpdu=true", "forward_bpdu", True),
        ("flood_vlans=5,7", "flood_vlans", frozenset({5, 7})),
        ("other_config:dp-desc=mine", "description", "mine"),
        ("other_config:in-band-queue=3", "in_band_queue", 3),
        ("other_config:in-band-queue=-3", "in_band_queue", None),
    ],
)
def test_settings_of_a_bridge(settings: str, attribute: str, value: object) -> None:
    commands = [f"set bridge br0 {settings}"] if settings else []
    assert getattr(bridge(*commands), attribute) == value


def test_a_bridge_whose_sockets_would_lie_elsewhere_is_left_out() -> None:
    assert list(config(BRIDGE, "set bridge br0 name=a/b").bridges) == []


def test_a_bridge_has_a_local_port_even_if_the_database_has_none() -> None:
    [local] = bridge().ports
    assert local.name == "br0"
    rows = tables(BRIDGE, PORT)
    [row] = rows["Bridge"].values()
    row.ports = tuple(uuid for uuid in row.ports if rows["Port"][uuid].name == "p1")
    made = read_config(rows).bridges["br0"]
    assert made.ports[-1] == PortConfig(
        "br0", (InterfaceConfig("br0", "internal", ofport_request=OFPP_LOCAL),)
    )


def test_rows_that_have_not_come_yet_are_left_out() -> None:
    rows = {name: dict(found) for name, found in tables(BRIDGE, PORT).items()}
    [lost] = [uuid for uuid, row in rows["Interface"].items() if row.name == "p1"]
    del rows["Interface"][lost]
    made = next(each for each in read_config(rows).bridges["br0"].ports if each.name == "p1")
    assert made.interfaces == ()
    rows["Port"] = {uuid: row for uuid, row in rows["Port"].items() if row.name != "p1"}
    assert [each.name for each in read_config(rows).bridges["br0"].ports] == ["br0"]
    rows["Bridge"] = {}
    assert read_config(rows).bridges == {}


def test_tables_by_number() -> None:
    settings = "name=first flow_limit=5 overflow_policy=evict prefixes=ip_src,ip_dst groups=in_port"
    rows = tables(BRIDGE, f"--id=@t create flow_table {settings}", "set bridge br0 flow_tables:3=@t")
    found = read_config(rows).bridges["br0"].tables
    assert found == {3: TableConfig("first", 5, True, ("ip_dst", "ip_src"), ("in_port",))}


# Ports.


@pytest.mark.parametrize(
    ("settings", "mode", "tag"),
    [
        ("", VlanMode.TRUNK, 0),
        ("tag=5", VlanMode.ACCESS, 5),
        ("tag=0", VlanMode.ACCESS, 0),
        ("vlan_mode=native-untagged tag=5", VlanMode.NATIVE_UNTAGGED, 5),
        ("vlan_mode=trunk tag=5", VlanMode.TRUNK, 5),
        ("vlan_mode=access", VlanMode.ACCESS, 0),
        ("trunks=5,6", VlanMode.TRUNK, 0),
    ],
)
def test_vlans_of_a_port(settings: str, mode: VlanMode, tag: int) -> None:
    made = port(f"set port p1 {settings}") if settings else port()
    assert (made.vlan_mode, made.tag) == (mode, tag)
    assert made.trunks == (frozenset({5, 6}) if "trunks" in settings else frozenset())


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("no", PriorityTags.NO),
        ("if-nonzero", PriorityTags.IF_NONZERO),
        ("true", PriorityTags.IF_NONZERO),
        ("always", PriorityTags.ALWAYS),
        ("sometimes", PriorityTags.NO),
    ],
)
def test_priority_tags(text: str, tags: PriorityTags) -> None:
    assert port(f"set port p1 other_config:priority-tags={text}").priority_tags is tags


BOND = "add-bond br0 bond0 p1 p2"


def bonded(*settings: str) -> PortConfig:
    made = bridge(BOND, *(f"set port bond0 {each}" for each in settings))
    return next(each for each in made.ports if each.name == "bond0")


def test_a_bond_is_a_port_of_several_interfaces() -> None:
    assert port().bond is None
    made = bonded()
    assert sorted(each.name for each in made.interfaces) == ["p1", "p2"]
    assert made.bond is not None
    assert (made.bond.mode, made.bond.rebalance, made.bond.uses_lacp) == (BondMode.ACTIVE_BACKUP, 10.0, False)


@pytest.mark.parametrize(
    ("settings", "attribute", "value"),
    [
        ("bond_mode=balance-slb", "mode", BondMode.BALANCE_SLB),
        ("bond_updelay=1500", "updelay", 1.5),
        ("bond_updelay=-1500", "updelay", 0.0),
        ("bond_downdelay=20", "downdelay", 0.02),
        ("other_config:bond-rebalance-interval=0", "rebalance", 0.0),  # never
        ("other_config:bond-rebalance-interval=5", "rebalance", 1.0),
        ("lacp=passive", "uses_lacp", True),
        ("lacp=off", "uses_lacp", False),
        ("other_config:lacp-fallback-ab=true", "fallback", True),
        ("other_config:bond-primary=p2", "primary", "p2"),
        ("other_config:bond-hash-basis=7", "basis", 7),
    ],
)
def test_settings_of_a_bond(settings: str, attribute: str, value: object) -> None:
    assert getattr(bonded(settings).bond, attribute) == value


def test_a_bond_gets_a_device_of_its_name_if_it_asks_for_one() -> None:
    assert [each.name for each in bridge(BOND).ports] == ["br0", "bond0"]
    fake = bridge(BOND, "set port bond0 bond_fake_iface=true").ports[-1]
    assert fake == PortConfig("bond0", (InterfaceConfig("bond0", "internal"),), trunks=frozenset({NO_VLAN}))
    taken = bridge(
        BOND, "set port bond0 bond_fake_iface=true", "add-port br0 p3", "set interface p3 name=bond0"
    )
    assert [each.name for each in taken.ports].count("bond0") == 1


# Interfaces.


@pytest.mark.parametrize(
    ("settings", "attribute", "value"),
    [
        ("", "type", "system"),
        ("type=vxlan", "type", "vxlan"),
        ("options:remote_ip=1.2.3.4", "options", {"remote_ip": "1.2.3.4"}),
        ("ofport_request=7", "ofport_request", OfPort(7)),
        ("ofport=9", "ofport_before", OfPort(9)),
        ("ofport=-1", "ofport_before", None),
        ('mac=\\"02:00:00:00:00:07\\"', "mac", 0x020000000007),
        ("mtu_request=9000", "mtu_request", 9000),
    ],
)
def test_settings_of_an_interface(settings: str, attribute: str, value: object) -> None:
    commands = [f"set interface p1 {settings}"] if settings else []
    assert getattr(interface(*commands), attribute) == value


def test_what_an_interface_had_before_is_no_change_of_it() -> None:
    assert interface("set interface p1 ofport=9") == interface("set interface p1 ofport=8")


def test_the_local_interface_is_internal_whatever_the_database_says() -> None:
    made = bridge("set interface br0 type=vxlan ofport_request=5")
    [(_, local)] = made.interfaces()
    assert (local.type, local.ofport_request) == ("internal", OFPP_LOCAL)


# Controllers.


def controllers(targets: str, *settings: str) -> list[ControllerConfig]:
    made = bridge(f"set-controller br0 {targets}", *(f"set controller br0 {each}" for each in settings))
    return sorted(made.controllers, key=lambda each: each.target)


@pytest.mark.parametrize(
    ("settings", "attribute", "value"),
    [
        ("", "max_backoff", 8.0),
        ("max_backoff=2000", "max_backoff", 2.0),
        ("", "inactivity_probe", 5.0),
        ("inactivity_probe=0", "inactivity_probe", 0.0),
        ("", "asynchronous", True),
        ("enable_async_messages=false", "asynchronous", False),
        ("controller_rate_limit=200 controller_burst_limit=50", "rate_limit", 200),
        ("controller_burst_limit=50", "burst_limit", 50),
        ("controller_queue_size=9", "queue_size", 9),
        ("", "queue_size", 100),
        ("connection_mode=out-of-band", "in_band", False),
        ("type=service", "service", True),
    ],
)
def test_settings_of_a_controller(settings: str, attribute: str, value: object) -> None:
    [made] = controllers("tcp:1.2.3.4", *([settings] if settings else []))
    assert getattr(made, attribute) == value


def test_listeners_are_services_and_connections_are_not() -> None:
    assert [each.service for each in controllers("ptcp:6653 tcp:1.2.3.4")] == [True, False]


def test_controllers_and_managers_are_reached_in_band_where_their_address_is_known() -> None:
    made = bridge(
        "set-controller br0 tcp:1.2.3.4 ssl:1.2.3.5:99 tcp:host:1 unix:file ptcp:7", "set-manager tcp:1.2.3.6"
    )
    assert made.in_band == {("1.2.3.4", 6653), ("1.2.3.5", 99), ("1.2.3.6", 6640)}
    odd = bridge("set-controller br0 tcp:1.2.3.4:70000")
    assert odd.in_band == {("1.2.3.4", 6653)}
    service = bridge("set-controller br0 tcp:1.2.3.4", "set controller br0 type=service")
    assert service.in_band == frozenset()
    off = bridge("set-controller br0 tcp:1.2.3.4", "set bridge br0 other_config:disable-in-band=true")
    assert off.in_band == frozenset()


# Addresses.


@pytest.mark.parametrize(
    ("text", "mac"),
    [
        ("02:00:00:00:00:05", 0x020000000005),
        ("2:0:0:0:0:5", 0x020000000005),
        ("02:00:00:00:05", None),
        ("02:00:00:00:00:005", None),
        ("02-00-00-00-00-05", None),
        ("", None),
        ("02:00:00:00:00:0g", None),
        ("02:00:00:00:00:100", None),
    ],
)
def test_addresses(text: str, mac: int | None) -> None:
    assert parse_mac(text) == mac


@pytest.mark.parametrize("text", [None, "", "01:00:00:00:00:05", "00:00:00:00:00:00"])
def test_no_device_has_a_group_s_address_or_none(text: str | None) -> None:
    assert unicast_mac(text) is None
