"""Megaflows and upcalls: what ofproto and the datapaths exchange.

In these values, a Flow's `in_port` is a datapath port number (`OdpPort`); ofproto maps it to OpenFlow's.
"""

from __future__ import annotations

from typing import NewType

from vswitch.base.dataclass import dataclass
from vswitch.dpif import action
from vswitch.dpif.packet import Packet
from vswitch.flow.field import Flow, Mask

Ufid = NewType("Ufid", int)  # 128 bits


@dataclass(frozen=True, slots=True)
class FlowStats:
    """What a megaflow has carried; `used` is when last (seconds, monotonic), None for never."""

    packets: int = 0
    bytes: int = 0
    used: float | None = None
    tcp_flags: int = 0


@dataclass(frozen=True, slots=True)
class Megaflow:
    """An entry of a datapath: packets that agree with `flow` on `mask` get `actions`.

    Entries may overlap: whoever installs them sees to it that those that do have the same actions, or have them soon.
    """

    ufid: Ufid
    flow: Flow
    mask: Mask
    actions: tuple[action.DatapathAction, ...]  # empty: drop


@dataclass(frozen=True, slots=True)
class Upcall:
    """A packet that a datapath hands up.

    `cookie` is None for a miss (no megaflow matched), else that of the `Userspace` action that sent the packet.
    """

    packet: Packet
    flow: Flow
    cookie: action.Cookie | None = None


@dataclass(frozen=True, slots=True)
class Execute:
    """A packet to put through `actions` now; `flow` is what the packet's headers and metadata say."""

    packet: Packet
    flow: Flow
    actions: tuple[action.DatapathAction, ...]
