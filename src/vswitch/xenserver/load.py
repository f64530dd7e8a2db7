"""The records of one host, from XAPI.

Sources: XenServer's XAPI reference.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.dataclass import replace
from vswitch.base.jsontype import Json
from vswitch.xenserver.records import Bond, Network, Pif, Pool, Records, Tunnel, Vlan, from_xapi
from vswitch.xenserver.xapi import Xapi


def load_records(xapi: Xapi, host_uuid: str) -> Records:
    """What XAPI knows of the network of the host with that UUID."""
    host = xapi.call("host.get_by_uuid", host_uuid)
    pifs = {
        ref: from_xapi(Pif, ref, record)
        for ref, record in xapi.call("PIF.get_all_records").items()
        if record.get("host") == host
    }
    pools = {ref: from_xapi(Pool, ref, record) for ref, record in _one_by_one(xapi, "pool")}
    tunnels = {ref: from_xapi(Tunnel, ref, record) for ref, record in _one_by_one(xapi, "tunnel")}
    vlans = {ref: from_xapi(Vlan, ref, record) for ref, record in xapi.call("VLAN.get_all_records").items()}
    bonds = {ref: from_xapi(Bond, ref, record) for ref, record in xapi.call("Bond.get_all_records").items()}
    networks = {
        ref: from_xapi(Network, ref, record) for ref, record in xapi.call("network.get_all_records").items()
    }
    return Records(
        pifs=pifs,
        pools=pools,
        tunnels={ref: tunnel for ref, tunnel in tunnels.items() if tunnel.transport in pifs},
        vlans={ref: vlan for ref, vlan in vlans.items() if vlan.untagged in pifs},
        bonds={ref: bond for ref, bond in bonds.items() if bond.master in pifs},
        networks={
            ref: replace(network, pifs=tuple(pif for pif in network.pifs if pif in pifs))
            for ref, network in networks.items()
        },
    )


def _one_by_one(xapi: Xapi, kind: str) -> Iterator[tuple[str, dict[str, Json]]]:
    """The records of a class that old releases give one at a time."""
    for ref in xapi.call(f"{kind}.get_all"):
        yield ref, xapi.call(f"{kind}.get_record", ref)
