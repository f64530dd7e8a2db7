"""Commands on physical switches, their ports, logical switches and logical routers.

Sources: vtep-ctl(8), "Physical Switch Commands", "Port Commands", "Logical Switch Commands", "Logical Router Commands".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vswitch.base.options import CommandError
from vswitch.cli.ctl.context import Commands, Context
from vswitch.cli.ctl.numbers import leading_integer
from vswitch.cli.vtep.model import (
    LOGICAL_ROUTER,
    LOGICAL_SWITCH,
    PHYSICAL_SWITCH,
    Kind,
    find_port,
    get_port,
    needs_switches,
    ports,
    root,
)
from vswitch.ovsdb.replica import Row

commands = Commands()


# --- what all three kinds have: add, del, list, exists ---


def _add(context: Context, kind: Kind, name: str) -> Row | None:
    return context.transaction.insert(kind.table, name=name) if kind.is_new(context, name) else None


def _add_physical_switch(context: Context, kind: Kind, name: str) -> None:
    if row := _add(context, kind, name):
        context.transaction.add(root(context.transaction), "switches", [row.uuid])


def _delete(context: Context, kind: Kind, name: str) -> None:
    if row := kind.get_or_none(context, name):
        context.transaction.delete(row)


def _delete_physical_switch(context: Context, kind: Kind, name: str) -> None:
    row = kind.get_or_none(context, name)
    if row is None:
        return
    for port in list(ports(context, row)):
        context.transaction.delete(port)
    context.transaction.remove(root(context.transaction), "switches", [row.uuid])
    context.transaction.delete(row)


def _declare(
    kind: Kind,
    suffix: str,
    add: Callable[[Context, Kind, str], object],
    delete: Callable[[Context, Kind, str], None],
) -> None:
    """Declare the commands of a kind, whose names end in `suffix`."""

    @commands(f"add-{suffix}", "!NAME", "--may-exist", needs=needs_switches, changes=True)
    def add_(context: Context, name: str) -> None:
        add(context, kind, name)

    @commands(f"del-{suffix}", "!NAME", "--if-exists", needs=needs_switches, changes=True)
    def delete_(context: Context, name: str) -> None:
        delete(context, kind, name)

    @commands(f"list-{suffix}", "", needs=needs_switches)
    def list_(context: Context) -> list[str]:
        return kind.names(context)

    @commands(f"{suffix}-exists", "!NAME", needs=needs_switches)
    def exists(context: Context, name: str) -> None:
        if kind.find(context, name) is None:
            raise CommandError("", status=2)


_declare(PHYSICAL_SWITCH, "ps", _add_physical_switch, _delete_physical_switch)
_declare(LOGICAL_SWITCH, "ls", _add, _delete)
_declare(LOGICAL_ROUTER, "lr", _add, _delete)


# --- ports ---


@commands("list-ports", "!PS", needs=needs_switches)
def list_ports(context: Context, name: str) -> list[str]:
    """Print the names of a switch's ports."""
    switch = PHYSICAL_SWITCH.get(context, name)
    return sorted(context.transaction.get(port, "name") for port in ports(context, switch))


@commands("add-port", "!PS !PORT", "--may-exist", needs=needs_switches, changes=True)
def add_port(context: Context, switch_name: str, name: str) -> None:
    """Add a port to a switch."""
    switch = PHYSICAL_SWITCH.get(context, switch_name)
    if find_port(context, switch_name, name) is None:
        port = context.transaction.insert("Physical_Port", name=name)
        context.transaction.add(switch, "ports", [port.uuid])
    elif "--may-exist" not in context.options:
        raise CommandError(
            f"cannot create a port named {name} on {switch_name} because a port with that name already exists"
        )


@commands("del-port", "!PS !PORT", "--if-exists", needs=needs_switches, changes=True)
def del_port(context: Context, switch_name: str, name: str) -> None:
    """Take a port away from its switch."""
    find = find_port if "--if-exists" in context.options else get_port
    port = find(context, switch_name, name)
    if port is not None:
        switch = PHYSICAL_SWITCH.get(context, switch_name)
        context.transaction.remove(switch, "ports", [port.uuid])
        context.transaction.delete(port)


# --- bindings ---


@commands("bind-ls", "!PS !PORT !VLAN !LS", needs=needs_switches, changes=True)
def bind_ls(context: Context, switch_name: str, port_name: str, vlan_text: str, name: str) -> None:
    """Let packets of a VLAN on a port be of a logical switch."""
    port = get_port(context, switch_name, port_name)
    logical_switch = LOGICAL_SWITCH.get(context, name)
    vlan = leading_integer(vlan_text)
    if vlan in context.transaction.get(port, "vlan_bindings"):
        raise CommandError(f"multiple bindings for vlan {vlan}")
    context.transaction.put(port, "vlan_bindings", [(vlan, logical_switch.uuid)])


@commands("unbind-ls", "!PS !PORT !VLAN", needs=needs_switches, changes=True)
def unbind_ls(context: Context, switch_name: str, port_name: str, vlan_text: str) -> None:
    """Undo bind-ls."""
    port = get_port(context, switch_name, port_name)
    vlan = leading_integer(vlan_text)
    if vlan not in context.transaction.get(port, "vlan_bindings"):
        raise CommandError(f"no binding for vlan {vlan_text}")
    context.transaction.remove(port, "vlan_bindings", [vlan])


@commands("list-bindings", "!PS !PORT", needs=needs_switches)
def list_bindings(context: Context, switch_name: str, port_name: str) -> Iterator[str]:
    """Print a port's VLANs and their logical switches."""
    port = get_port(context, switch_name, port_name)
    for vlan, uuid in context.transaction.get(port, "vlan_bindings").items():
        logical_switch = context.transaction.row("Logical_Switch", uuid)
        if logical_switch is not None:
            yield f"{vlan:04} {context.transaction.get(logical_switch, 'name')}"


# --- replication ---


@commands("set-replication-mode", "!LS !MODE", needs=needs_switches, changes=True)
def set_replication_mode(context: Context, name: str, mode: str) -> None:
    """Say who copies a logical switch's broadcast packets."""
    if mode not in ("service_node", "source_node"):
        raise CommandError("Replication mode must be 'service_node' or 'source_node'")
    context.transaction.set(LOGICAL_SWITCH.get(context, name), "replication_mode", mode)


@commands("get-replication-mode", "!LS", needs=needs_switches)
def get_replication_mode(context: Context, name: str) -> Iterator[str]:
    """Print who copies them."""
    # Where nothing is set, the peer prints what C's printf() makes of a null pointer, and scripts compare it.
    yield context.transaction.get(LOGICAL_SWITCH.get(context, name), "replication_mode") or "(null)"
