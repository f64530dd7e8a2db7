"""The programs that Xen calls when a domain's network card comes or goes: vif, vif-real and setup-vif-rules.

    vif ACTION [vif|tap] [DOMID DEVID]            XenServer 5.6 to 6.0, by udev
    vif ACTION type_if=vif|tap                    XenServer 8, by udev
    vif-real vif|tap DOMID DEVID ACTION           XenServer 8, by the former
    setup-vif-rules BACKEND DEVICE VM DEVID filter|clear    XenServer 8, also when a locking mode changes

Exit status 1, with a word in the log, if the card cannot be used as XAPI wants it; then it is on no bridge.

Sources: XenServer 5.6 to 6.0 and XenServer 8.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence

from vswitch.base.errors import VswitchError
from vswitch.base.lightjson import decode
from vswitch.base.log import LOG, Level, Logger
from vswitch.base.options import Given
from vswitch.xenserver.flows import BridgeFlows
from vswitch.xenserver.host import DATABASE, Host
from vswitch.xenserver.records import ReconfigureError
from vswitch.xenserver.steps import LinkDown, Note, Run, Transact
from vswitch.xenserver.switchdb import SwitchDatabase
from vswitch.xenserver.vif import (
    HOOK,
    IP,
    OFFLOADS,
    Card,
    Guard,
    StoreRemove,
    StoreWrite,
    SysWrite,
    Vif,
    VifStep,
    attach,
    classic_paths,
    connect,
    current_paths,
    detach,
    disconnect,
    identify,
)
from vswitch.xenserver.vif_rules import COOKIE, Rules, locked_flows, parse_rules
from vswitch.xenserver.xenstore import Xenstore

log = Logger("vif")

TIMEOUT = 30.0  # seconds, per transaction
MODULE = "/sys/module/openvswitch"
METADATA = "/var/run/nonpersistent/xenopsd"
XENBUS = re.compile(r"backend/vif/(\d+)/(\d+)")
DEVICE = re.compile(r"(vif|tap)(\d+)\.(\d+)")


USAGES = {
    "vif": "vif ACTION [vif|tap] [DOMID DEVID]   or   vif ACTION type_if=vif|tap",
    "vif-real": "vif-real vif|tap DOMID DEVID ACTION",
    "setup-vif-rules": "setup-vif-rules BACKEND vifDOMID.DEVID|tapDOMID.DEVID VM DEVID filter|clear",
}
ABOUT = "Puts a domain's network card on its bridge, or takes it off.  ACTION is online, add, move or remove."


def vif_main() -> int:
    """Be the program vif, of either generation."""
    return _guarded("vif", run_vif)


def vif_real_main() -> int:
    """Be the program vif-real."""
    return _guarded("vif-real", run_vif_real)


def rules_main() -> int:
    """Be the program setup-vif-rules."""
    return _guarded("setup-vif-rules", run_rules)


def _guarded(name: str, run: Callable[[Sequence[str], Host], None]) -> int:
    from vswitch.aio.sinks import start_logging

    words = sys.argv[1:]
    if words in (["-h"], ["--help"]):
        print(f"usage: {USAGES[name]}\n{ABOUT}")
        return 0
    start_logging(name, Given())
    LOG.set_level(Level.INFO, destination="syslog")
    LOG.set_level(Level.OFF, destination="console")
    try:
        run(words, Host())
    except VswitchError as error:
        log.err("%s", error)
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    return 0


def run_vif(words: Sequence[str], host: Host) -> None:
    """Do what udev asks for; raises VswitchError."""
    if not words:
        raise ReconfigureError(f"usage: {USAGES['vif']}")
    action, *rest = words
    is_current = bool(rest) and rest[0].startswith("type_if=")
    kind = rest[0].removeprefix("type_if=") if rest else "vif"
    Hotplug(host, _device(kind, rest[1:]), is_current=is_current).run(action)


def run_vif_real(words: Sequence[str], host: Host) -> None:
    """Do what vif hands on; raises VswitchError."""
    if len(words) != 4:
        raise ReconfigureError(f"usage: {USAGES['vif-real']}")
    kind, domid, devid, action = words
    Hotplug(host, _device(kind, (domid, devid)), is_current=True).run(action)


def run_rules(words: Sequence[str], host: Host) -> None:
    """Set or clear the rules of one device; raises VswitchError."""
    if len(words) != 5 or words[4] not in ("filter", "clear") or not (found := DEVICE.fullmatch(words[1])):
        raise ReconfigureError(f"usage: {USAGES['setup-vif-rules']}")
    backend, _, vm_uuid, devid, action = words
    vif = Vif(found[1], found[2], devid)
    VifRules(host, vif, backend, vm_uuid).run(action)


def _device(kind: str, numbers: Sequence[str]) -> Vif:
    """The device in question: as the words or the environment say."""
    if kind not in ("vif", "tap"):
        raise ReconfigureError(f"unknown type of device '{kind}'")
    if len(numbers) == 2:
        return Vif(kind, *numbers)
    if kind == "vif" and (found := XENBUS.search(os.environ.get("XENBUS_PATH", ""))):
        return Vif(kind, found[1], found[2])
    if kind == "tap" and (found := DEVICE.fullmatch(os.environ.get("INTERFACE", ""))):
        return Vif(kind, found[2], found[3])
    raise ReconfigureError("which device? neither arguments nor XENBUS_PATH or INTERFACE say")


def switch_of(host: Host, program: str) -> SwitchDatabase:
    """The switch of a host."""
    return SwitchDatabase(f"unix:{host.path(DATABASE)}", program)


class Hotplug:
    """One device's coming or going; `is_current` for XenServer 8."""

    def __init__(
        self,
        host: Host,
        vif: Vif,
        *,
        is_current: bool,
        store: Xenstore | None = None,
        switch: SwitchDatabase | None = None,
    ) -> None:
        self._host = host
        self._vif = vif
        self._is_current = is_current
        self._store = store or Xenstore(host)
        self._switch = switch or switch_of(host, "vif")
        self._vm = self._vm_uuid()
        xenbus = os.environ.get("XENBUS_PATH") or f"backend/vif/{vif.domid}/{vif.devid}"
        self._paths = current_paths(vif, self._vm, xenbus) if is_current else classic_paths(vif)

    def run(self, action: str) -> None:
        """Do what an action asks for; raises VswitchError, after telling Xen where somebody listens."""
        try:
            for step in self._steps(action):
                self._perform(step)
        except VswitchError as error:
            if self._paths.error and action in ("online", "add"):
                self._store.write(self._paths.error, str(error))
                self._store.write(self._paths.status, "error")
            raise

    def _steps(self, action: str) -> Iterable[VifStep]:
        vif, paths = self._vif, self._paths
        guarded = self._is_guarded()
        match action, vif.kind:
            case "online", "vif":
                return connect(vif, self._card(), paths, guarded=guarded)
            case "add", "tap":
                return [Guard("filter")] if guarded else attach(vif, self._card())
            case "move", "vif":
                return [Guard("filter")] if guarded else attach(vif, self._card())
            case "remove", "vif":
                return disconnect(vif, self._leaving(), paths, guarded=guarded)
            case "remove", "tap":
                return [Guard("clear")] if guarded else detach(vif, self._leaving())
            case _:  # udev says more than concerns us
                return []

    # --- what the host says ---

    def _is_switched(self) -> bool:
        if self._is_current:
            return self._host.has(MODULE)
        return self._host.backend() == "openvswitch"

    def _is_guarded(self) -> bool:
        return self._is_current and self._store.read(f"{self._paths.private}/setup-vif-rules") in (
            "true",
            "1",
        )

    def _vm_uuid(self) -> str:
        vm = self._store.read(f"/local/domain/{self._vif.domid}/vm")
        uuid = self._store.read(f"{vm}/uuid") if vm else None
        return uuid or (vm.rpartition("/")[2] if vm else "")

    def _card(self) -> Card:
        """The card as it is to be; raises ReconfigureError if XAPI has not said which bridge."""
        private, read = self._paths.private, self._store.read
        bridge = read(f"{private}/bridge")
        if self._is_current:
            vif = self._vif
            bridge = read(f"/local/domain/0/backend/vif/{vif.domid}/{vif.devid}/bridge") or bridge
        bridge_mac = read(f"{private}/bridge-MAC")
        if not bridge or not bridge_mac:
            raise ReconfigureError(f"{self._vif.device}: {private} does not say which bridge")
        found = {
            key: read(f"{private}/other-config/ethtool-{key}") for key in OFFLOADS if self._vif.kind == "vif"
        }
        trunks = read(f"{private}/trunks") if self._is_current and self._vif.kind == "vif" else None
        if self._is_current and self._vif.kind == "vif" and trunks is None:
            raise ReconfigureError(f"{self._vif.device}: {private}/trunks cannot be read")
        return Card(
            bridge,
            bridge_mac,
            self._is_switched(),
            mtu=read(f"{private}/MTU") or "",
            offloads={key: value for key, value in found.items() if value is not None},
            promiscuous=read(f"{private}/other-config/promiscuous") or "",
            ids=external_ids(self._store, self._vif, private, self._vm),
            trunks=trunks,
            has_hook=self._has_hook(),
        )

    def _leaving(self) -> Card:
        """A card that goes: its keys may have gone before it."""
        ids = external_ids(self._store, self._vif, self._paths.private, self._vm)
        return Card("", "", self._is_switched(), ids=ids, has_hook=self._has_hook())

    def _has_hook(self) -> bool:
        return os.access(self._host.path(HOOK), os.X_OK)

    # --- doing it ---

    def _perform(self, step: VifStep) -> None:
        match step:
            case Note(text):
                log.warn("%s", text)
            case Run(argv):
                self._host.run(argv)
            case LinkDown(device):
                self._host.run([IP, "link", "set", device, "down"])
            case Transact():
                self._switch.run(step.argv, TIMEOUT)
            case StoreWrite(path, value):
                self._store.write(path, value)
            case StoreRemove(path):
                self._store.remove(path)
            case SysWrite(path, text):
                self._host.write(path, text)
            case Guard(action):
                backend = self._store.read(f"{self._paths.private}/xenopsd-backend") or ""
                rules = VifRules(
                    self._host, self._vif, backend, self._vm, store=self._store, switch=self._switch
                )
                rules.run(action)


def external_ids(store: Xenstore, vif: Vif, private: str, vm_uuid: str) -> dict[str, str]:
    """Whose a card is, as far as the host knows."""
    final = (
        store.read(f"/vm/{vm_uuid}/final-uuid") if vm_uuid else None
    )  # what a VM that migrates here will be
    found = {
        "xs-vm-uuid": final or vm_uuid,
        "xs-vif-uuid": store.read(f"{private}/vif-uuid"),
        "xs-network-uuid": store.read(f"{private}/network-uuid"),
        "attached-mac": store.read(f"/local/domain/{vif.domid}/device/vif/{vif.devid}/mac"),
    }
    return {key: value for key, value in found.items() if value}


class VifRules:
    """The rules of one device of XenServer 8: on its bridge with its flows, or off it without them."""

    def __init__(
        self,
        host: Host,
        vif: Vif,
        backend: str,
        vm_uuid: str,
        *,
        store: Xenstore | None = None,
        switch: SwitchDatabase | None = None,
    ) -> None:
        self._host = host
        self._vif = vif
        self._vm = vm_uuid
        self._store = store or Xenstore(host)
        self._switch = switch or switch_of(host, "setup-vif-rules")
        self._flows = BridgeFlows(host)
        self._metadata = f"{METADATA}/{backend}/VM/{vm_uuid}/vif.{vif.devid}"
        self._ofport_path = f"/xapi/{vm_uuid}/hotplug/{vif.domid}/vif/{vif.devid}/{vif.kind}-ofport"

    def run(self, action: str) -> None:
        """`filter`: as the locking mode says; `clear`: off.  Raises VswitchError, and then the device is off."""
        device = self._vif.device
        self._clear()
        if action == "clear":
            return
        rules = self._rules()
        if not self._host.has(MODULE):
            raise ReconfigureError(f"{device}: locking modes need Open vSwitch, which this host does not run")
        if rules.mode != "disabled":
            self._attach(rules)
        self._host.run([IP, "link", "set", device, "up"])

    def _rules(self) -> Rules:
        text = self._host.read(self._metadata)
        try:
            return parse_rules(decode(text))
        except VswitchError as error:
            raise ReconfigureError(f"{self._metadata}: {error}") from None

    def _clear(self) -> None:
        device = self._vif.device
        self._host.run([IP, "link", "set", device, "down"])
        port = self._switch.ask("--if-exists", "get", "Interface", device, "ofport", timeout=TIMEOUT)
        bridge = self._switch.ask("iface-to-br", device, timeout=TIMEOUT) if port else ""
        if port.isdecimal() and bridge:
            self._flows.delete(self._parent(bridge), f"in_port={port},cookie={COOKIE}/-1")
        self._store.remove(self._ofport_path)
        self._switch.run(["--", "--if-exists", "del-port", device], TIMEOUT)

    def _attach(self, rules: Rules) -> None:
        device = self._vif.device
        ids = external_ids(
            self._store, self._vif, f"/xapi/{self._vm}/private/vif/{self._vif.devid}", self._vm
        )
        commands = [("add-port", rules.bridge, device), *identify(device, ids)]
        self._switch.run([word for command in commands for word in ("--", *command)], TIMEOUT)
        port = self._switch.ask("get", "Interface", device, "ofport", timeout=TIMEOUT)
        if rules.mode == "locked":
            self._lock(rules, port)
        self._store.write(self._ofport_path, port)

    def _lock(self, rules: Rules, port: str) -> None:
        """Add the flows of a locked card; if that fails, the card goes off the bridge again."""
        device = self._vif.device
        try:
            if not port.isdecimal():
                raise ReconfigureError(f"the switch has not taken {device}")
            self._flows.add(self._parent(rules.bridge), locked_flows(rules, port))
        except VswitchError as error:
            self._switch.run(["--", "--if-exists", "del-port", device], TIMEOUT)
            raise ReconfigureError(
                f"{device}: its rules could not be set: it stays off the network: {error}"
            ) from error

    def _parent(self, bridge: str) -> str:
        return self._switch.ask("br-to-parent", bridge, timeout=TIMEOUT) or bridge
