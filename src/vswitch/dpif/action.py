"""Datapath actions: what a megaflow does to its packets.

Every datapath interprets these same values: the userspace one executes them, the eBPF one compiles them, the kernel
module's takes them as netlink attributes.  They happen in order; a later `Output` sees the packet as changed by the
actions before it.

Sources: linux/openvswitch.h (enum ovs_action_attr); their text form is that of `ovs-appctl dpctl/dump-flows`.
"""

from __future__ import annotations

from dataclasses import dataclass

from vswitch.dpif.ports import OdpPort
from vswitch.flow.field import Flow, Mask


@dataclass(frozen=True, slots=True)
class DatapathAction:
    """Base of all datapath actions."""


@dataclass(frozen=True, slots=True)
class Output(DatapathAction):
    """Send the packet, as it is now, to `port`."""

    port: OdpPort


@dataclass(frozen=True, slots=True)
class Trunc(DatapathAction):
    """Cut the packet to `max_len` bytes for the next output only."""

    max_len: int


@dataclass(frozen=True, slots=True)
class PushVlan(DatapathAction):
    """Add an outermost VLAN tag."""

    tci: int  # 16 bits: PCP, CFI (here always set: "present"), VID
    tpid: int = 0x8100


@dataclass(frozen=True, slots=True)
class PopVlan(DatapathAction):
    """Remove the outermost VLAN tag."""


@dataclass(frozen=True, slots=True)
class Set(DatapathAction):
    """Overwrite header bits: where `mask` is 1, the packet's field bits become those of `value`.

    `value` and `mask` touch the fields of one header only (Ethernet, IPv4, TCP …), as OVS_ACTION_ATTR_SET_MASKED
    does; checksums follow.
    """

    value: Flow
    mask: Mask


@dataclass(frozen=True, slots=True)
class SlowPath:
    """Why a packet of this megaflow has to be translated anew each time (`slow_path(controller)` …)."""

    reason: str  # action, controller, stp, lacp, cfm, bfd, lldp, match


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


Cookie = SlowPath | ToController


@dataclass(frozen=True, slots=True)
class Userspace(DatapathAction):
    """Hand the packet, as it is now, up to the switch; `cookie` comes back with it in `Upcall.cookie`."""

    cookie: Cookie
