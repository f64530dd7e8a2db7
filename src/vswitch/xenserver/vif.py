"""A domain's network card comes and goes: what is done to its device, as a value.

A card has a device `vifDOMID.DEVID`, and, while the domain is emulated, a second one, `tapDOMID.DEVID`.  XAPI leaves in
the xenstore which bridge the card is to be on.

Sources: XenServer 5.6 to 6.0 and XenServer 8 for the keys and the order; ovs-vsctl(8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vswitch.base.dataclass import dataclass, field
from vswitch.xenserver.settings import ON_OFF, quote
from vswitch.xenserver.steps import LinkDown, Note, Run, Transact

IP, ETHTOOL, BRCTL = "/sbin/ip", "/sbin/ethtool", "/usr/sbin/brctl"
HOOK = "/etc/xapi.d/vif-hotplug"
OFFLOADS = ("rx", "tx", "sg", "tso", "ufo", "gso")


@dataclass(frozen=True, slots=True)
class Vif:
    """One device of a domain's card."""

    kind: str  # vif or tap
    domid: str
    devid: str

    @property
    def device(self) -> str:
        """The device's name."""
        return f"{self.kind}{self.domid}.{self.devid}"


@dataclass(frozen=True, slots=True)
class Paths:
    """Where in the xenstore a card's keys are."""

    private: str  # what XAPI says of it
    hotplug: str  # what we say to XAPI
    status: str  # what we say to Xen: that it is connected
    error: str  # or why it is not; empty where nobody reads it


def classic_paths(vif: Vif) -> Paths:
    """Of XenServer 5.6 to 6.0."""
    backend = f"/local/domain/0/backend/vif/{vif.domid}/{vif.devid}"
    return Paths(
        f"/xapi/{vif.domid}/private/vif/{vif.devid}",
        f"/xapi/{vif.domid}/hotplug/vif/{vif.devid}",
        f"{backend}/hotplug-status",
        "",
    )


def current_paths(vif: Vif, vm_uuid: str, xenbus_path: str) -> Paths:
    """Of XenServer 8."""
    return Paths(
        f"/xapi/{vm_uuid}/private/vif/{vif.devid}",
        f"/xapi/{vm_uuid}/hotplug/{vif.domid}/vif/{vif.devid}",
        f"{xenbus_path}/hotplug-status",
        f"{xenbus_path}/hotplug-error",
    )


@dataclass(frozen=True, slots=True)
class Card:
    """What the host says of a card."""

    bridge: str
    bridge_mac: str
    is_switched: bool = True  # by Open vSwitch, not by a bridge of the kernel
    mtu: str = ""
    offloads: Mapping[str, str] = field(default_factory=dict)
    promiscuous: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)  # external_ids, those that are known
    trunks: str | None = None  # None: this host does not say
    has_hook: bool = False


@dataclass(frozen=True, slots=True)
class StoreWrite:
    """Write into the xenstore."""

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class StoreRemove:
    """Remove from the xenstore."""

    path: str


@dataclass(frozen=True, slots=True)
class Guard:
    """Put the device on its bridge, or take it off, with the rules of its locking mode (vif_rules.py)."""

    action: str  # filter or clear


@dataclass(frozen=True, slots=True)
class SysWrite:
    """Write into a file of sysfs."""

    path: str
    text: str


VifStep = Note | Run | LinkDown | Transact | StoreWrite | StoreRemove | Guard | SysWrite


def offloads(vif: Vif, card: Card) -> Iterator[VifStep]:
    """Set what the card's device leaves to hardware, and its MTU."""
    for key in OFFLOADS:
        value = card.offloads.get(key)
        if value is None:
            continue
        if value in ON_OFF:
            yield Run((ETHTOOL, "-K", vif.device, key, ON_OFF[value]))
        else:
            yield Note(f"{vif.device}: ethtool-{key}={value} is not valid: left as it is")
    if card.mtu:
        yield Run((IP, "link", "set", vif.device, "mtu", card.mtu))


def attach(vif: Vif, card: Card) -> Iterator[VifStep]:
    """Put a device on its bridge: silent, with no address of its own, and known to controllers."""
    device = vif.device
    yield Run((IP, "link", "set", device, "down"))
    yield Run((IP, "link", "set", device, "arp", "off"))
    yield Run((IP, "link", "set", device, "multicast", "off"))
    yield Run((IP, "link", "set", device, "address", card.bridge_mac))
    yield Run((IP, "addr", "flush", device))
    if card.is_switched:
        commands = [("--if-exists", "del-port", device), ("add-port", card.bridge, device)]
        yield Transact((*commands, *identify(device, card.ids if vif.kind == "vif" else {})))
    else:
        yield Run((BRCTL, "setfd", card.bridge, "0"))
        yield Run((BRCTL, "addif", card.bridge, device))
    yield Run((IP, "link", "set", device, "up"))


def identify(device: str, ids: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """The commands that say whose the interface is."""
    for key, value in ids.items():
        yield "set", "interface", device, f"external-ids:{quote(key)}={quote(value)}"


def connect(vif: Vif, card: Card, paths: Paths, *, guarded: bool = False) -> Iterator[VifStep]:
    """A card has come: `online` of its vif."""
    yield from offloads(vif, card)
    yield from [Guard("filter")] if guarded else attach(vif, card)
    yield from _trunk(vif, card)
    yield from _promiscuous(vif, card)
    yield StoreWrite(f"{paths.hotplug}/vif", vif.device)
    yield StoreWrite(f"{paths.hotplug}/hotplug", "online")
    yield StoreWrite(paths.status, "connected")
    yield from hook("online", card)


def disconnect(vif: Vif, card: Card, paths: Paths, *, guarded: bool = False) -> Iterator[VifStep]:
    """A card has gone: `remove` of its vif."""
    yield StoreRemove(f"{paths.hotplug}/hotplug")
    yield from hook("remove", card)
    yield from [Guard("clear")] if guarded else detach(vif, card)


def detach(vif: Vif, card: Card) -> Iterator[VifStep]:
    """Take a device off its bridge; the kernel's bridges forget it by themselves."""
    if card.is_switched:
        yield Transact((("--if-exists", "del-port", vif.device),))


def hook(action: str, card: Card) -> Iterator[VifStep]:
    """Tell the program that an administrator may have put there."""
    vif_uuid, vm_uuid = card.ids.get("xs-vif-uuid"), card.ids.get("xs-vm-uuid")
    if card.has_hook and vif_uuid and vm_uuid:
        yield Run((HOOK, "-action", action, "-vifuuid", vif_uuid, "-vmuuid", vm_uuid))


def _trunk(vif: Vif, card: Card) -> Iterator[VifStep]:
    """The VLANs that the card carries tagged."""
    if not card.is_switched or card.trunks is None:
        return
    if card.trunks:
        yield Transact((("set", "Port", vif.device, f"trunks={card.trunks}"),))
    else:
        yield Transact((("clear", "Port", vif.device, "trunks"),))


def _promiscuous(vif: Vif, card: Card) -> Iterator[VifStep]:
    if card.promiscuous not in ("true", "on"):
        return
    if card.is_switched:
        yield Note(f"{vif.device}: a promiscuous card needs a mirror on Open vSwitch: ignored")
    else:
        yield SysWrite(f"/sys/class/net/{vif.device}/brport/promisc", "1")
