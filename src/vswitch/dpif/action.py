"""Datapath actions: what a megaflow does to its packets.

Every datapath interprets these same values: the userspace one executes them, the eBPF one compiles them, the kernel
module's takes them as netlink attributes.  They happen in order; a later `Output` sees the packet as changed by the
actions before it.

Sources: linux/openvswitch.h (enum ovs_action_attr); their text form is that of `ovs-appctl dpctl/dump-flows`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from vswitch.base.dataclass import dataclass
from vswitch.dpif.key import format_set
from vswitch.dpif.notation import NamesByNumber, format_port, hexa
from vswitch.dpif.ports import OdpPort
from vswitch.flow.field import Flow, Mask
from vswitch.packet.numbers import ETH_VLAN


@dataclass(frozen=True, slots=True)
class DatapathAction(ABC):
    """Base of all datapath actions."""

    @abstractmethod
    def format(self, names: NamesByNumber) -> str:
        """The action as `dpctl/dump-flows` prints it, with ports by their `names` where given."""

    def __str__(self) -> str:
        """The action as text, ports by number."""
        return self.format({})


def format_actions(actions: Iterable[DatapathAction], names: NamesByNumber | None = None) -> str:
    """A list of actions as text; none of them: `drop`."""
    return ",".join(action.format(names or {}) for action in actions) or "drop"


@dataclass(frozen=True, slots=True)
class Output(DatapathAction):
    """Send the packet, as it is now, to `port`."""

    port: OdpPort

    def format(self, names: NamesByNumber) -> str:
        """PORT."""
        return format_port(self.port, names)


@dataclass(frozen=True, slots=True)
class Trunc(DatapathAction):
    """Cut the packet to `max_len` bytes for the next output only."""

    max_len: int

    def format(self, names: NamesByNumber) -> str:
        """trunc(LENGTH)."""
        return f"trunc({self.max_len})"


@dataclass(frozen=True, slots=True)
class PushVlan(DatapathAction):
    """Add an outermost VLAN tag."""

    tci: int  # 16 bits: PCP, CFI (here always set: "present"), VID
    tpid: int = ETH_VLAN

    def format(self, names: NamesByNumber) -> str:
        """push_vlan(vid=…,pcp=…), with the TPID if it is not the usual one."""
        tpid = f"tpid={self.tpid:#06x}," if self.tpid != ETH_VLAN else ""
        cfi = "" if self.tci & 0x1000 else ",cfi=0"
        return f"push_vlan({tpid}vid={self.tci & 0xFFF},pcp={self.tci >> 13}{cfi})"


@dataclass(frozen=True, slots=True)
class PopVlan(DatapathAction):
    """Remove the outermost VLAN tag."""

    def format(self, names: NamesByNumber) -> str:
        """pop_vlan."""
        return "pop_vlan"


@dataclass(frozen=True, slots=True)
class Set(DatapathAction):
    """Overwrite header bits: where `mask` is 1, the packet's field bits become those of `value`.

    `mask` touches the fields of one header only (Ethernet, IPv4, TCP …), as OVS_ACTION_ATTR_SET_MASKED does.  Some
    headers share bits of a Flow, so `value` has, besides what to set, the `eth_type` and `ip_proto` of the packets.
    Checksums follow.
    """

    value: Flow
    mask: Mask

    def format(self, names: NamesByNumber) -> str:
        """set(HEADER(field=…,…))."""
        return f"set({format_set(self.value, self.mask)})"


@dataclass(frozen=True, slots=True)
class SlowPath:
    """Why a packet of this megaflow has to be translated anew each time (`slow_path(controller)` …)."""

    reason: str  # action, controller, stp, lacp, cfm, bfd, lldp, match

    def __str__(self) -> str:
        """slow_path(REASON)."""
        return f"slow_path({self.reason})"


@dataclass(frozen=True, slots=True)
class ToController:
    """Deliver to the controllers: what a packet-in needs to say beside the packet."""

    reason: int  # OFPR_*
    max_len: int
    controller_id: int
    rule_cookie: int
    table_id: int
    dont_send: bool = False
    userdata: bytes = b""
    meter_id: int | None = None
    recirc_id: int = 0
    continuation: bool = False

    def __str__(self) -> str:
        """controller(reason=…,…)."""
        return (
            f"controller(reason={self.reason},dont_send={self.dont_send:d},continuation={self.continuation:d},"
            f"recirc_id={self.recirc_id},rule_cookie={hexa(self.rule_cookie)},"
            f"controller_id={self.controller_id},max_len={self.max_len})"
        )


Cookie = SlowPath | ToController


@dataclass(frozen=True, slots=True)
class Userspace(DatapathAction):
    """Hand the packet, as it is now, up to the switch; `cookie` comes back with it in `Upcall.cookie`."""

    cookie: Cookie
    pid: int = 0  # the netlink port of whom to tell, where that is how upcalls travel

    def format(self, names: NamesByNumber) -> str:
        """userspace(pid=…,COOKIE)."""
        return f"userspace(pid={self.pid},{self.cookie})"
