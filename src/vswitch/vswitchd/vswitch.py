"""Everything that exists: datapaths, bridges, interfaces; and the steps that make it what the database wants.

`Vswitch.apply` plans (reconfigure.py) and performs.  An interface that cannot be had stays in its bridge's `errors`
and is tried again at every reconfiguration; a device that appears causes one.

Sources: ovs-vswitchd.conf.db(5), Bridge, Port, Interface; ovs-vswitchd(8).
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from vswitch.aio.tls import Tls
from vswitch.base.counters import Counter
from vswitch.base.errors import KernelError, VswitchError
from vswitch.base.log import Logger
from vswitch.base.text import format_mac
from vswitch.dpif.datapath import Datapath
from vswitch.dpif.netdev import Netdev
from vswitch.dpif.ports import OdpPort
from vswitch.flow.ports import OFPP_LOCAL, OfPort, to_16
from vswitch.ofproto import command as commands
from vswitch.ofproto import inband
from vswitch.ofproto import port as switch_port
from vswitch.openflow.messages import port as port_message
from vswitch.vswitchd import channels, existing, tables
from vswitch.vswitchd import forwarding as packet_loop
from vswitch.vswitchd.address import bridge_mac, datapath_id, patch_mac, xenserver_uuid
from vswitch.vswitchd.bridge import BridgeConfig, Config, InterfaceConfig
from vswitch.vswitchd.platform import Platform
from vswitch.vswitchd.reconfigure import (
    AddBridge,
    AddInterface,
    Configure,
    RemoveBridge,
    RemoveInterface,
    Step,
    plan,
)

log = Logger("bridge")
RECONFIGURED = Counter("bridge_reconfigure")
PORTS_ADDED = Counter("dpif_port_add")
DEFAULT_MTU = 1500


class Vswitch:
    """All bridges of this machine."""

    def __init__(self, platform: Platform, tls: Tls | None = None) -> None:
        self.platform = platform
        self._own_tls = tls  # for ssl: and pssl:, unless the database says otherwise
        self.config = Config()
        self.restoring = True  # until the database once does not say flow-restore-wait
        self.bridges: dict[str, existing.Bridge] = {}
        self.n_removed = 0  # bridges, so far
        self.is_waiting = False  # for a datapath that another process runs still
        self._failed: dict[str, str] = {}  # bridges that could not be made, and why
        self.forwardings: dict[str, packet_loop.Forwarding] = {}  # by datapath type
        self.on_change: Callable[[], None] = lambda: (
            None
        )  # called when something that the database shows is different
        self._active_members: Mapping[str, str] = {}  # of bonds
        self._host_uuid = xenserver_uuid()
        self._loop = asyncio.get_running_loop()

    def interfaces(self) -> Iterator[tuple[existing.Bridge, existing.Interface]]:
        """Every interface that works."""
        return (
            (bridge, interface)
            for bridge in self.bridges.values()
            for interface in bridge.interfaces.values()
        )

    def find_interface(self, name: str) -> tuple[existing.Bridge, existing.Interface] | None:
        """The interface of this name, wherever it is."""
        for bridge in self.bridges.values():
            if name in bridge.interfaces:
                return bridge, bridge.interfaces[name]
        return None

    def memory(self) -> dict[str, int]:
        """What the bridges hold, for memory/show; nothing that is not there is counted."""
        counts = {
            "ports": sum(len(bridge.switch.ports) for bridge in self.bridges.values()),
            "rules": sum(len(table) for bridge in self.bridges.values() for table in bridge.switch.tables),
        }
        return {name: count for name, count in counts.items() if count}

    # Reconfiguration.

    async def apply(self, config: Config) -> None:
        """Make reality what `config` wants, as far as it goes."""
        RECONFIGURED.hit()
        self.config, self.is_waiting = config, False
        self.restoring = self.restoring and config.restoring
        for step in plan(config, self.bridges):
            await self._perform(step)
        for forwarding in list(self.forwardings.values()):
            forwarding.backer.max_idle = config.max_idle
            forwarding.backer.wiring.collection_timeout = config.bundle_timeout
            forwarding.backer.pace.ask(config.flow_limit)
            forwarding.is_waiting = self.restoring
            self._remove_strangers(forwarding)
            forwarding.changed()
        self._close_unused()

    async def _perform(self, step: Step) -> None:
        match step:
            case RemoveBridge(name):
                await self._remove_bridge(self.bridges[name])
            case RemoveInterface(bridge, name):
                self._remove_interface(self.bridges[bridge], name)
            case AddBridge(config):
                self._add_bridge(config)
            case AddInterface(name, config):
                if (bridge_of := self.bridges.get(name)) is not None:
                    self._add_interface(bridge_of, config)
            case Configure(config):
                if (bridge_of := self.bridges.get(config.name)) is not None:
                    await self._configure(bridge_of, config)

    def _add_bridge(self, config: BridgeConfig) -> None:
        try:
            forwarding = self._forwarding(config.datapath_type)
        except VswitchError as error:
            self.is_waiting |= isinstance(error, KernelError) and error.errno == errno.EBUSY
            if self._failed.get(config.name) != str(error):
                log.err("failed to create bridge %s: %s", config.name, error)
            self._failed[config.name] = str(error)
            return
        self._failed.pop(config.name, None)
        switch = forwarding.backer.add_switch(config.name, 0, self._loop.time())
        own = channels.Channels(config.name, switch, forwarding, lambda: self.config.tls or self._own_tls)
        own.on_change = lambda: self.on_change()
        self.bridges[config.name] = existing.Bridge(config, switch, forwarding, own)

    async def _remove_bridge(self, bridge: existing.Bridge) -> None:
        for name in list(bridge.interfaces):
            self._remove_interface(bridge, name)
        await bridge.channels.close()
        bridge.forwarding.perform(bridge.forwarding.backer.remove_switch(bridge.name, self._loop.time()))
        del self.bridges[bridge.name]
        self.n_removed += 1

    def _add_interface(self, bridge: existing.Bridge, config: InterfaceConfig) -> None:
        try:
            interface = self._open(bridge, config)
        except VswitchError as error:
            message = str(error)
            if bridge.errors.get(config.name) != message:
                log.warn("%s", message)
            bridge.errors[config.name] = message
            return
        bridge.errors.pop(config.name, None)
        bridge.interfaces[config.name] = interface
        log.info(
            "bridge %s: added interface %s on port %d", bridge.name, config.name, to_16(interface.ofport)
        )

    def _open(self, bridge: existing.Bridge, config: InterfaceConfig) -> existing.Interface:
        """Open the device, attach it to the datapath and to the switch."""
        now = self._loop.time()
        if config.type == "patch":
            peer = patch_peer(config)
            number = self._choose_number(bridge, config)
            bridge.switch.ports.add(switch_port.SwitchPort(number, config.name, patch_mac(), peer=peer), now)
            return existing.Interface(config, number)
        netdev = self._open_device(bridge, config)
        interface = existing.Interface(config, self._choose_number(bridge, config), netdev)
        try:
            interface.odp_port = self._attach(bridge.forwarding.datapath, netdev)
            bridge.switch.ports.add(self._describe(bridge, interface, netdev), now)
        except KernelError as error:
            netdev.close()
            raise VswitchError(
                f"could not add network device {config.name} to ofproto ({os.strerror(error.errno)})"
            ) from error
        return interface

    def _choose_number(self, bridge: existing.Bridge, config: InterfaceConfig) -> OfPort:
        """What an interface asks for, had when it was here last, or had under an earlier daemon; else a free number."""
        if config.name == bridge.name:
            return OFPP_LOCAL
        wish = config.ofport_request or bridge.numbers.get(config.name) or config.ofport_before
        number = bridge.switch.ports.choose_number(wish, self._loop.time())
        if number is None:
            raise VswitchError(f"could not add network device {config.name} to ofproto (File too large)")
        return number

    def _open_device(self, bridge: existing.Bridge, config: InterfaceConfig) -> Netdev:
        open_device = self.platform.netdev(config.type, bridge.forwarding.datapath.type)
        if open_device is None:
            raise VswitchError(
                f"could not open network device {config.name} (Address family not supported by protocol)"
            )
        try:
            return open_device(config.name, config.options)
        except KernelError as error:
            raise VswitchError(
                f"could not open network device {config.name} ({os.strerror(error.errno)})"
            ) from error

    def _attach(self, datapath: Datapath, netdev: Netdev) -> OdpPort:
        """Add a port to the datapath; one that outlived an earlier daemon keeps its number."""
        if netdev.is_loopback:
            raise KernelError(errno.EINVAL, f"{netdev.name}: a switch cannot have the loopback device")
        PORTS_ADDED.hit()
        return datapath.port_add(netdev)

    def _describe(
        self, bridge: existing.Bridge, interface: existing.Interface, netdev: Netdev
    ) -> switch_port.SwitchPort:
        state = netdev.state()
        return switch_port.SwitchPort(
            interface.ofport,
            netdev.name,
            state.mac,
            interface.odp_port,
            config=0 if state.up else port_message.OFPPC_PORT_DOWN,
            state=port_message.OFPPS11_LIVE if state.carrier else port_message.OFPPS_LINK_DOWN,
            mtu=state.mtu,
            speed=state.speed,
            full_duplex=state.full_duplex,
            medium=state.medium,
            advertised=state.advertised,
            supported=state.supported,
            read_stats=lambda: interface.stats(bridge.forwarding.datapath),
            read_custom=netdev.custom,
        )

    def _remove_interface(self, bridge: existing.Bridge, name: str) -> None:
        interface = bridge.interfaces.pop(name)
        bridge.numbers[name] = interface.ofport
        bridge.switch.remove_port(interface.ofport, self._loop.time())
        if interface.odp_port is not None:
            self._detach(bridge.forwarding.datapath, interface.odp_port)
        if interface.netdev is not None:
            interface.netdev.close()
        log.info("bridge %s: deleted interface %s on port %d", bridge.name, name, to_16(interface.ofport))

    def _detach(self, datapath: Datapath, number: OdpPort) -> None:
        try:
            datapath.port_del(number)
        except KernelError as error:
            log.dbg("%s: failed to delete port %d: %s", datapath.name, number, error)

    async def _configure(self, bridge: existing.Bridge, config: BridgeConfig) -> None:
        bridge.config = config
        self._set_bundles(bridge)
        # What the host may send depends on the other ports: internal ones come last.
        for wanted in sorted(
            (each for _, each in config.interfaces()), key=lambda each: each.type == "internal"
        ):
            if wanted.name in bridge.interfaces:
                self._configure_interface(bridge, bridge.interfaces[wanted.name], wanted)
        wanted_names = {interface.name for _, interface in config.interfaces()}
        for name in bridge.errors.keys() - wanted_names:
            del bridge.errors[name]
        for name in bridge.numbers.keys() - wanted_names:
            del bridge.numbers[name]
        self._set_mtus(bridge)
        switch = bridge.switch
        switch.macs.ageing, switch.macs.size = config.mac_aging, config.mac_table_size
        switch.macs.flood_vlans = config.flood_vlans
        switch.forward_bpdu = config.forward_bpdu
        switch.description = config.description
        tables.configure_tables(switch, config, self._loop.time())
        self._set_addresses(bridge)
        mac = format_mac(switch.ports[OFPP_LOCAL].mac) if OFPP_LOCAL in switch.ports else ""
        remotes = config.in_band if mac else ()
        switch.set_in_band(
            inband.in_band_rules(mac, remotes, config.in_band_queue, self._loop.time()), self._loop.time()
        )
        rulers = [controller for controller in config.controllers if not controller.service]
        switch.configure(fail_mode=config.fail_mode, has_controllers=bool(rulers), now=self._loop.time())
        await bridge.channels.configure(config, alone=self.restoring)

    def _set_bundles(self, bridge: existing.Bridge) -> None:
        wanted = {}
        for port in bridge.config.ports:
            active = self._active_members.get(port.name)
            numbers = [
                bridge.interfaces[interface.name].ofport
                for interface in sorted(port.interfaces, key=lambda each: each.name != active)
                if interface.name in bridge.interfaces
            ]
            if numbers and active != "":
                wanted[port.name] = port, numbers
        for name in bridge.switch.bundles.keys() - wanted.keys():
            bridge.switch.bundles.dissolve(name)
        for name, (port, numbers) in wanted.items():
            bridge.switch.bundles.make(
                name, numbers, port.vlan_mode, port.tag, port.trunks, port.priority_tags, port.protected
            )

    def choose_members(self, active: Mapping[str, str]) -> None:
        """Through which member the packets of each bond go; `active`: its name, or "" for none, by the bond's."""
        if active == self._active_members:
            return
        self._active_members = active
        for bridge in self.bridges.values():
            self._set_bundles(bridge)
            bridge.forwarding.changed()

    def _configure_interface(
        self, bridge: existing.Bridge, interface: existing.Interface, wanted: InterfaceConfig
    ) -> None:
        if wanted.options != interface.config.options:
            if wanted.type == "patch":
                bridge.switch.ports.change(interface.ofport, peer=wanted.options.get("peer", ""))
            elif interface.netdev is not None:
                interface.netdev.configure(wanted.options)
        interface.config = wanted
        netdev = interface.netdev
        if netdev is None:
            return
        what = "read the state of"
        try:
            state = netdev.state()
            if wanted.mac is not None and interface.ofport != OFPP_LOCAL and wanted.mac != state.mac:
                what = "set the Ethernet address of"
                netdev.set_mac(wanted.mac)
            if wanted.mtu_request is not None and wanted.mtu_request != state.mtu:
                what = f"set an MTU of {wanted.mtu_request} for"
                netdev.set_mtu(wanted.mtu_request)
        except KernelError as error:
            log.warn("failed to %s network device %s: %s", what, wanted.name, os.strerror(error.errno))
        self._refresh(bridge, interface)

    def _set_mtus(self, bridge: existing.Bridge) -> None:
        """Let the host send into the bridge no more at once than every other port takes."""
        ports = bridge.switch.ports
        devices = [each for each in bridge.interfaces.values() if each.netdev is not None]
        mtu = min((ports[each.ofport].mtu for each in devices if not each.is_internal), default=DEFAULT_MTU)
        for each in devices:
            if each.is_internal and each.config.mtu_request is None and ports[each.ofport].mtu != mtu:
                self._set_mtu(bridge, each, mtu)

    def _set_mtu(self, bridge: existing.Bridge, interface: existing.Interface, mtu: int) -> None:
        assert interface.netdev is not None
        try:
            interface.netdev.set_mtu(mtu)
        except KernelError as error:
            log.warn("interface %s: MTU cannot be %d (%s)", interface.config.name, mtu, error)
        self._refresh(bridge, interface)

    def _set_addresses(self, bridge: existing.Bridge) -> None:
        """Choose the bridge's MAC address, and from it its datapath id."""
        ports = {name: bridge.switch.ports[each.ofport].mac for name, each in bridge.interfaces.items()}
        mac = bridge_mac(bridge.config, ports)
        local = bridge.interfaces.get(bridge.name)
        if local is not None and local.netdev is not None and bridge.switch.ports[OFPP_LOCAL].mac != mac:
            try:
                local.netdev.set_mac(mac)
            except KernelError as error:
                log.err("bridge %s: failed to set bridge Ethernet address: %s", bridge.name, error)
            self._refresh(bridge, local)
        identifier = datapath_id(bridge.config, ports, self._host_uuid)
        if identifier != bridge.announced_id:
            bridge.announced_id = bridge.switch.datapath_id = identifier
            log.info("bridge %s: using datapath ID %016x", bridge.name, identifier)
            bridge.channels.reconnect()

    # Devices.

    def device_changed(self, name: str) -> bool:
        """A device came, went or changed; whether that needs a reconfiguration."""
        found = self.find_interface(name)
        if found is None:
            return any(name in bridge.errors for bridge in self.bridges.values())
        bridge, interface = found
        self._refresh(bridge, interface)
        if not interface.is_internal:
            self._set_mtus(bridge)
        self.on_change()
        return not interface.present

    def _refresh(self, bridge: existing.Bridge, interface: existing.Interface) -> None:
        """Tell the switch what the device is like now."""
        if interface.netdev is None:
            return
        try:
            state = interface.netdev.state()
        except KernelError:
            interface.present = False
            return
        bridge.switch.ports.change(
            interface.ofport,
            mac=state.mac,
            up=state.up,
            carrier=state.carrier,
            mtu=state.mtu,
            speed=state.speed,
            full_duplex=state.full_duplex,
            medium=state.medium,
            advertised=state.advertised,
            supported=state.supported,
        )
        bridge.forwarding.changed()

    # Datapaths.

    def _forwarding(self, type: str) -> packet_loop.Forwarding:
        canonical = self.platform.canonical(type)
        if canonical not in self.forwardings:
            datapath = self.platform.open_datapath(canonical)
            send = partial(self._send, canonical)
            self.forwardings[canonical] = packet_loop.Forwarding(datapath, send, self._set_up)
            self.forwardings[canonical].is_waiting = self.restoring
        return self.forwardings[canonical]

    def _remove_strangers(self, forwarding: packet_loop.Forwarding) -> None:
        """Detach ports that an earlier daemon left in the datapath and nobody wants any more."""
        datapath = forwarding.datapath
        ours = {
            interface.odp_port for bridge, interface in self.interfaces() if bridge.forwarding is forwarding
        }
        for number, port in list(datapath.ports().items()):
            if number not in ours and port.name != datapath.name:
                self._detach(datapath, number)

    def _close_unused(self) -> None:
        used = {id(bridge.forwarding) for bridge in self.bridges.values()}
        for type, forwarding in list(self.forwardings.items()):
            if id(forwarding) not in used:
                forwarding.close(keep=False)
                del self.forwardings[type]

    def _send(self, type: str, command: commands.Send) -> None:
        """Connections are numbered by datapath: look among the bridges on that of `type`."""
        for bridge in self.bridges.values():
            if bridge.forwarding is self.forwardings.get(type) and bridge.channels.send(command):
                return

    def _set_up(self, command: commands.SetPortUp) -> None:
        found = self.find_interface(command.name)
        if found is None or found[1].netdev is None:
            return
        try:
            found[1].netdev.set_up(command.up)
        except KernelError as error:
            log.warn("%s: cannot be set %s (%s)", command.name, "up" if command.up else "down", error)
        self.device_changed(command.name)

    async def close(self, cleanup: bool) -> None:
        """End.  With `cleanup`, remove every device and datapath that we made; else leave them to our successor."""
        for bridge in list(self.bridges.values()):
            if cleanup:
                await self._remove_bridge(bridge)
            else:
                await bridge.channels.close()
        for forwarding in self.forwardings.values():
            forwarding.close(keep=not cleanup)
        self.forwardings.clear()


def patch_peer(config: InterfaceConfig) -> str:
    """The name of the other end of a patch port; raises when there is none that makes sense."""
    peer = config.options.get("peer")
    if not peer:
        raise VswitchError(f"{config.name}: patch type requires valid 'peer' argument")
    if peer == config.name:
        raise VswitchError(f"{config.name}: patch peer must not be self")
    return peer
