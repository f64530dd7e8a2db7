"""What the switch tells the database: `cur_cfg`, port numbers, states, statistics.

`write_configuration` says what a reconfiguration came to, `write_status` what devices and controllers are like,
`write_bonds` where bonds send, `write_statistics` what devices have carried.  Each writes into a `Transaction`, which
sends only what is different.

Sources: ovs-vswitchd.conf.db(5), the columns of Open_vSwitch, Bridge, Port, Interface and Controller that are "status".
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping

from vswitch.base.errors import KernelError
from vswitch.base.jsontype import Json
from vswitch.base.text import format_mac
from vswitch.dpif.netdev import NetdevState
from vswitch.flow.ports import to_16
from vswitch.linux.dirs import rundir
from vswitch.ovsdb.change import Transaction
from vswitch.ovsdb.replica import Row
from vswitch.vswitchd import existing
from vswitch.vswitchd.vswitch import Vswitch

# What an interface that does not work shows.
ABSENT: dict[str, Json] = {
    "mac_in_use": None,
    "ifindex": None,
    "admin_state": None,
    "link_state": None,
    "link_resets": None,
    "link_speed": None,
    "duplex": None,
    "mtu": None,
    "status": {},
    "statistics": {},
}
NO_PORT = -1


def write_configuration(transaction: Transaction, vswitch: Vswitch) -> None:
    """What the last reconfiguration came to."""
    for row in transaction.rows("Open_vSwitch"):
        _set(transaction, row, "cur_cfg", vswitch.config.next_cfg)
        _set(transaction, row, "datapath_types", tuple(vswitch.platform.datapath_types))
        _set(transaction, row, "iface_types", tuple(vswitch.platform.iface_types))
        _set(transaction, row, "dpdk_initialized", False)
        _set(transaction, row, "dpdk_version", "none")
    for bridge in vswitch.bridges.values():
        if (row_of := transaction.row("Bridge", bridge.config.uuid)) is not None:
            _set(transaction, row_of, "datapath_id", f"{bridge.switch.datapath_id:016x}")
            _set(transaction, row_of, "datapath_version", "<built-in>")
    for row_of, bridge, interface in _interfaces(transaction, vswitch):
        _set(transaction, row_of, "ofport", to_16(interface.ofport) if interface else NO_PORT)
        _set(transaction, row_of, "error", _error(bridge, interface, row_of["name"]))


def _error(bridge: existing.Bridge, interface: existing.Interface | None, name: str) -> str | None:
    """What is wrong with an interface, if anything."""
    if interface is None or interface.netdev is not None:
        return bridge.errors.get(name)
    port = bridge.switch.ports[interface.ofport]
    if bridge.switch.wiring.peer_of(port) is not None:
        return None
    return f"No usable peer '{port.peer}' exists in '{bridge.forwarding.datapath.type}' datapath."


def write_status(transaction: Transaction, vswitch: Vswitch, now: float) -> None:
    """What devices and controllers are like now."""
    for row, bridge, interface in _interfaces(transaction, vswitch):
        columns = _describe(bridge, interface) if interface else ABSENT
        for column, value in columns.items():
            _set(transaction, row, column, value)
    for bridge in vswitch.bridges.values():
        for uuid, (status, role) in bridge.channels.statuses().items():
            row_of = transaction.row("Controller", uuid)
            if row_of is not None:
                _set(transaction, row_of, "is_connected", bool(status.links))
                _set(transaction, row_of, "role", role)
                _set(transaction, row_of, "status", status.to_column(now))


def write_bonds(transaction: Transaction, vswitch: Vswitch, active: Mapping[str, int]) -> None:
    """The addresses of the members that bonds send through, by the bonds' names."""
    for bridge in vswitch.bridges.values():
        for port in bridge.config.ports:
            if port.name in active and port.uuid and (row := transaction.row("Port", port.uuid)) is not None:
                _set(transaction, row, "bond_active_slave", format_mac(active[port.name]))


def _system_statistics() -> dict[str, str]:
    from vswitch.linux.statistics import system_statistics

    return system_statistics(pathlib.Path(rundir()))


def write_statistics(transaction: Transaction, vswitch: Vswitch) -> None:
    """What the interfaces have carried, and this machine if that is asked for."""
    wanted = vswitch.config.system_statistics
    for root in transaction.rows("Open_vSwitch"):
        _set(transaction, root, "statistics", _system_statistics() if wanted else {})
    for row, bridge, interface in _interfaces(transaction, vswitch):
        if interface is not None:
            _set(transaction, row, "statistics", statistics(bridge, interface))


def statistics(bridge: existing.Bridge, interface: existing.Interface) -> dict[str, int]:
    """Interface.statistics; a patch port has what the switch itself has seen."""
    if interface.netdev is not None:
        try:
            return interface.statistics(bridge.forwarding.datapath)
        except KernelError:
            return {}
    stats = bridge.switch.ports[interface.ofport].stats()
    return {
        "rx_bytes": stats.rx_bytes,
        "rx_packets": stats.rx_packets,
        "tx_bytes": stats.tx_bytes,
        "tx_packets": stats.tx_packets,
    }


def _interfaces(
    transaction: Transaction, vswitch: Vswitch
) -> Iterator[tuple[Row, existing.Bridge, existing.Interface | None]]:
    """Every interface that a bridge is to have: its row, its bridge, and itself if it works."""
    for bridge in vswitch.bridges.values():
        for _, config in bridge.config.interfaces():
            if config.uuid and (row := transaction.row("Interface", config.uuid)) is not None:
                yield row, bridge, bridge.interfaces.get(config.name)


def _describe(bridge: existing.Bridge, interface: existing.Interface) -> dict[str, Json]:
    if interface.netdev is None:
        port = bridge.switch.ports[interface.ofport]
        up = {"admin_state": "up", "link_state": "up", "link_resets": 0, "ifindex": 0}
        return {"mac_in_use": format_mac(port.mac), **up}
    try:
        return _describe_device(interface.netdev.state())
    except KernelError:
        return ABSENT


def _describe_device(state: NetdevState) -> dict[str, Json]:
    duplex = None if state.full_duplex is None else "full" if state.full_duplex else "half"
    return {
        "mac_in_use": format_mac(state.mac),
        "ifindex": state.ifindex,
        "admin_state": "up" if state.up else "down",
        "link_state": "up" if state.carrier else "down",
        "link_resets": state.link_resets,
        "link_speed": state.speed or None,
        "duplex": duplex,
        "mtu": state.mtu,
        "status": dict(sorted(state.driver.items())),
    }


def _set(transaction: Transaction, row: Row, column: str, value: Json) -> None:
    """Write `value`, unless the server's schema is too old to have the column."""
    if column in row:
        transaction.set(row, column, value)
