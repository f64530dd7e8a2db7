"""The backer: the switches that share one datapath, and its megaflows.

A packet that a datapath does not know comes here, is translated through the tables of the switch that owns its
input port (and through patch ports of others), and leaves as a megaflow to install and a packet to execute.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vswitch.dpif.datapath import Support
from vswitch.dpif.megaflow import FlowStats, Megaflow, Ufid, Upcall
from vswitch.ofproto.command import Command
from vswitch.ofproto.switch import Switch


class Backer:
    """The switches on one datapath.

    Methods return commands for vswitchd to perform, in order.  Call `run` at `deadline`, and after anything that
    may have changed a switch; call `revalidate` with (a part of) a dump of the datapath at `revalidate_at`.
    """

    switches: dict[str, Switch]
    max_idle: float  # seconds; other_config:max-idle
    flow_limit: int  # other_config:flow-limit

    def __init__(self, support: Support, secret: int = 0) -> None:
        """`secret`: 128 random bits, from which the names of megaflows are made."""

    def add_switch(self, name: str, datapath_id: int, now: float) -> Switch:
        """A new switch, without ports, in fail mode standalone."""

    def remove_switch(self, name: str, now: float) -> list[Command]:
        """Forget a switch and everything that went through it."""

    def upcall(self, upcalls: Sequence[Upcall], now: float) -> list[Command]:
        """Translate packets that the datapath handed up."""

    def run(self, now: float) -> list[Command]:
        """Do what is due: expire rules and addresses, translate again the megaflows that a change touched."""

    @property
    def deadline(self) -> float:
        """When to call `run` next."""

    @property
    def revalidate_at(self) -> float:
        """When to call `revalidate` next with what the datapath has carried."""

    def revalidate(self, dump: Iterable[tuple[Megaflow, FlowStats]], now: float) -> list[Command]:
        """Credit what megaflows have carried to rules, ports and addresses; remove the idle, change the wrong.

        A megaflow that nobody here knows (a former daemon's) is adopted if it is right, else changed or removed.
        """

    def uninstalled(self, ufid: Ufid, stats: FlowStats | None, now: float) -> None:
        """What an uninstalled megaflow had carried at the last."""

    def purge(self, now: float) -> list[Command]:
        """Uninstall every megaflow (revalidator/purge)."""
