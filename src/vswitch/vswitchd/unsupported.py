"""What the database asks for and this switch does not do: said in the log, not passed over in silence.

A switch that ignores `stp_enable` looks as if it prevented loops.  Each wish that has no effect is one line at WARN,
when it appears.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from vswitch.vswitchd.bridge import Tables

Wished = Callable[[Any], bool]


# The columns by table, each with what counts as a wish.
WISHES: Mapping[str, Mapping[str, Wished]] = {
    "Bridge": dict.fromkeys(
        (
            *("stp_enable", "rstp_enable", "mcast_snooping_enable", "mirrors", "netflow", "sflow", "ipfix"),
            "auto_attach",
        ),
        bool,
    ),
    "Port": {
        "bond_mode": lambda value: (
            value in ("balance-slb", "balance-tcp")
        ),  # packets go through the active member
        "qos": bool,
        "lacp": lambda value: value in ("active", "passive"),
        "vlan_mode": lambda value: value == "dot1q-tunnel",
    },
    "Interface": dict.fromkeys(
        ("ingress_policing_rate", "ingress_policing_kpkts_rate", "bfd", "cfm_mpid", "lldp"), bool
    ),
    "Controller": dict.fromkeys(("local_ip", "local_netmask", "local_gateway"), bool),
}


def unsupported(tables: Tables) -> Iterator[str]:
    """A line for each wish of the database that has no effect."""
    for table, columns in WISHES.items():
        for row in tables.get(table, {}).values():
            for column, wished in columns.items():
                if wished(row[column]):
                    name = row["target" if table == "Controller" else "name"]
                    yield f"{table.lower()} {name}: {column} is not supported yet and has no effect"
