"""When the switch does not work: the management interface on its network card itself, so that the host can be repaired.

A boot calls for the management bridge first.  If the switch cannot make it, the card gets the bridge's address: the one
card, or of a bond's the first that is there; a VLAN becomes the kernel's VLAN device on it.  The file that says so is
marked; the next run that brings the bridge up finds it by that, and takes both away.

Sources: initscripts' sysconfig.txt, VLAN.
"""

from __future__ import annotations

from vswitch.base.dataclass import replace
from vswitch.xenserver.facts import STAND_IN, Facts
from vswitch.xenserver.ifcfg import ip_files
from vswitch.xenserver.records import Pif
from vswitch.xenserver.settings import Tell, mtu
from vswitch.xenserver.steps import Apply, Commit, IfUp, LinkUp, Plan
from vswitch.xenserver.topology import Topology


def stand_in(topology: Topology, pif: Pif, facts: Facts, tell: Tell) -> tuple[str, Plan] | None:
    """The device that stands in for the bridge of a PIF, and the plan for it; None if there is no network card."""
    datapath = topology.datapath(pif) or pif
    cards = [card for card in topology.physicals(datapath) if topology.netdev(card) in facts.devices]
    if not cards:
        return None
    card, network = topology.netdev(cards[0]), topology.network(pif)
    alone = replace(pif, device=card)
    records = replace(
        topology.records,
        pifs={**topology.records.pifs, pif.ref: alone},
        networks={**topology.records.networks, network.ref: replace(network, bridge="")},
    )
    changed = Topology(records)
    kind = [STAND_IN, "VLAN=yes" if pif.is_vlan else "TYPE=Ethernet"]
    device = changed.netdev(alone)
    return device, Plan(
        (
            *ip_files(changed, alone, kind, facts.network_file, tell),
            Apply(),
            LinkUp(card, mtu(topology.network(datapath), datapath.options, tell)),
            IfUp(device),
            Commit(),
        )
    )
