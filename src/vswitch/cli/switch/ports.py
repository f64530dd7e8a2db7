"""Commands on bridges, ports and interfaces.

Sources: ovs-vsctl(8), "Bridge Commands", "Port Commands", "Interface Commands".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from vswitch.base.options import CommandError
from vswitch.cli.ctl.context import Commands, Context, Wanting
from vswitch.cli.ctl.database import set_column
from vswitch.cli.ctl.numbers import leading_integer
from vswitch.cli.switch.model import Bridge, Port, Switch, needs_switch, root, switch_of
from vswitch.ovsdb.replica import Row

commands = Commands()
_MAX_VLAN = 4095


# --- bridges ---


@commands("add-br", "!NEW-BRIDGE ?PARENT ?NEW-VLAN", "--may-exist", needs=needs_switch, changes=True)
def add_br(context: Context, name: str, parent: str = "", vlan_text: str = "") -> None:
    """Add a bridge with its local port, or a VLAN bridge on `parent`."""
    if bool(parent) != bool(vlan_text):
        raise CommandError("'add-br' command takes exactly 1 or 3 arguments")
    if not name:
        raise CommandError("bridge name must not be empty string")
    vlan = leading_integer(vlan_text)
    if not 0 <= vlan <= _MAX_VLAN:
        raise CommandError("add-br: vlan must be between 0 and 4095")
    switch = switch_of(context)
    if "--may-exist" in context.options and (bridge := switch.find_bridge(name)):
        _check_same_bridge(context, bridge, parent, vlan)
        return
    switch.check_conflicts(name, f"cannot create a bridge named {name}")
    if parent:
        _add_vlan_bridge(context, switch, name, parent, vlan)
    else:
        _add_real_bridge(context, switch, name)


def _check_same_bridge(context: Context, bridge: Bridge, parent: str, vlan: int) -> None:
    """Raise CommandError unless the bridge is the one that add-br was to make."""
    name = bridge.name
    if not parent:
        if bridge.parent:
            raise CommandError(
                f'"--may-exist add-br {name}" but {name} is a VLAN bridge for VLAN {bridge.vlan}'
            )
        return
    typed = f'"--may-exist add-br {name} {parent} {vlan}" but {name}'
    if not bridge.parent:
        raise CommandError(f"{typed} is not a VLAN bridge")
    if bridge.parent.name != parent:
        raise CommandError(f"{typed} has the wrong parent {bridge.parent.name}")
    if bridge.vlan != vlan:
        raise CommandError(f"{typed} is a VLAN bridge for the wrong VLAN {bridge.vlan}")


def _add_real_bridge(context: Context, switch: Switch, name: str) -> None:
    insert = context.transaction.insert
    interface = insert("Interface", name=name, type="internal")
    port = insert("Port", name=name, interfaces=(interface.uuid,))
    row = insert("Bridge", name=name, ports=(port.uuid,))
    context.transaction.add(root(context.transaction), "bridges", [row.uuid])
    context.expected.append(interface)
    switch.bridges[name] = Bridge(name, row)
    switch.add_port(switch.bridges[name], port)


def _add_vlan_bridge(context: Context, switch: Switch, name: str, parent_name: str, vlan: int) -> None:
    parent = switch.find_bridge(parent_name)
    if parent and parent.parent:
        raise CommandError("cannot create bridge with fake bridge as parent")
    if not parent:
        raise CommandError(f"parent bridge {parent_name} does not exist")
    if vlan in parent.children:
        conflict = parent.children[vlan]
        raise CommandError(
            f"bridge {parent_name} already has a child VLAN bridge {conflict.name} on VLAN {vlan}"
        )
    insert = context.transaction.insert
    interface = insert("Interface", name=name, type="internal")
    port = insert("Port", name=name, interfaces=(interface.uuid,), fake_bridge=True, tag=vlan)
    context.transaction.add(parent.row, "ports", [port.uuid])
    context.expected.append(interface)
    context.derived = None  # ports with that tag have moved


@commands("del-br", "!BRIDGE", "--if-exists", needs=needs_switch, changes=True)
def del_br(context: Context, name: str) -> None:
    """Delete a bridge with all that is on it."""
    switch = switch_of(context)
    bridge = switch.find_bridge(name) if "--if-exists" in context.options else switch.bridge(name)
    if bridge:
        switch.verify()
        switch.delete_bridge(bridge)


@commands("list-br", "", "--real --fake", needs=needs_switch)
def list_br(context: Context) -> list[str]:
    """Print the names of all bridges."""
    real = "--real" in context.options or "--fake" not in context.options
    fake = "--fake" in context.options or "--real" not in context.options
    bridges = switch_of(context).bridges.values()
    return sorted(bridge.name for bridge in bridges if (fake if bridge.parent else real))


@commands("br-exists", "!BRIDGE", needs=needs_switch)
def br_exists(context: Context, name: str) -> None:
    """End with status 2 if there is no such bridge."""
    if not switch_of(context).find_bridge(name):
        raise CommandError("", status=2)


@commands("br-to-vlan", "!BRIDGE", needs=needs_switch)
def br_to_vlan(context: Context, name: str) -> list[str]:
    """Print a bridge's VLAN, 0 for a real bridge."""
    return [str(switch_of(context).bridge(name).vlan)]


@commands("br-to-parent", "!BRIDGE", needs=needs_switch)
def br_to_parent(context: Context, name: str) -> list[str]:
    """Print a VLAN bridge's parent; of a real bridge, itself."""
    bridge = switch_of(context).bridge(name)
    return [(bridge.parent or bridge).name]


_FAKE_PREFIX = "fake-bridge-"  # of the keys that a VLAN bridge keeps in its port


def _needs_external_ids(wanting: Wanting, *words: str) -> None:
    needs_switch(wanting)
    wanting.want("Bridge", "external_ids")
    wanting.want("Port", "external_ids")


def _external_ids(context: Context, name: str) -> tuple[Row, str]:
    """Where a bridge's external ids are kept, and the prefix of their keys."""
    switch = switch_of(context)
    bridge = switch.bridge(name)
    return (switch.ports[name].row, _FAKE_PREFIX) if bridge.parent else (bridge.row, "")


@commands("br-set-external-id", "!BRIDGE !KEY ?VALUE", needs=_needs_external_ids, changes=True)
def br_set_external_id(context: Context, name: str, key: str, value: str | None = None) -> None:
    """Set an external id of a bridge, or, without `value`, take it away."""
    row, prefix = _external_ids(context, name)
    if value is None:
        context.transaction.remove(row, "external_ids", [prefix + key])
    else:
        context.transaction.put(row, "external_ids", [(prefix + key, value)])


@commands("br-get-external-id", "!BRIDGE ?KEY", needs=_needs_external_ids)
def br_get_external_id(context: Context, name: str, key: str | None = None) -> Iterable[str]:
    """Print one external id of a bridge, or all."""
    row, prefix = _external_ids(context, name)
    ids = context.transaction.get(row, "external_ids")
    if key is not None:
        return [ids[prefix + key]] if prefix + key in ids else []
    return [f"{name.removeprefix(prefix)}={value}" for name, value in ids.items() if name.startswith(prefix)]


# --- ports ---


@commands("list-ports", "!BRIDGE", needs=needs_switch)
def list_ports(context: Context, name: str) -> list[str]:
    """Print the names of a bridge's ports, the local one apart."""
    switch = switch_of(context)
    bridge = switch.bridge(name)
    switch.verify()
    return sorted(port for port in bridge.ports if port != name)


@commands("list-ifaces", "!BRIDGE", needs=needs_switch)
def list_ifaces(context: Context, name: str) -> list[str]:
    """Print the names of the interfaces of a bridge's ports, the local one apart."""
    switch = switch_of(context)
    bridge = switch.bridge(name)
    switch.verify()
    names = (interface for port in bridge.ports.values() for interface in port.interfaces)
    return sorted(interface for interface in names if interface != name)


@commands("add-port", "!BRIDGE !NEW-PORT *COLUMN?:KEY=VALUE", "--may-exist", needs=needs_switch, changes=True)
def add_port(context: Context, bridge: str, name: str, *settings: str) -> None:
    """Add a port with one interface of the same name."""
    if not name:
        raise CommandError("port name must not be empty string")
    _add_port(context, bridge, name, [name], settings)


@commands(
    "add-bond",
    "!BRIDGE !BOND +IFACE *COLUMN?:KEY=VALUE",
    "--may-exist --fake-iface",
    needs=needs_switch,
    changes=True,
    at_least=4,
)
def add_bond(context: Context, bridge: str, name: str, *words: str) -> None:
    """Add a port with several interfaces; the settings begin with the first word that has a `=`."""
    count = next((at for at, word in enumerate(words) if "=" in word), len(words))
    if count < 2:
        raise CommandError(f"add-bond requires at least 2 interfaces, but only {count} were specified")
    _add_port(context, bridge, name, words[:count], words[count:])


def _add_port(
    context: Context, bridge_name: str, name: str, interfaces: Sequence[str], settings: Sequence[str]
) -> None:
    switch = switch_of(context)
    if "--may-exist" in context.options and (port := switch.find_port(name)):
        _check_same_port(context, port, bridge_name, interfaces)
        return
    switch.check_conflicts(name, f"cannot create a port named {name}")
    for interface in interfaces:
        switch.check_conflicts(interface, f"cannot create an interface named {interface}")
    bridge = switch.bridge(bridge_name)
    transaction = context.transaction
    rows = [transaction.insert("Interface", name=interface) for interface in interfaces]
    context.expected += rows
    port_row = transaction.insert("Port", name=name, interfaces=tuple(sorted(row.uuid for row in rows)))
    if "--fake-iface" in context.options:
        transaction.set(port_row, "bond_fake_iface", True)
    if bridge.parent:
        transaction.set(port_row, "tag", bridge.vlan)
    for setting in settings:
        set_column(context, transaction.tables["Port"], port_row, setting)
    transaction.add(bridge.row, "ports", [port_row.uuid])
    switch.add_port(bridge.parent or bridge, port_row)


def _check_same_port(context: Context, port: Port, bridge: str, interfaces: Sequence[str]) -> None:
    """Raise CommandError unless the port is the one that was to be added."""
    if port.bridge.name != bridge:
        raise CommandError(
            f'"{context.invocation}" but {port.name} is actually attached to bridge {port.bridge.name}'
        )
    have = sorted(port.interfaces)
    if have != sorted(interfaces):
        raise CommandError(
            f'"{context.invocation}" but {port.name} actually has interface(s) {", ".join(have)}'
        )


@commands("del-port", "?BRIDGE !PORT|IFACE", "--if-exists --with-iface", needs=needs_switch, changes=True)
def del_port(context: Context, *words: str) -> None:
    """Delete a port, from `bridge` if one is given; with --with-iface, the port of that interface."""
    target = words[-1]
    switch = switch_of(context)
    must_exist = "--if-exists" not in context.options
    if switch.find_bridge(target):
        if must_exist:
            raise CommandError(
                f"cannot delete port {target} because it is the local port for bridge {target} "
                "(deleting this port requires deleting the entire bridge)"
            )
        return
    port = _port_to_delete(context, switch, target, must_exist=must_exist)
    if port is None:
        return
    if len(words) == 2:
        _check_on_bridge(port, switch.bridge(words[0]))
    switch.delete_port(port)


def _port_to_delete(context: Context, switch: Switch, target: str, *, must_exist: bool) -> Port | None:
    if "--with-iface" not in context.options:
        return switch.port(target) if must_exist else switch.find_port(target)
    if port := switch.find_port(target):
        return port
    if interface := switch.find_interface(target):
        return interface.port
    if must_exist:
        raise CommandError(f"no port or interface named {target}")
    return None


def _check_on_bridge(port: Port, bridge: Bridge) -> None:
    if port.bridge is bridge:
        return
    message = f"bridge {bridge.name} does not have a port {port.name}"
    if port.bridge.parent is bridge:
        message += f" (although its child bridge {port.bridge.name} does)"
    raise CommandError(message)


@commands("port-to-br", "!PORT", needs=needs_switch)
def port_to_br(context: Context, name: str) -> Iterator[str]:
    """Print the name of the bridge that a port is on."""
    yield switch_of(context).port(name).bridge.name


# --- interfaces ---


@commands("add-bond-iface", "!BOND !IFACE", "--may-exist", needs=needs_switch, changes=True)
def add_bond_iface(context: Context, bond: str, name: str) -> None:
    """Add an interface to a port."""
    switch = switch_of(context)
    port = switch.port(bond)
    if "--may-exist" in context.options and (interface := switch.find_interface(name)):
        if interface.port is not port:
            raise CommandError(
                f'"{context.invocation}" but {name} is actually attached to port {interface.port.name}'
            )
        return
    switch.check_conflicts(name, f"cannot create an interface named {name}")
    row = context.transaction.insert("Interface", name=name)
    context.transaction.add(port.row, "interfaces", [row.uuid])
    context.expected.append(row)
    switch.add_interface(port, row)


@commands("del-bond-iface", "?BOND !IFACE", "--if-exists", needs=needs_switch, changes=True)
def del_bond_iface(context: Context, *words: str) -> None:
    """Take an interface out of its port, which must be `bond` if that is given."""
    name = words[-1]
    switch = switch_of(context)
    interface = switch.find_interface(name) if "--if-exists" in context.options else switch.interface(name)
    if interface is None:
        return
    if len(words) == 2 and interface.port is not switch.port(words[0]):
        raise CommandError(f"port {words[0]} does not have an interface {name}")
    if len(interface.port.interfaces) == 1:
        raise CommandError(f"cannot delete last interface from port {interface.port.name}")
    switch.delete_interface(interface)


@commands("iface-to-br", "!IFACE", needs=needs_switch)
def iface_to_br(context: Context, name: str) -> Iterator[str]:
    """Print the name of the bridge that an interface is on."""
    yield switch_of(context).interface(name).port.bridge.name
