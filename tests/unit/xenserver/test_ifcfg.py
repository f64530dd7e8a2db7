"""The distribution's files, line by line."""

from __future__ import annotations

from typing import Any

import pytest

from tests.xenserver import pool
from vswitch.xenserver import ifcfg
from vswitch.xenserver.records import ReconfigureError
from vswitch.xenserver.topology import Topology

COMMON = ["XEMANAGED=yes", "DEVICE=xenbr3", "ONBOOT=no", "NOZEROCONF=yes", "TYPE=Ethernet"]
OLD = "NETWORKING=yes\nHOSTNAME=host\n"


def files(
    tables: pool.Tables, ref: str = "eth3", network: str = OLD, told: list[str] | None = None
) -> dict[str, str]:
    """The files for a PIF, by the last part of their names."""
    topology: Topology = pool.topology(tables)
    tell = [].append if told is None else told.append
    stages = ifcfg.ip_files(topology, topology.by_ref(f"OpaqueRef:{ref}"), ["TYPE=Ethernet"], network, tell)
    return {stage.path.rpartition("/")[2]: stage.text for stage in stages}


def lines(tables: pool.Tables, ref: str = "eth3") -> list[str]:
    """The lines of the ifcfg file after the comment."""
    [text] = [text for name, text in files(tables, ref).items() if name.startswith("ifcfg-")]
    first, *rest = text.splitlines()
    assert first.startswith("# Do not edit")
    return rest


def changed(ref: str, **more: Any) -> pool.Tables:
    tables = pool.tables()
    tables["PIF"][f"OpaqueRef:{ref}"] |= more
    return tables


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"ip_configuration_mode": "DHCP"}, ["BOOTPROTO=dhcp", "PERSISTENT_DHCLIENT=yes"]),
        (
            {"ip_configuration_mode": "Static"},
            ["BOOTPROTO=none", "NETMASK=255.255.255.0", "IPADDR=10.0.3.2", "GATEWAY=10.0.3.1"],
        ),
        (
            {"ip_configuration_mode": "Static", "gateway": ""},
            ["BOOTPROTO=none", "NETMASK=255.255.255.0", "IPADDR=10.0.3.2"],
        ),
        ({"ip_configuration_mode": "None"}, ["BOOTPROTO=none"]),
    ],
)
def test_protocols(more: dict[str, str], expected: list[str]) -> None:
    assert lines(changed("eth3", DNS="", **more)) == [*COMMON, *expected, "MTU=1500"]


def test_an_unknown_protocol() -> None:
    with pytest.raises(ReconfigureError, match="unknown IP configuration mode 'BOOTP'"):
        lines(changed("eth3", ip_configuration_mode="BOOTP"))


def test_everything_that_the_network_says_in_order() -> None:
    tables = changed("eth3", ip_configuration_mode="None")
    pool.options(
        tables, "net-xenbr3", mtu="9000", ethtool_speed="100", ethtool_duplex="full", ethtool_tso="off"
    )
    pool.options(tables, "eth3", domain="a.example,b.example", mtu="1400")
    assert lines(tables) == [
        *COMMON,
        "BOOTPROTO=none",
        'ETHTOOL_OPTS="speed 100 duplex full"',
        'ETHTOOL_OFFLOAD_OPTS="tso off"',
        "MTU=9000",
        "DNS1=10.0.3.53",
        "DNS2=10.0.3.54",
        "DOMAIN='a.example b.example'",
    ]


def test_a_domain_cannot_break_out_of_its_quotes() -> None:
    tables = pool.tables()
    pool.options(tables, "eth3", domain="a'; reboot; '\nIPADDR=6.6.6.6")
    assert lines(tables)[-1] == "DOMAIN='a; reboot; IPADDR=6.6.6.6'"


def test_a_dns_server_that_is_none() -> None:
    told: list[str] = []
    tables = changed("eth3", DNS="10.0.3.53, $(reboot),fd00::53")
    text = files(tables, told=told)["ifcfg-xenbr3"]
    assert text.splitlines()[-2:] == ["DNS1=10.0.3.53", "DNS2=fd00::53"]
    assert told == ["DNS server '$(reboot)' is no address: left out"]


def test_an_mtu_that_is_none_is_left_out() -> None:
    tables = pool.tables()
    pool.options(tables, "net-xenbr3", mtu="huge")
    assert not [line for line in lines(tables) if line.startswith("MTU")]


def test_routes() -> None:
    tables = pool.tables()
    assert files(tables)["route-xenbr3"].splitlines()[1:] == []
    pool.options(tables, "net-xenbr3", static_routes="10.9.0.0/16/10.0.3.7")
    assert files(tables)["route-xenbr3"].splitlines()[1:] == ["10.9.0.0/16 via 10.0.3.7 dev xenbr3"]
    pool.options(tables, "net-xenbr3", static_routes="10.9.0.0-10.0.3.7")
    told: list[str] = []
    assert "route-xenbr3" not in files(tables, told=told)
    assert "static-routes=10.9.0.0-10.0.3.7 is not valid" in told[0]


CHOICES = [
    # PIF that comes up, options of PIFs, what /etc/sysconfig/network gains
    ("eth2", {}, ["DNSDEV=xenbr2", "GATEWAYDEV=xenbr2"]),
    ("eth3", {}, []),
    ("eth3", {"eth3": "peerdns"}, ["DNSDEV=xenbr3"]),
    ("eth3", {"eth3": "defaultroute"}, ["GATEWAYDEV=xenbr3"]),
    ("eth2", {"eth3": "peerdns"}, ["GATEWAYDEV=xenbr2"]),
    ("eth2", {"eth3": "defaultroute"}, ["DNSDEV=xenbr2"]),
    ("eth2", {"eth0": "peerdns"}, ["DNSDEV=xenbr2", "GATEWAYDEV=xenbr2"]),  # a bond's member does not count
    ("bond0", {"bond0": "peerdns"}, ["DNSDEV=xapi1"]),
    ("bond0.4", {"bond0.4": "defaultroute"}, ["GATEWAYDEV=xapi2"]),
]


@pytest.mark.parametrize(("ref", "given", "gained"), CHOICES)
def test_choices(ref: str, given: dict[str, str], gained: list[str]) -> None:
    tables = pool.tables()
    for pif, option in given.items():
        pool.options(tables, pif, **{option: "true"})
    text = files(tables, ref).get("network")
    assert (text or OLD).splitlines() == [*OLD.splitlines(), *gained]
    assert (text is None) == (not gained)


def test_a_former_choice_is_replaced_in_its_place() -> None:
    old = "GATEWAYDEV=xenbr9\nNETWORKING=yes\nDNSDEV=xenbr9\n"
    assert (
        files(pool.tables(), "eth2", old)["network"] == "GATEWAYDEV=xenbr2\nNETWORKING=yes\nDNSDEV=xenbr2\n"
    )
    kept = "GATEWAYDEV=xenbr2\nDNSDEV=xenbr2\n"
    assert "network" not in files(pool.tables(), "eth2", kept)


def test_two_that_claim_the_names() -> None:
    tables = pool.tables()
    pool.options(tables, "eth2", peerdns="true")
    pool.options(tables, "eth3", peerdns="true")
    told: list[str] = []
    assert "DNSDEV=xenbr2" in files(tables, "eth2", told=told)["network"]
    assert told == ["several PIFs have other_config:peerdns=true: using eth2"]


@pytest.mark.parametrize(
    "name", ["$(reboot)", "a b", "../ifcfg-lo", "x\ny", "`id`", "a;b", "", "..", "br\u00fccke"]
)
def test_names_that_a_shell_would_take_for_more(name: str) -> None:
    tables = changed("eth3", device=name)
    tables["network"]["OpaqueRef:net-xenbr3"]["bridge"] = name
    with pytest.raises(ReconfigureError, match="cannot be the name of a device"):
        files(tables)


@pytest.mark.parametrize(("key", "what"), [("IP", "address"), ("netmask", "netmask")])
@pytest.mark.parametrize("value", ["10.0.0.1; reboot", "$(id)", "10.0.0.1\nX=1", "host"])
def test_addresses_that_are_none(key: str, what: str, value: str) -> None:
    with pytest.raises(ReconfigureError, match=f"has the {what} '"):
        files(changed("eth3", **{key: value}))


def test_a_gateway_that_is_none_is_left_out() -> None:
    told: list[str] = []
    text = files(changed("eth3", gateway="gw;reboot"), told=told)["ifcfg-xenbr3"]
    assert "GATEWAY" not in text
    assert told == ["the gateway 'gw;reboot' is no address: left out"]


def test_a_mac_that_is_none() -> None:
    topology = pool.topology(changed("eth3", MAC="00:11$(id)"))
    with pytest.raises(ReconfigureError, match="MAC address"):
        ifcfg.device_file(topology, topology.by_ref("OpaqueRef:eth3"), None, [].append)
