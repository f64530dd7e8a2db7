"""Plans for hosts whose networks are bridges of the Linux kernel.

Here the distribution's `ifup` and `ifdown` do nearly everything, from one file per device: the network card, the
bond and its members, the VLAN device, and the bridge, which has the address.

Sources: brctl(8), vconfig(8); linux/Documentation/networking/bonding.rst; XenServer 5.6 to 6.0 for the order.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.xenserver.facts import Facts
from vswitch.xenserver.ifcfg import device_file, device_lines, ip_files
from vswitch.xenserver.records import Pif, ReconfigureError
from vswitch.xenserver.settings import Tell
from vswitch.xenserver.steps import IfDown, IfUp, LinkDown, MakeBond, RemoveBond, Run, Stage, Step
from vswitch.xenserver.topology import Topology

BRCTL, VCONFIG = "/usr/sbin/brctl", "/sbin/vconfig"


class BridgeBackend:
    """The parts of a plan that are about bridges, bonds and VLAN devices."""

    def __init__(self, topology: Topology, facts: Facts, tell: Tell) -> None:
        self._topology = topology
        self._facts = facts
        self._tell = tell

    # --- up ---

    def files(self, pif: Pif) -> Iterator[Stage]:
        """The configuration files of a PIF and of what it sits on."""
        if pif.is_tunnel:
            raise ReconfigureError(
                f"tunnels need Open vSwitch, and this host uses Linux bridges: PIF {pif.uuid}"
            )
        bridge, text = self._topology.bridge(pif), self._facts.network_file
        if bridge:
            kind = ["TYPE=Bridge", "DELAY=0", "STP=off", f"PIFDEV={self._topology.netdev(pif)}"]
            yield device_file(self._topology, pif, None, self._tell)
        else:
            kind = device_lines(pif, self._tell)
        yield from self._files_below(pif)
        yield from ip_files(self._topology, pif, kind, text, self._tell)

    def _files_below(self, pif: Pif) -> Iterator[Stage]:
        if pif.is_vlan:
            slave = self._topology.vlan_slave(pif)
            yield device_file(self._topology, slave, None, self._tell)
            yield from self._files_below(slave)
        elif pif.is_bond:
            for slave in self._topology.bond_slaves(pif):
                yield device_file(self._topology, slave, pif, self._tell)

    def devices(self, pif: Pif) -> list[Pif]:
        """The PIFs whose network cards carry a PIF."""
        return self._topology.physicals(self._lowest(pif))

    def _lowest(self, pif: Pif) -> Pif:
        return self._topology.vlan_slave(pif) if pif.is_vlan else pif

    def make_way(self, pif: Pif) -> Iterator[Step]:
        """Take down what sits on the PIF, the bonds that it could be in, and itself."""
        for vlan in self._topology.vlan_masters(pif):
            yield IfDown(self._topology.ipdev(vlan))
            yield IfDown(self._topology.netdev(vlan))
        for bond in self._topology.bond_masters(pif):
            yield from self._remove(bond)
        if not pif.is_vlan:
            yield IfDown(self._topology.netdev(pif))

    def configure(self, pif: Pif, management: Pif | None) -> Iterator[Step]:
        """Make the bridge and bring up what is below it."""
        lowest = self._lowest(pif)
        if lowest.is_bond and self._topology.netdev(lowest) not in self._facts.devices:
            yield MakeBond(self._topology.netdev(lowest))
        if bridge := self._topology.bridge(pif):
            if bridge not in self._facts.devices:
                yield Run((BRCTL, "addbr", bridge))
            yield Run((BRCTL, "setfd", bridge, "0"))
        if pif.is_vlan:
            yield IfUp(self._topology.netdev(lowest))
        if bridge:
            yield IfUp(self._topology.netdev(pif))

    def finish(self, pif: Pif) -> Iterator[Step]:
        """The VLANs that were attached come up again."""
        for vlan in self._topology.vlan_masters(pif):
            if vlan.attached:
                if self._topology.bridge(vlan):
                    yield IfUp(self._topology.netdev(vlan))
                yield IfUp(self._topology.ipdev(vlan))

    # --- down ---

    def take_down(self, pif: Pif) -> Iterator[Step]:
        """Take down a PIF, and what it sits on once nothing else uses that."""
        topology = self._topology
        yield IfDown(topology.ipdev(pif))
        if pif.is_vlan:
            device = topology.netdev(pif)
            yield IfDown(device)
            yield Run((VCONFIG, "rem", device))
            yield from self._remove_bridge(pif)
            slave = topology.vlan_slave(pif)
            siblings = [each for each in topology.vlan_masters(slave) if each.ref != pif.ref]
            if not slave.attached and not any(each.attached for each in siblings):
                yield from self._remove(slave)
        elif any(each.attached for each in topology.vlan_masters(pif)):
            yield from self._remove_bridge(pif)
        else:
            yield from self._remove(pif)

    def _remove(self, pif: Pif) -> Iterator[Step]:
        """Take down the device of a PIF that is no VLAN, and its bridge."""
        device = self._topology.netdev(pif)
        if pif.is_bond:
            known = self._facts.devices.get(device)
            order = known.bond_slaves if known else ()
            names = [self._topology.netdev(each) for each in self._topology.bond_slaves(pif)]
            for name in [*reversed(order), *(name for name in names if name not in order)]:
                yield IfDown(name)
        yield IfDown(device)
        if pif.is_bond:
            yield RemoveBond(device)
        yield from self._remove_bridge(pif)

    def _remove_bridge(self, pif: Pif) -> Iterator[Step]:
        if bridge := self._topology.bridge(pif):
            yield LinkDown(bridge)
            yield Run((BRCTL, "delbr", bridge))

    # --- rewrite ---

    def rewrite(self) -> Iterator[Step]:
        """Nothing: the kernel's bridges know no networks."""
        yield from ()
