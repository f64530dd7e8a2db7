"""The bonds of the database and their members' links: which member packets go through, bond/show and bond/list.

The bonds share no load yet: whatever the mode, packets go through the active member.

Sources: ovs-vswitchd.conf.db(5), Port, "Bonding Configuration"; ovs-vswitchd(8), "Bond Commands".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count

from vswitch.base.errors import KernelError, TextError
from vswitch.protocols import bonding
from vswitch.vswitchd import existing
from vswitch.vswitchd.bridge import PortConfig
from vswitch.vswitchd.vswitch import Vswitch


class Bonds:
    """The bonds of a switch, by the names of their ports."""

    def __init__(self, vswitch: Vswitch, on_change: Callable[[], None]) -> None:
        """`on_change` is called when packets go through other members."""
        self._vswitch = vswitch
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._bonds: dict[str, bonding.Bond] = {}

    def look(self) -> None:
        """See what has been configured, and how the links are; and have packets go where they can."""
        now, before = self._loop.time(), self.active_macs()
        wanted = {port.name: (bridge, port) for bridge, port in self._configured()}
        for name in self._bonds.keys() - wanted.keys():
            del self._bonds[name]
        for name, (bridge, port) in wanted.items():
            assert port.bond is not None
            bond = self._bonds.get(name)
            if bond is None:
                bond = self._bonds[name] = bonding.Bond(port.bond, 0, now)
            elif bond.config != port.bond:
                bond.config, bond.since = port.bond, now
            shares = bond.config.mode is not bonding.BondMode.ACTIVE_BACKUP
            bond.number = (bond.number or self._free_number()) if shares else 0
            bond.look(_links(bridge, port), now)
        self._vswitch.choose_members({name: bond.active for name, bond in self._bonds.items()})
        if self.active_macs() != before:
            self._on_change()
        self._look_again()

    def active_macs(self) -> dict[str, int]:
        """The address of each bond's active member; 0: none works."""
        return {
            name: bond.members[bond.active].link.mac if bond.active else 0
            for name, bond in self._bonds.items()
        }

    def _look_again(self) -> None:
        """Look when the first delay is over."""
        if self._timer is not None:
            self._timer.cancel()
        delays = [at for bond in self._bonds.values() if (at := bond.changes_at) is not None]
        self._timer = self._loop.call_at(min(delays), self.look) if delays else None

    def _configured(self) -> Iterator[tuple[existing.Bridge, PortConfig]]:
        for bridge in self._vswitch.bridges.values():
            yield from ((bridge, port) for port in bridge.config.ports if port.bond is not None)

    def _free_number(self) -> int:
        taken = {bond.number for bond in self._bonds.values()}
        return next(number for number in count(1) if number not in taken)

    # Commands.

    def show(self, words: Sequence[str]) -> str:
        """bond/show [port]."""
        self.look()
        if words and words[0] not in self._bonds:
            raise TextError("no such bond")
        names = [words[0]] if words else sorted(self._bonds)
        now = self._loop.time()
        return "".join(f"{line}\n" for name in names for line in self._bonds[name].show(name, now))

    def list(self, words: Sequence[str]) -> str:
        """bond/list."""
        self.look()
        rows = (
            f"{name}\t{bond.config.mode}\t{bond.number}\t{', '.join(sorted(bond.members))}\n"
            for name, bond in sorted(self._bonds.items())
        )
        return "bond\ttype\trecircID\tmembers\n" + "".join(rows)


def _links(bridge: existing.Bridge, port: PortConfig) -> Mapping[str, bonding.Link]:
    """How the members of a bond are that work at all."""
    links = {}
    for each in port.interfaces:
        interface = bridge.interfaces.get(each.name)
        if interface is None or interface.netdev is None:
            continue
        try:
            state = interface.netdev.state()
        except KernelError:  # the device has gone
            continue
        links[each.name] = bonding.Link(state.mac, state.up and state.carrier)
    return links
