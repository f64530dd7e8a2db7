"""A pool of one host with every kind of PIF, as XAPI's records: the tables of the fake XAPI.

    eth0 + eth1 = bond0, on xapi1          eth2: management, DHCP, on xenbr2
    VLAN 4 on bond0, on xapi2              eth3: static address, on xenbr3
    xapi0: internal, no PIF                VLAN 123 on eth3, on xapi3
    eth4: not attached, on xenbr4          tunnel on eth3, on xapi4 (only if asked for)

eth0 and eth1 have networks of their own, xenbr0 and xenbr1, for when they are not in the bond.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from vswitch.xenserver.records import Bond, Network, Pif, Pool, Records, Tunnel, Vlan, from_xapi
from vswitch.xenserver.topology import Topology

NULL = "OpaqueRef:NULL"
HOST = "OpaqueRef:host"
HOST_UUID = "852ee692-71b4-439e-abfb-0eba72dc85f0"
OTHER_HOST = "OpaqueRef:other-host"
Tables = dict[str, dict[str, dict[str, Any]]]


def mac(number: int) -> str:
    """The address of ethN."""
    return f"00:15:17:a0:00:{number:02x}"


def uuid(name: str) -> str:
    """A UUID that tells what it is of."""
    digits = name.encode().hex().ljust(12, "0")[:12]
    return f"00000000-0000-4000-8000-{digits}"


def pif(name: str, network: str, **more: Any) -> dict[str, Any]:
    """A PIF's record with the defaults of a plain network card."""
    record: dict[str, Any] = {
        "uuid": uuid(f"p{name}"),
        "device": name,
        "network": f"OpaqueRef:net-{network}",
        "host": HOST,
        "MAC": "",
        "MTU": "1500",
        "VLAN": "-1",
        "physical": True,
        "currently_attached": False,
        "ip_configuration_mode": "None",
        "IP": "",
        "netmask": "",
        "gateway": "",
        "DNS": "",
        "bond_slave_of": NULL,
        "bond_master_of": [],
        "VLAN_master_of": NULL,
        "VLAN_slave_of": [],
        "tunnel_access_PIF_of": [],
        "tunnel_transport_PIF_of": [],
        "management": False,
        "other_config": {},
    }
    return record | more


def network(bridge: str, pifs: list[str], **more: Any) -> dict[str, Any]:
    """A network's record."""
    record = {"uuid": uuid(f"n{bridge}"), "bridge": bridge, "MTU": "1500", "other_config": {}}
    return record | {"PIFs": [f"OpaqueRef:{name}" for name in pifs]} | more


def tables() -> Tables:
    """Everything, ready to be changed."""
    pifs = {
        "eth0": pif("eth0", "xenbr0", MAC=mac(0), bond_slave_of="OpaqueRef:bond"),
        "eth1": pif("eth1", "xenbr1", MAC=mac(1), bond_slave_of="OpaqueRef:bond"),
        "eth2": pif("eth2", "xenbr2", MAC=mac(2), management=True, ip_configuration_mode="DHCP"),
        "eth3": pif(
            "eth3", "xenbr3", MAC=mac(3), ip_configuration_mode="Static", IP="10.0.3.2", netmask="255.255.255.0",
            gateway="10.0.3.1", DNS="10.0.3.53,10.0.3.54", VLAN_slave_of=["OpaqueRef:vlan123"],
        ),
        "eth4": pif("eth4", "xenbr4", MAC=mac(4)),
        "bond0": pif(
            "bond0", "xapi1", MAC=mac(0), bond_master_of=["OpaqueRef:bond"], VLAN_slave_of=["OpaqueRef:vlan4"],
            physical=False,
        ),
        "eth3.123": pif("eth3", "xapi3", MAC=mac(3), VLAN="123", VLAN_master_of="OpaqueRef:vlan123", physical=False),
        "bond0.4": pif("bond0", "xapi2", MAC=mac(0), VLAN="4", VLAN_master_of="OpaqueRef:vlan4", physical=False),
        "elsewhere": pif("eth0", "xenbr0", MAC="00:15:17:b0:00:00", host=OTHER_HOST),
    }  # fmt: skip
    pifs["eth3.123"]["uuid"], pifs["bond0.4"]["uuid"] = uuid("pv123"), uuid("pv4")
    pifs["elsewhere"]["uuid"] = uuid("pother")
    networks = {
        "xenbr0": ["eth0", "elsewhere"], "xenbr1": ["eth1"], "xenbr2": ["eth2"], "xenbr3": ["eth3"],
        "xenbr4": ["eth4"], "xapi1": ["bond0"], "xapi3": ["eth3.123"], "xapi2": ["bond0.4"], "xapi0": [],
    }  # fmt: skip
    return {
        "host": {HOST: {"uuid": HOST_UUID}, OTHER_HOST: {"uuid": uuid("h2")}},
        "pool": {"OpaqueRef:pool": {"uuid": uuid("pool"), "vswitch_controller": "", "other_config": {}}},
        "PIF": {f"OpaqueRef:{name}": record for name, record in pifs.items()},
        "network": {f"OpaqueRef:net-{bridge}": network(bridge, members) for bridge, members in networks.items()},
        "Bond": {
            "OpaqueRef:bond": {
                "uuid": uuid("bond"),
                "master": "OpaqueRef:bond0",
                "slaves": ["OpaqueRef:eth0", "OpaqueRef:eth1"],
            }
        },
        "VLAN": {
            "OpaqueRef:vlan123": {
                "uuid": uuid("v123"), "tagged_PIF": "OpaqueRef:eth3", "untagged_PIF": "OpaqueRef:eth3.123",
            },
            "OpaqueRef:vlan4": {
                "uuid": uuid("v4"), "tagged_PIF": "OpaqueRef:bond0", "untagged_PIF": "OpaqueRef:bond0.4",
            },
        },
        "tunnel": {},
        "VIF": {},
        "VM": {},
        "SDN_controller": {},
    }  # fmt: skip


def secure() -> Tables:
    """The same with the pool in secure mode."""
    result = tables()
    result["pool"]["OpaqueRef:pool"]["other_config"] = {"vswitch-controller-fail-mode": "secure"}
    return result


def with_tunnel(result: Tables) -> Tables:
    """The same with a tunnel on eth3."""
    access = pif("tunnel0", "xapi4", MAC="00:15:17:a0:00:40", tunnel_access_PIF_of=["OpaqueRef:tunnel"])
    result["PIF"]["OpaqueRef:tunnel0"] = access
    result["PIF"]["OpaqueRef:eth3"]["tunnel_transport_PIF_of"] = ["OpaqueRef:tunnel"]
    result["network"]["OpaqueRef:net-xapi4"] = network("xapi4", ["tunnel0"])
    result["tunnel"]["OpaqueRef:tunnel"] = {
        "uuid": uuid("tunnel"),
        "access_PIF": "OpaqueRef:tunnel0",
        "transport_PIF": "OpaqueRef:eth3",
    }
    return result


def options(result: Tables, ref: str, **given: str) -> None:
    """Put into other_config of the record `ref`; `_` in a key is `-` (and `__` is `_`)."""
    name = f"OpaqueRef:{ref}"
    [record] = [table[name] for table in result.values() if name in table]
    for key, value in given.items():
        record["other_config"][key.replace("__", "\0").replace("_", "-").replace("\0", "_")] = value


def records(from_tables: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None) -> Records:
    """The records of our host, made without XAPI."""
    source = cast(Tables, from_tables or tables())
    ours = {ref: record for ref, record in source["PIF"].items() if record["host"] == HOST}
    return Records(
        pifs={ref: from_xapi(Pif, ref, record) for ref, record in ours.items()},
        networks={
            ref: from_xapi(Network, ref, record | {"PIFs": [each for each in record["PIFs"] if each in ours]})
            for ref, record in source["network"].items()
        },
        bonds={ref: from_xapi(Bond, ref, record) for ref, record in source["Bond"].items()},
        vlans={ref: from_xapi(Vlan, ref, record) for ref, record in source["VLAN"].items()},
        tunnels={ref: from_xapi(Tunnel, ref, record) for ref, record in source["tunnel"].items()},
        pools={ref: from_xapi(Pool, ref, record) for ref, record in source["pool"].items()},
    )


def topology(from_tables: Tables | None = None) -> Topology:
    """The questions to them."""
    return Topology(records(from_tables))
