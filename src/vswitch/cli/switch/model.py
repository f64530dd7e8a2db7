"""Bridges, ports and interfaces as ovs-vsctl speaks of them: with VLAN bridges, and each thing under its name.

A VLAN bridge ("fake bridge") is a port of its parent with `fake_bridge` set and a VLAN tag.  It stands for itself and
for all ports of the parent with the same tag.

Sources: ovs-vsctl(8), "Linux VLAN Bridging Compatibility".
"""

from __future__ import annotations

from vswitch.base.options import CommandError
from vswitch.cli.ctl.context import Context, Wanting
from vswitch.ovsdb.change import Transaction
from vswitch.ovsdb.replica import Row


class Bridge:
    """A bridge, or, where there is a `parent`, the VLAN bridge for the parent's `vlan`."""

    __slots__ = ("children", "name", "parent", "ports", "row", "vlan")

    def __init__(self, name: str, row: Row, parent: Bridge | None = None, vlan: int = 0) -> None:
        self.name = name
        self.row = row  # of table Bridge, also for a VLAN bridge
        self.parent = parent
        self.vlan = vlan
        self.children: dict[int, Bridge] = {}  # VLAN bridges by VLAN
        self.ports: dict[str, Port] = {}  # without those of VLAN bridges


class Port:
    """A port and the bridge, VLAN bridge or not, that it belongs to."""

    __slots__ = ("bridge", "interfaces", "name", "row")

    def __init__(self, name: str, row: Row, bridge: Bridge) -> None:
        self.name = name
        self.row = row
        self.bridge = bridge
        self.interfaces: dict[str, Interface] = {}


class Interface:
    """An interface and its port."""

    __slots__ = ("name", "port", "row")

    def __init__(self, name: str, row: Row, port: Port) -> None:
        self.name = name
        self.row = row
        self.port = port


def needs_switch(wanting: Wanting, *words: str) -> None:
    """What the replica must hold to build a Switch."""
    wanting.want("Open_vSwitch", "bridges")
    wanting.want("Bridge", "name", "ports", "controller", "fail_mode")
    wanting.want("Port", "name", "fake_bridge", "tag", "interfaces")
    wanting.want("Interface", "name", "ofport", "error")


def root(transaction: Transaction) -> Row:
    """The row of table Open_vSwitch."""
    return next(transaction.rows("Open_vSwitch"))


class Switch:
    """All bridges, ports and interfaces by name, as the transaction sees them; it keeps up with its own changes."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.bridges: dict[str, Bridge] = {}
        self.ports: dict[str, Port] = {}
        self.interfaces: dict[str, Interface] = {}
        self._is_verified = False
        self._read()

    def _read(self) -> None:
        get, row = self.transaction.get, self.transaction.row
        uuids = get(root(self.transaction), "bridges")
        bridges = [found for uuid in uuids if (found := row("Bridge", uuid))]
        ports = {bridge: self._port_rows(bridge) for bridge in bridges}
        for bridge_row in bridges:
            name = get(bridge_row, "name")
            self.bridges.setdefault(name, Bridge(name, bridge_row))
        for bridge_row in bridges:
            parent = self.bridges[get(bridge_row, "name")]
            for port in ports[bridge_row]:
                name, vlan = get(port, "name"), get(port, "tag")
                if get(port, "fake_bridge") and vlan is not None and name not in self.bridges:
                    self.add_vlan_bridge(name, parent, vlan)
        for bridge_row in bridges:
            for port in ports[bridge_row]:
                self.add_port(self.bridges[get(bridge_row, "name")], port)

    def _port_rows(self, bridge: Row) -> list[Row]:
        uuids = self.transaction.get(bridge, "ports")
        return [port for uuid in uuids if (port := self.transaction.row("Port", uuid))]

    def add_vlan_bridge(self, name: str, parent: Bridge, vlan: int) -> None:
        """Take a VLAN bridge into account."""
        self.bridges[name] = parent.children[vlan] = Bridge(name, parent.row, parent, vlan)

    def add_port(self, bridge: Bridge, row: Row) -> None:
        """Take a port of `bridge` into account, with its interfaces."""
        get = self.transaction.get
        name, tag = get(row, "name"), get(row, "tag")
        if name in self.ports:
            return
        port = Port(name, row, bridge.children.get(tag, bridge) if tag is not None else bridge)
        self.ports[name] = port.bridge.ports[name] = port
        for uuid in get(row, "interfaces"):
            interface = self.transaction.row("Interface", uuid)
            if interface is not None:
                self.add_interface(port, interface)

    def add_interface(self, port: Port, row: Row) -> None:
        """Take an interface of `port` into account."""
        name = self.transaction.get(row, "name")
        if name not in self.interfaces:
            self.interfaces[name] = port.interfaces[name] = Interface(name, row, port)

    # --- finding; what is looked for and not found must not appear while we decide ---

    def find_bridge(self, name: str) -> Bridge | None:
        """The bridge of that name."""
        self.transaction.verify(root(self.transaction), "bridges")
        return self.bridges.get(name)

    def bridge(self, name: str) -> Bridge:
        """The bridge of that name, which must exist."""
        bridge = self.find_bridge(name)
        if bridge is None:
            raise CommandError(f"no bridge named {name}")
        return bridge

    def real_bridge(self, name: str) -> Bridge:
        """The bridge of that name, which must exist and be no VLAN bridge."""
        bridge = self.bridge(name)
        if bridge.parent:
            raise CommandError(f"{name} is a fake bridge")
        return bridge

    def find_port(self, name: str) -> Port | None:
        """The port of that name, local ports of bridges apart."""
        self.verify()
        port = self.ports.get(name)
        return None if port is None or port.bridge.name == name else port

    def port(self, name: str) -> Port:
        """The port of that name, which must exist."""
        port = self.find_port(name)
        if port is None:
            raise CommandError(f"no port named {name}")
        return port

    def find_interface(self, name: str) -> Interface | None:
        """The interface of that name, local ports of bridges apart."""
        self.verify()
        interface = self.interfaces.get(name)
        return None if interface is None or interface.port.bridge.name == name else interface

    def interface(self, name: str) -> Interface:
        """The interface of that name, which must exist."""
        interface = self.find_interface(name)
        if interface is None:
            raise CommandError(f"no interface named {name}")
        return interface

    def verify(self) -> None:
        """Commit only if no bridge, port or interface has come or gone meanwhile."""
        if self._is_verified:
            return
        self._is_verified = True
        transaction = self.transaction
        transaction.verify(root(transaction), "bridges")
        for bridge in transaction.rows("Bridge"):
            transaction.verify(bridge, "ports")
        for port in transaction.rows("Port"):
            transaction.verify(port, "interfaces")

    def check_conflicts(self, name: str, message: str) -> None:
        """Raise CommandError, which begins with `message`, if anything has that name already."""
        self.verify()
        if name in self.bridges:
            raise CommandError(f"{message} because a bridge named {name} already exists")
        if name in self.ports:
            bridge = self.ports[name].bridge
            raise CommandError(
                f"{message} because a port named {name} already exists on bridge {bridge.name}"
            )
        if name in self.interfaces:
            bridge = self.interfaces[name].port.bridge
            raise CommandError(
                f"{message} because an interface named {name} already exists on bridge {bridge.name}"
            )

    # --- deleting ---

    def delete_bridge(self, bridge: Bridge) -> None:
        """Delete a bridge with its ports and VLAN bridges."""
        for child in list(bridge.children.values()):
            self.delete_bridge(child)
        if not bridge.parent:
            self.transaction.set(bridge.row, "ports", ())  # at once: one by one, 3,000 ports take a second
        for port in list(bridge.ports.values()):
            self.delete_port(port)
        if bridge.parent:
            del bridge.parent.children[bridge.vlan]
        else:
            self.transaction.remove(root(self.transaction), "bridges", [bridge.row.uuid])
            self.transaction.delete(bridge.row)
        del self.bridges[bridge.name]

    def delete_port(self, port: Port) -> None:
        """Delete a port with its interfaces."""
        for interface in port.interfaces.values():
            self.transaction.delete(interface.row)
            del self.interfaces[interface.name]
        self.transaction.remove(port.bridge.row, "ports", [port.row.uuid])
        self.transaction.delete(port.row)
        del self.ports[port.name], port.bridge.ports[port.name]

    def delete_interface(self, interface: Interface) -> None:
        """Take an interface out of its port."""
        self.transaction.remove(interface.port.row, "interfaces", [interface.row.uuid])
        self.transaction.delete(interface.row)
        del self.interfaces[interface.name], interface.port.interfaces[interface.name]


# What a Switch is computed from.  To `set` other columns leaves it: 1,000 ports would be read anew 1,000 times.
_COLUMNS = frozenset(
    {
        ("Open_vSwitch", "bridges"),
        *(("Bridge", column) for column in ("", "name", "ports")),
        *(("Port", column) for column in ("", "name", "fake_bridge", "tag", "interfaces")),
        *(("Interface", column) for column in ("", "name")),
    }
)


def switch_of(context: Context) -> Switch:
    """The switch as the commands so far have left it."""
    if not isinstance(context.derived, Switch):
        context.derived = Switch(context.transaction)
        context.derived_from = _COLUMNS
    return context.derived
