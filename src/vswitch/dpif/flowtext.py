"""Megaflows as lines of text: `dpctl/dump-flows` and `dpif/dump-flows`.

Sources: both commands of the peer; ovs-dpctl(8), dump-flows.
"""

from __future__ import annotations

from vswitch.dpif.action import format_actions
from vswitch.dpif.key import format_key
from vswitch.dpif.megaflow import FlowStats, Megaflow
from vswitch.dpif.notation import NamesByNumber
from vswitch.dpif.ufid import format_ufid

# In the order in which they are printed: the bit and its letter.
_FLAGS = {0x2: "S", 0x1: "F", 0x8: "P", 0x4: "R", 0x20: "U", 0x10: ".", 0x40: "E", 0x80: "C", 0x100: "N"} | {
    bit: f"[{bit:x}]" for bit in (0x200, 0x400, 0x800)
}


def format_stats(stats: FlowStats, now: float) -> str:
    """What a megaflow carried, e.g. `packets:1, bytes:118, used:0.101s, flags:S`."""
    used = "never" if stats.used is None else f"{max(now - stats.used, 0):.3f}s"
    flags = "".join(letter for bit, letter in _FLAGS.items() if stats.tcp_flags & bit)
    return f"packets:{stats.packets}, bytes:{stats.bytes}, used:{used}" + (flags and f", flags:{flags}")


def format_megaflow(
    megaflow: Megaflow,
    stats: FlowStats,
    now: float,
    names: NamesByNumber | None = None,
    verbose: bool = False,
) -> str:
    """A line of `dpctl/dump-flows`; with `verbose`, of `dpctl/dump-flows -m`."""
    key = format_key(megaflow.flow, megaflow.mask, names, verbose)
    line = f"{key}, {format_stats(stats, now)}, "
    if verbose:
        line = f"ufid:{format_ufid(megaflow.ufid)}, {line}dp:ovs, "
    return f"{line}actions:{format_actions(megaflow.actions, names)}"


def format_bridge_megaflow(
    megaflow: Megaflow,
    stats: FlowStats,
    now: float,
    names: NamesByNumber | None = None,
    verbose: bool = False,
) -> str:
    """A line of `dpif/dump-flows`, which differs from the other when it is `verbose`."""
    key = format_key(megaflow.flow, megaflow.mask, names, verbose)
    name = f"ufid:{format_ufid(megaflow.ufid)} " if verbose else ""
    return f"{name}{key}, {format_stats(stats, now)}, actions:{format_actions(megaflow.actions, names)}"
