"""Carrying out a plan.

Sources: XenServer 5.6 to 6.0 for which failures matter: of commands, none; of the database and of files, all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from time import sleep

from vswitch.base.errors import VswitchError
from vswitch.base.log import Logger
from vswitch.xenserver.configfiles import ConfigFiles, State, remove, replace_whole
from vswitch.xenserver.dbcache import CACHE
from vswitch.xenserver.flows import BridgeFlows, start_loading
from vswitch.xenserver.host import Host
from vswitch.xenserver.ifcfg import ifcfg
from vswitch.xenserver.records import ReconfigureError
from vswitch.xenserver.settings import protective_flows
from vswitch.xenserver.steps import (
    Apply,
    Commit,
    IfDown,
    IfUp,
    LinkDown,
    LinkUp,
    MakeBond,
    Note,
    Plan,
    Protect,
    Remove,
    RemoveBond,
    Run,
    SaveCache,
    Stage,
    Step,
    Transact,
)
from vswitch.xenserver.switchdb import SwitchDatabase

log = Logger("interface-reconfigure")

FIRST_BOOT = "/etc/firstboot.d/data/firstboot_in_progress"
BONDING = "/sys/class/net/bonding_masters"
TRANSACT_TIMEOUT = 20.0  # seconds


class SwitchFailure(ReconfigureError):  # noqa: N818 - as XapiFailure
    """The switch did not take a change."""


class Performer:
    """Carries out plans on `host`, whose switch has its database at `switch`."""

    def __init__(self, host: Host, switch: SwitchDatabase, cache: str = CACHE) -> None:
        self._host = host
        self._switch = switch
        self._cache = cache
        self._files = ConfigFiles()
        self._taken_down: list[str] = []  # devices that were configured before

    def perform(self, plan: Plan) -> None:
        """Carry out a plan; if it fails, with whatever, the files are as before, and what was up is tried again."""
        if any(isinstance(step, Protect) for step in plan.steps):
            start_loading()
        try:
            for step in plan.steps:
                self.step(step)
        except BaseException:
            if self._files.state is not State.IDLE:
                log.err("bringing back the configuration files as they were")
                self._files.revert()
                self._try_again()
            raise

    def _try_again(self) -> None:
        """Bring up what this run has taken down: a host must not lose its network because a change of it failed."""
        for device in reversed(self._taken_down):
            if self._host.has_device(device) and self._host.has(ifcfg(device)):
                self._host.run(["/sbin/ifup", device])

    def step(self, step: Step) -> None:
        """Carry out one step."""
        match step:
            case Note(text):
                log.warn("%s", text)
            case Stage(path, text):
                self._files.stage(self._host.path(path), text)
            case Apply():
                self._files.apply()
            case Commit():
                self._files.commit()
            case Remove(path):
                remove(self._host.path(path))
            case Run(argv):
                self._host.run(argv)
            case LinkUp(device, mtu):
                self._link_up(device, mtu)
            case LinkDown(device):
                if self._host.has_device(device):
                    self._host.run(self._link(device, "down"))
            case IfUp(device):
                self._ifup(device)
            case IfDown(device):
                self._ifdown(device)
            case Transact():
                self._transact(step)
            case Protect():
                self._protect(step)
            case MakeBond(name):
                self._make_bond(name)
            case RemoveBond(name):
                self._remove_bond(name)
            case SaveCache(text):
                self._save(text)

    def _link(self, device: str, state: str, mtu: str = "") -> list[str]:
        """The command that enables or disables a device, with the tool that the host has."""
        size = ["mtu", mtu] if mtu else []
        if self._host.has("/sbin/ifconfig"):
            return ["/sbin/ifconfig", device, state, *size]
        return ["/sbin/ip", "link", "set", device, state, *size]

    def _link_up(self, device: str, mtu: str) -> None:
        if not self._host.has_device(device):
            raise ReconfigureError(f"there is no device {device}")
        self._host.run(self._link(device, "up", mtu))

    def _ifdown(self, device: str) -> None:
        if not self._host.has_device(device):
            log.info("ifdown: there is no device %s", device)
        elif not self._host.has(ifcfg(device)):
            self._host.run(self._link(device, "down"))
        else:
            self._host.run(["/sbin/ifdown", device])
            self._taken_down.append(device)

    def _ifup(self, device: str) -> None:
        if not self._host.has(ifcfg(device)):
            raise ReconfigureError(f"ifup: {ifcfg(device)} does not exist")
        # While the installer's first boot goes on, DHCP gives up in time to say so.
        before = os.environ.get("DHCLIENTARGS", "")
        more = {"DHCLIENTARGS": f"{before} -T 240 "} if self._host.has(FIRST_BOOT) else None
        self._host.run(["/sbin/ifup", device], more=more)

    def _transact(self, step: Transact) -> None:
        try:
            for line in self._switch.run(step.argv, TRANSACT_TIMEOUT):
                log.warn("%s", line)
        except VswitchError as error:
            raise SwitchFailure(f"the switch could not be configured: {error}") from error

    def _protect(self, step: Protect) -> None:
        ports = [self._switch.ask("get", "interface", device, "ofport") for device in step.devices]
        known = [port for port in ports if port.isdecimal()]
        if len(known) < len(ports):
            log.warn("%s: not all of %s are ports of the switch yet", step.bridge, " ".join(step.devices))
        try:
            BridgeFlows(self._host).add(step.bridge, protective_flows(step.mac, known, is_bond=step.is_bond))
        except VswitchError as error:  # the network itself is up: better so than not at all
            log.err("%s", error)

    # --- the kernel's bonding driver ---

    def _bonds(self) -> list[str]:
        return self._host.read(BONDING).split()

    def _make_bond(self, name: str) -> None:
        if not self._host.has(BONDING):
            self._host.run(["/sbin/modprobe", "bonding"])
            if "bond0" in self._bonds():  # the driver makes one by itself, with its own settings
                self._host.write(BONDING, "-bond0\n")
        if name not in self._bonds() and not self._host.write(BONDING, f"+{name}\n"):
            raise ReconfigureError(f"the bonding driver did not make {name}")

    def _remove_bond(self, name: str, pause: Callable[[float], None] = sleep) -> None:
        for _ in range(10):  # its members take a moment to leave
            if name not in self._bonds() or self._host.write(BONDING, f"-{name}\n"):
                return
            pause(0.5)
        log.warn("the bonding driver did not remove %s", name)

    # --- the cache ---

    def _save(self, text: str) -> None:
        try:
            replace_whole(self._host.path(self._cache), text)
        except OSError as error:
            raise ReconfigureError(
                f"cannot save {self._cache}: {error.strerror}: the next boot would use old settings"
            ) from None
