"""Plans for hosts whose networks are bridges of Open vSwitch.

What a PIF becomes: a bridge named as its network, with the device, or the bond of devices, as its port; a VLAN becomes
a VLAN bridge ("fake bridge") on the bridge of what it sits on; a tunnel, a bridge with no port, which a controller
fills.  Everything that is to change in the database changes in one transaction.

Sources: ovs-vsctl(8); XenServer 5.6 to 6.0 for which PIF gets what, and in which order.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.xenserver.facts import VLAN_WORKAROUND, Facts
from vswitch.xenserver.ifcfg import ifcfg, ip_files
from vswitch.xenserver.records import IN_BAND, Pif, ReconfigureError
from vswitch.xenserver.settings import (
    OFF_UNLESS_SET,
    Tell,
    bond_words,
    ethtool_link,
    ethtool_offloads,
    fail_mode,
    mtu,
    quote,
)
from vswitch.xenserver.steps import IfDown, LinkDown, LinkUp, Protect, Remove, Run, Stage, Step, Transact
from vswitch.xenserver.topology import Topology

Command = tuple[str, ...]
VLAN_FEATURES = 0x180  # NETIF_F_HW_VLAN_TX and _RX of the kernels that need the work-around


class VswitchBackend:
    """The parts of a plan that are about the switch."""

    def __init__(self, topology: Topology, facts: Facts, tell: Tell) -> None:
        self._topology = topology
        self._facts = facts
        self._tell = tell

    # --- up ---

    def files(self, pif: Pif) -> Iterator[Stage]:
        """The configuration files of a PIF."""
        if pif.is_vlan and self._topology.datapath(pif) is None:
            raise ReconfigureError(f"a VLAN on a PIF without a bridge is not implemented: PIF {pif.uuid}")
        yield from ip_files(self._topology, pif, ["TYPE=Ethernet"], self._facts.network_file, self._tell)

    def devices(self, pif: Pif) -> list[Pif]:
        """The PIFs whose network cards carry a PIF."""
        return self._topology.physicals(self._topology.datapath(pif) or pif)

    def make_way(self, pif: Pif) -> Iterator[Step]:
        """End the DHCP clients of what the PIF excludes: the bonds that it could be in, the members of its own."""
        for each in [*self._topology.bond_masters(pif), *self._topology.bond_slaves(pif)]:
            if bridge := self._topology.bridge(each):
                yield Run(("/sbin/ifdown", bridge))

    def configure(self, pif: Pif, management: Pif | None) -> Iterator[Step]:
        """Ready the devices, change the database, protect the host."""
        datapath = self._topology.datapath(pif)
        if datapath is None:
            yield from self._without_bridge(pif)
            return
        extra_ports, extra_bonds = self._displaced(datapath)
        for each in self._losing_bridges(datapath, extra_ports, extra_bonds):
            yield LinkDown(self._topology.bridge(each))
        for each in [*extra_ports, *extra_bonds]:
            yield LinkDown(self._topology.netdev(each))
        yield from self._relieve(datapath)
        # Links go up first: the switch looks at the carrier of a bond's member when it gets it.
        yield from self._ready_devices(datapath)
        yield Transact(
            (*self._datapath_commands(datapath, extra_ports, extra_bonds), *self._own_commands(pif, datapath))
        )
        yield from self._protection(datapath, management)

    def finish(self, pif: Pif) -> Iterator[Step]:
        """When the IP configuration is up, the device that stands for the bond goes up, too."""
        datapath = self._topology.datapath(pif)
        if datapath is not None and len(self._topology.physicals(datapath)) > 1:
            yield LinkUp(self._topology.netdev(datapath))

    def _displaced(self, datapath: Pif) -> tuple[list[Pif], list[Pif]]:
        """What must let go of the devices: the other members of bonds that they could be in, and those bonds."""
        mine = self._topology.physicals(datapath)
        ports: list[Pif] = []
        bonds: list[Pif] = []
        for physical in mine:
            for bond in self._topology.bond_masters(physical):
                if bond == datapath or bond in bonds:
                    continue
                bonds.append(bond)
                for slave in self._topology.bond_slaves(bond):
                    if slave not in mine and slave not in ports and not self._topology.is_in_use(slave):
                        ports.append(slave)
        return ports, bonds

    def _losing_bridges(self, datapath: Pif, ports: list[Pif], bonds: list[Pif]) -> list[Pif]:
        everybody = [*self._topology.physicals(datapath), *ports, *bonds]
        return [each for each in everybody if each != datapath and self._topology.bridge(each)]

    def _datapath_commands(self, datapath: Pif, ports: list[Pif], bonds: list[Pif]) -> Iterator[Command]:
        topology, bridge = self._topology, self._topology.bridge(datapath)
        members = [topology.netdev(each) for each in topology.physicals(datapath)]
        for each in self._losing_bridges(datapath, ports, bonds):
            yield "--if-exists", "del-br", topology.bridge(each)
        for device in [*map(topology.netdev, ports), *map(topology.netdev, bonds), *members]:
            yield "--with-iface", "--if-exists", "del-port", device
        yield "--may-exist", "add-br", bridge
        if len(members) > 1:
            bond = topology.netdev(datapath)
            yield "--with-iface", "--if-exists", "del-port", bond
            yield "--fake-iface", "add-bond", bridge, bond, *members
            yield "set", "Port", bond, *bond_words(datapath, self._tell)
        elif members:
            yield "--may-exist", "add-port", bridge, members[0]
        yield "set", "Bridge", bridge, f"other-config:hwaddr={quote(datapath.mac)}"
        yield "set", "Bridge", bridge, f"fail_mode={fail_mode(topology, bridge)[0]}"
        yield from self._in_band(bridge)
        yield "br-set-external-id", bridge, "xs-network-uuids", topology.network_uuids(datapath)

    def _in_band(self, bridge: str) -> Iterator[Command]:
        network = self._topology.network_of_bridge(bridge)
        value = network.options.get(IN_BAND, "") if network else ""
        if not value:
            yield "remove", "Bridge", bridge, "other_config", "disable-in-band"
        elif value in ("true", "false"):
            yield "set", "Bridge", bridge, f"other_config:disable-in-band={value}"
        else:
            self._tell(f"{IN_BAND}={value} is not valid: left as it is")

    def _own_commands(self, pif: Pif, datapath: Pif) -> Iterator[Command]:
        """The commands for the PIF itself, where it is more than its datapath."""
        topology, parent = self._topology, self._topology.bridge(datapath)
        bridge, device = topology.bridge(pif), topology.ipdev(pif)
        if pif.is_vlan and bridge:
            yield "--if-exists", "del-br", bridge
            yield "--may-exist", "add-br", bridge, parent, pif.vlan
            yield "br-set-external-id", bridge, "xs-network-uuids", topology.network_uuids(pif)
        if device != bridge:  # a VLAN whose network has no bridge: a port of the switch with that tag
            yield "--with-iface", "--if-exists", "del-port", device
            yield "add-port", parent, device, f"tag={pif.vlan}"
            yield "set", "Interface", device, "type=internal"
        if device != parent:
            yield "set", "Interface", device, f"MAC={quote(datapath.mac)}"

    def _relieve(self, datapath: Pif) -> Iterator[Step]:
        """End what has stood in for the bridge while the switch did not work."""
        cards = [self._topology.netdev(each) for each in self._topology.physicals(datapath)]
        for device in self._facts.stand_ins:
            card, dot, vlan = device.partition(".")
            if card in cards and (not dot or vlan.isdecimal()):
                yield IfDown(device)
                yield Remove(ifcfg(device))

    def _ready_devices(self, datapath: Pif) -> Iterator[Step]:
        for physical in self._topology.physicals(datapath):
            owner = datapath if datapath.is_bond else physical
            size = mtu(self._topology.network(owner), owner.options, self._tell)
            yield LinkUp(self._topology.netdev(physical), size)
            yield from self._tune(physical)

    def _tune(self, physical: Pif) -> Iterator[Step]:
        device = self._topology.netdev(physical)
        if words := ethtool_link(physical.options, self._tell):
            yield Run(("/sbin/ethtool", "-s", device, *words))
        yield Run(
            (
                "/sbin/ethtool",
                "-K",
                device,
                *ethtool_offloads(OFF_UNLESS_SET | dict(physical.options), self._tell),
            )
        )
        if VLAN_WORKAROUND in self._facts.programs:
            yield Run((VLAN_WORKAROUND, device, "on" if self._needs_workaround(physical) else "off"))

    def _needs_workaround(self, physical: Pif) -> bool:
        """Whether a driver gets VLAN tags wrong unless the kernel is told to handle them itself."""
        if (said := physical.options.get("vlan-bug-workaround")) is not None:
            return said == "true"
        device = self._facts.devices.get(self._topology.netdev(physical))
        return device is not None and device.driver != "bonding" and bool(device.features & VLAN_FEATURES)

    def _protection(self, datapath: Pif, management: Pif | None) -> Iterator[Step]:
        """Only where the pool says `secure`: who says it of the management network itself must mean it."""
        bridge = self._topology.bridge(datapath)
        mode, is_of_pool = fail_mode(self._topology, bridge)
        if mode != "secure" or not is_of_pool or management is None or datapath.ref != management.ref:
            return
        if self._facts.fail_mode_of(bridge) != "secure":
            devices = tuple(self._topology.netdev(each) for each in self._topology.physicals(datapath))
            yield Protect(bridge, datapath.mac, devices, datapath.is_bond)

    def _without_bridge(self, pif: Pif) -> Iterator[Step]:
        """A network without a bridge: the host uses the device itself, and the switch must let go of it."""
        if pif.is_bond or pif.is_tunnel:
            kind = "bond" if pif.is_bond else "tunnel"
            raise ReconfigureError(f"a {kind} whose network has no bridge is not implemented: PIF {pif.uuid}")
        yield from self._ready_devices(pif)
        if self._facts.has_switch:
            yield Transact((("--with-iface", "--if-exists", "del-port", self._topology.netdev(pif)),))

    # --- down ---

    def take_down(self, pif: Pif) -> Iterator[Step]:
        """Take a PIF out of the switch, and its datapath once nothing else uses that."""
        topology = self._topology
        yield IfDown(topology.ipdev(pif))
        commands: list[Command] = [("--with-iface", "--if-exists", "del-port", topology.ipdev(pif))]
        if pif.is_vlan and topology.bridge(pif):
            commands.append(("--if-exists", "del-br", topology.bridge(pif)))
        datapath = topology.datapath(pif)
        if datapath is not None and not self._others_use(pif, datapath):
            for physical in topology.physicals(datapath):
                yield LinkDown(topology.netdev(physical))
            commands.append(("--if-exists", "del-br", topology.bridge(datapath)))
        if datapath is not None or self._facts.has_switch:
            yield Transact(tuple(commands))

    def _others_use(self, pif: Pif, datapath: Pif) -> bool:
        users = [datapath, *self._topology.vlan_masters(datapath)]
        return any(each.attached for each in users if each.ref != pif.ref)

    # --- rewrite ---

    def rewrite(self) -> Iterator[Step]:
        """Write the networks' UUIDs anew; after a pool join they are other ones."""
        if not self._facts.has_switch:
            return
        topology = self._topology
        attached = [each for each in topology.records.pifs.values() if each.attached and not each.is_vlan]
        commands = tuple(
            ("br-set-external-id", bridge, "xs-network-uuids", topology.network_uuids(each))
            for each in attached
            if (bridge := topology.bridge(each))
        )
        if commands:
            yield Transact(commands)
