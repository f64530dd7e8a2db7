"""The plugins openvswitch-cfg-update and openvswitch-config-update: make the switch what XAPI says.

XAPI calls `update` when a host starts and when the pool's controller changes.  Afterwards the switch has the manager
that XAPI names, and every bridge the failure mode and the in-band setting of its network; a change of manager resets
what the former one has configured.  Nothing happens where nothing differs, so it may be called at any time.

Sources: XenServer Administrator's Guide; ovs-vsctl(8), emer-reset.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress

from vswitch.base.errors import VswitchError
from vswitch.base.jsontype import Json
from vswitch.base.log import Logger
from vswitch.base.options import CommandError
from vswitch.xenserver.flows import BridgeFlows, FlowFailure
from vswitch.xenserver.host import DATABASE, Host
from vswitch.xenserver.manager import (
    BOOTSTRAPPED_CA,
    LISTENING,
    OPENFLOW_PORT,
    OVSDB_PORT,
    Change,
    change_of_controller,
    change_of_target,
)
from vswitch.xenserver.plugin import Function, PluginFailure, plugin_main
from vswitch.xenserver.records import FAIL_MODE, IN_BAND
from vswitch.xenserver.settings import protective_flows
from vswitch.xenserver.switchdb import SwitchDatabase
from vswitch.xenserver.xapi import Xapi

log = Logger("update")

RECONFIGURE = "/opt/xensource/libexec/interface-reconfigure"
FIREWALL = "/etc/xapi.d/plugins/firewall-port"
TIMEOUT = 5.0  # seconds, per line of commands
Wanting = Callable[[Xapi, Mapping[str, Json], list[str]], Change]


def cfg_update_main() -> int:
    """Be openvswitch-cfg-update."""
    return _main("openvswitch-cfg-update", by_controller)


def config_update_main() -> int:
    """Be openvswitch-config-update."""
    return _main("openvswitch-config-update", by_sdn_controller)


def _main(name: str, wanting: Wanting) -> int:
    host = Host()
    switch = SwitchDatabase(f"unix:{host.path(DATABASE)}", name)
    return plugin_main(name, functions(host, switch, wanting))


def functions(host: Host, switch: SwitchDatabase, wanting: Wanting) -> dict[str, Function]:
    """The functions of a plugin on `host`; `wanting` says which manager XAPI wants."""

    def update(session: str, arguments: Mapping[str, str]) -> str:
        with Xapi.local(host) as xapi:
            xapi.adopt(session)
            return Update(host, switch, xapi).run(wanting)

    def emergency_reset(session: str, arguments: Mapping[str, str]) -> str:
        try:
            switch.run(["emer-reset"], TIMEOUT)
        except VswitchError as error:
            raise PluginFailure("VSWITCH_EMER_RESET_FAILURE", [_status(error)]) from error
        return "switch configuration reset"

    return {"update": update, "emergency_reset": emergency_reset}


def _status(error: VswitchError) -> str:
    """The exit status that ovs-vsctl would have had."""
    return str(error.status if isinstance(error, CommandError) else 1)


def by_controller(xapi: Xapi, pool: Mapping[str, Json], managers: list[str]) -> Change:
    """The change to pool.vswitch_controller."""
    return change_of_controller(str(pool.get("vswitch_controller") or ""), managers)


def by_sdn_controller(xapi: Xapi, pool: Mapping[str, Json], managers: list[str]) -> Change:
    """The change to the SDN_controller, if there is one."""
    for ref in xapi.call("SDN_controller.get_all"):
        if xapi.call("SDN_controller.get_protocol", ref) == "pssl":
            return change_of_target(LISTENING, managers)
        address = xapi.call("SDN_controller.get_address", ref)
        return change_of_target(f"ssl:{address}:{xapi.call('SDN_controller.get_port', ref)}", managers)
    return change_of_target("", managers)


class Update:
    """One call of `update`."""

    def __init__(self, host: Host, switch: SwitchDatabase, xapi: Xapi) -> None:
        self._host = host
        self._switch = switch
        self._xapi = xapi
        self._flows = BridgeFlows(host)
        self._said: list[str] = []

    def run(self, wanting: Wanting) -> str:
        """Make the switch what XAPI says; what has been done, for XAPI's log."""
        if self._host.has(RECONFIGURE):  # hosts with networkd have none, and write the UUIDs themselves
            self._host.run([RECONFIGURE, "rewrite"])
        pool = self._pool()
        change = wanting(self._xapi, pool, self._switch.ask("get-manager").split())
        self._set_manager(change)
        networks = {each["bridge"]: each for each in self._xapi.call("network.get_all_records").values()}
        cards = self._management_cards() if change.is_new else {}
        self._set_bridges(networks, pool["other_config"].get(FAIL_MODE, ""), cards)
        return "; ".join(self._said) or "nothing to change"

    def _pool(self) -> dict[str, Json]:
        pools = self._xapi.call("pool.get_all")
        if not pools:
            raise PluginFailure("NO_POOL_FOR_HOST")
        if len(pools) > 1:
            raise PluginFailure("MORE_THAN_ONE_POOL_FOR_HOST")
        record: dict[str, Json] = self._xapi.call("pool.get_record", pools[0])
        return record

    # --- the manager ---

    def _set_manager(self, change: Change) -> None:
        if not change.commands:
            return
        with suppress(FileNotFoundError):
            os.unlink(self._host.path(BOOTSTRAPPED_CA))
        if change.firewall and self._host.has(FIREWALL):
            ports = [OVSDB_PORT]
            if (
                self._host.inventory().get("PRODUCT_BRAND") == "XCP-ng"
            ):  # where controllers come to the bridges, too
                ports.append(OPENFLOW_PORT)
            for port in ports:
                self._host.run([FIREWALL, change.firewall, str(port)])
        if change.resets:
            with suppress(VswitchError):  # what follows matters more
                self._switch.run(["emer-reset"], TIMEOUT)
        self._modify(*change.commands)
        self._said.append(change.said)

    def _modify(self, *commands: tuple[str, ...]) -> None:
        words = [word for command in commands for word in ("--", *command)]
        try:
            self._switch.run(words, TIMEOUT)
        except VswitchError as error:
            log.err("%s", error)
            line = " ".join(["/usr/bin/ovs-vsctl", f"--timeout={TIMEOUT:g}", *words])
            raise PluginFailure("VSWITCH_CONFIG_MOD_FAILURE", [_status(error), line]) from error

    # --- the bridges ---

    def _management_cards(self) -> dict[str, str]:
        """The management PIFs' devices in the pool by their MAC addresses; ours is among them."""
        found = self._xapi.call("PIF.get_all_records_where", 'field "management"="true"')
        return {each["MAC"].lower(): each["device"] for each in found.values()}

    def _set_bridges(self, networks: Mapping[str, Json], of_pool: str, cards: Mapping[str, str]) -> None:
        """Bring every bridge to what its network says.  A VLAN bridge has no settings but its parent's."""
        for bridge in self._switch.ask("--real", "list-br").split():
            network = networks.get(bridge)
            if network is None:
                continue  # not XAPI's
            options = network["other_config"]
            self._set_in_band(bridge, options.get(IN_BAND, ""))
            changed = self._set_fail_mode(bridge, options.get(FAIL_MODE, "") or of_pool)
            if changed and of_pool == "secure":
                self._protect(bridge, cards)

    def _set_in_band(self, bridge: str, wanted: str) -> None:
        key = "other_config:disable-in-band"
        present = self._switch.ask("--if-exists", "get", "Bridge", bridge, key).strip('"')
        if wanted not in ("", "true", "false"):
            self._said.append(f"{bridge}: {IN_BAND}={wanted} is not valid, ignored")
        elif wanted and wanted != present:
            self._modify(("set", "Bridge", bridge, f"{key}={wanted}"))
            self._said.append(f"{bridge}: disable-in-band={wanted}")
        elif present and not wanted:
            self._modify(("remove", "Bridge", bridge, "other_config", "disable-in-band"))
            self._said.append(f"{bridge}: disable-in-band removed")

    def _set_fail_mode(self, bridge: str, said: str) -> bool:
        """Give a bridge the failure mode that XAPI says; whether it had another one."""
        wanted = "secure" if said == "secure" else "standalone"
        if self._switch.ask("get", "Bridge", bridge, "fail_mode").strip('[]"') == wanted:
            return False
        self._modify(("set", "Bridge", bridge, f"fail_mode={wanted}"))
        self._said.append(f"{bridge}: fail_mode={wanted}")
        return True

    def _protect(self, bridge: str, cards: Mapping[str, str]) -> None:
        """If this is the management bridge, let the host be reached until the new controller has spoken."""
        mac = self._switch.ask("--if-exists", "get", "Bridge", bridge, "other_config:hwaddr").strip('"')
        device = cards.get(mac.lower(), "")
        if not device:
            return
        members = self._switch.ask("get", "Port", device, "interfaces").strip("[]").split(", ")
        ports = [self._switch.ask("get", "Interface", member, "ofport") for member in members if member]
        known = [port for port in ports if port.isdecimal()]
        try:
            self._flows.add(bridge, protective_flows(mac, known, is_bond=len(members) > 1))
        except FlowFailure as failure:
            raise PluginFailure("VSWITCH_ADD_FLOW_FAILURE", ["1", bridge, failure.flow]) from failure
        self._said.append(f"{bridge}: {device} stays reachable")
