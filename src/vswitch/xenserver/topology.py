"""How the records hang together: what is under a PIF, what is on it, and what its devices are called.

Three words for one PIF: its *netdev* is the device of its own (`eth0`, `eth0.5`, `bond0`); its *ipdev* is the device
that has the IP address, which is the network's bridge if there is one; its *datapath PIF* is the one whose bridge
switches its packets: itself, or what a VLAN sits on.

Sources: XenServer's XAPI reference (classes PIF, Bond, VLAN, tunnel).
"""

from __future__ import annotations

from collections.abc import Iterable

from vswitch.xenserver.records import Network, Pif, Pool, ReconfigureError, Records


class Topology:
    """Questions to the records of one host."""

    def __init__(self, records: Records) -> None:
        self.records = records

    # --- finding ---

    def on_bridge(self, bridge: str) -> Pif:
        """The one PIF whose network has `bridge`."""
        network = self.network_of_bridge(bridge)
        if network is None:
            raise ReconfigureError(f"no network has the bridge '{bridge}'")
        # A VLAN's network lists its PIF as any other; PIFs of other hosts are not among the records.
        found = [pif for pif in self.records.pifs.values() if pif.network == network.ref]
        if len(found) > 1:
            raise ReconfigureError(f"several PIFs of this host are on the bridge '{bridge}'")
        if not found:
            raise ReconfigureError(f"no PIF of this host is on the bridge '{bridge}'")
        return found[0]

    def by_ref(self, ref: str) -> Pif:
        """The PIF with that reference."""
        pif = self.records.pifs.get(ref)
        if pif is None:
            raise ReconfigureError(f"this host has no PIF {ref}")
        return pif

    def by_uuid(self, uuid: str) -> Pif:
        """The PIF with that UUID."""
        found = [pif for pif in self.records.pifs.values() if pif.uuid == uuid]
        if len(found) != 1:
            raise ReconfigureError(f"this host has {len(found) or 'no'} PIFs with UUID '{uuid}'")
        return found[0]

    def management(self) -> Pif | None:
        """The first management PIF."""
        return next((pif for pif in self.records.pifs.values() if pif.management), None)

    def network(self, pif: Pif) -> Network:
        """The network that a PIF is on."""
        network = self.records.networks.get(pif.network)
        if network is None:
            raise ReconfigureError(f"there is no record of the network of PIF {pif.uuid}")
        return network

    def network_of_bridge(self, bridge: str) -> Network | None:
        """The network that has `bridge`."""
        return next((each for each in self.records.networks.values() if each.bridge == bridge), None)

    def pool(self) -> Pool | None:
        """The pool, if there is exactly one."""
        pools = list(self.records.pools.values())
        return pools[0] if len(pools) == 1 else None

    # --- names ---

    def bridge(self, pif: Pif) -> str:
        """The bridge of a PIF's network; empty if that has none."""
        return self.network(pif).bridge

    def netdev(self, pif: Pif) -> str:
        """The PIF's own device."""
        return f"{pif.device}.{pif.vlan}" if pif.is_vlan else pif.device

    def ipdev(self, pif: Pif) -> str:
        """The device that has the PIF's IP address."""
        return self.bridge(pif) or self.netdev(pif)

    # --- above and below ---

    def _pifs(self, refs: Iterable[str]) -> list[Pif]:
        return [self.records.pifs[ref] for ref in refs if ref in self.records.pifs]

    def bond_slaves(self, pif: Pif) -> list[Pif]:
        """The PIFs that a bond joins."""
        if len(pif.bond_master_of) > 1:
            raise ReconfigureError(f"PIF {pif.uuid} is the master of more than one bond")
        bonds = [self.records.bonds[ref] for ref in pif.bond_master_of if ref in self.records.bonds]
        return self._pifs(ref for bond in bonds for ref in bond.slaves)

    def bond_masters(self, pif: Pif) -> list[Pif]:
        """The bonds that a PIF could be in; at most one of them is attached."""
        return self._pifs(
            bond.master
            for bond in self.records.bonds.values()
            if pif.ref in bond.slaves or bond.ref == pif.bond_slave_of
        )

    def vlan_slave(self, pif: Pif) -> Pif:
        """What a VLAN sits on."""
        vlan = self.records.vlans.get(pif.vlan_master_of)
        slave = self.records.pifs.get(vlan.tagged) if vlan else None
        if slave is None:
            raise ReconfigureError(f"there is no record of the PIF under VLAN PIF {pif.uuid}")
        return slave

    def vlan_masters(self, pif: Pif) -> list[Pif]:
        """The VLANs that sit on a PIF."""
        vlans = [self.records.vlans[ref] for ref in pif.vlan_slave_of if ref in self.records.vlans]
        return self._pifs(vlan.untagged for vlan in vlans)

    def datapath(self, pif: Pif) -> Pif | None:
        """The PIF whose bridge switches the packets of this one; None if none does."""
        if pif.is_vlan:
            return self.datapath(self.vlan_slave(pif))
        return pif if self.bridge(pif) else None

    def physicals(self, pif: Pif) -> list[Pif]:
        """The PIFs whose devices carry the packets of a PIF that is no VLAN."""
        if pif.is_tunnel:
            return []
        return self.bond_slaves(pif) if pif.is_bond else [pif]

    def is_in_use(self, pif: Pif) -> bool:
        """Whether a PIF is attached, or what is made of it is."""
        above = [*self.bond_masters(pif), *self.vlan_masters(pif)]
        return pif.attached or any(self.is_in_use(each) for each in above)

    def network_uuids(self, pif: Pif) -> str:
        """The UUIDs of the networks of all PIFs on a PIF's device, that of the untagged one first."""
        on_device = [each for each in self.records.pifs.values() if each.device == pif.device]
        in_order = sorted(on_device, key=lambda each: each.is_vlan)
        networks = [
            self.records.networks[each.network] for each in in_order if each.network in self.records.networks
        ]
        return ";".join(network.uuid for network in networks)
