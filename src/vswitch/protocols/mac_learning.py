"""MAC learning: which port of a switch an Ethernet address was last seen on, in each VLAN.

The table is bounded.  A full one gives up the oldest entry of the port that holds the most, so that a host that
invents addresses displaces its own and nobody else's.  Everything whose answer changed is reported by
`take_changes`: megaflows that depended on it have to be translated again.

Sources: IEEE 802.1D-2004 7.8, 7.9; ovs-vswitchd.conf.db(5), Bridge: mac-aging-time, mac-table-size, flood_vlans.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator
from typing import Generic, NewType, TypeVar

from vswitch.base.dataclass import dataclass

P = TypeVar("P")
MacKey = NewType("MacKey", int)  # VLAN in the bits above 48, address below

DEFAULT_AGEING = 300.0  # seconds
DEFAULT_SIZE = 8192  # entries
GRATUITOUS_ARP_LOCK = 5.0  # seconds in which a reflection over a bond cannot move an address
MULTICAST = 1 << 40


def mac_key(vlan: int, mac: int) -> MacKey:
    """What names an entry: the address within its VLAN (0: none)."""
    return MacKey(vlan << 48 | mac)


@dataclass(slots=True, eq=False)
class MacEntry(Generic[P]):
    """One learned address.  `used` is when a packet last came from it; a `static` one neither ages nor moves."""

    vlan: int
    mac: int
    port: P
    used: float
    locked_until: float = 0.0
    static: bool = False


class MacTable(Generic[P]):
    """The addresses that one switch has learned; `P` is what it calls a port."""

    def __init__(self, ageing: float = DEFAULT_AGEING, size: int = DEFAULT_SIZE) -> None:
        self.ageing = ageing
        self.flood_vlans: Collection[int] = frozenset()
        self.evicted = self.learned = self.expired = self.moved = 0
        self._size = size
        self._entries: OrderedDict[MacKey, MacEntry[P]] = OrderedDict()  # least recently used first
        self._by_port: dict[P, OrderedDict[MacKey, MacEntry[P]]] = {}
        self._changes: set[MacKey] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[MacEntry[P]]:
        """All entries, the least recently used first."""
        return iter(list(self._entries.values()))

    @property
    def size(self) -> int:
        """How many entries fit."""
        return self._size

    @size.setter
    def size(self, size: int) -> None:
        self._size = size
        while len(self._entries) > size:
            self._evict()

    @property
    def deadline(self) -> float:
        """When the next entry expires."""
        for entry in self._entries.values():
            if not entry.static:
                return entry.used + self.ageing
        return float("inf")

    def may_learn(self, mac: int, vlan: int) -> bool:
        """Whether packets from `mac` teach anything: group addresses and flooded VLANs do not."""
        return not mac & MULTICAST and vlan not in self.flood_vlans

    def lookup(self, mac: int, vlan: int) -> P | None:
        """The port behind which `mac` is, or None: flood."""
        if vlan in self.flood_vlans:
            return None
        entry = self._entries.get(mac_key(vlan, mac))
        return entry.port if entry is not None else None

    def learn(
        self, mac: int, vlan: int, port: P, now: float, *, gratuitous_arp: bool = False, bond: bool = False
    ) -> None:
        """A packet from `mac` came in on `port`, which is a `bond` or not.

        A gratuitous ARP announces a move.  One that comes in on a plain port locks the entry for a moment against
        those that come in on bonds, which may be its own reflection.
        """
        key = mac_key(vlan, mac)
        entry = self._entries.get(key)
        if entry is None:
            if not self.may_learn(mac, vlan):
                return
            entry = self._insert(key, MacEntry(vlan, mac, port, now))
            self.learned += 1
        elif entry.static:
            return
        if gratuitous_arp and not bond:
            entry.locked_until = now + GRATUITOUS_ARP_LOCK
        elif gratuitous_arp and now < entry.locked_until:
            return
        if entry.port != port:
            self._move(key, entry, port)
        entry.used = now
        self._entries.move_to_end(key)
        self._by_port[port].move_to_end(key)

    def add_static(self, mac: int, vlan: int, port: P, now: float) -> None:
        """Pin `mac` to `port`, whatever packets say."""
        self.forget(mac, vlan)
        self._insert(mac_key(vlan, mac), MacEntry(vlan, mac, port, now, static=True))

    def forget(self, mac: int, vlan: int) -> bool:
        """Remove an entry; False: there was none."""
        return self._remove(mac_key(vlan, mac)) is not None

    def forget_port(self, port: P) -> None:
        """Remove all that was learned on `port`, for example because it goes away."""
        for key in list(self._by_port.get(port, ())):
            self._remove(key)

    def flush(self) -> None:
        """Remove everything that was learned; static entries stay."""
        for key in [key for key, entry in self._entries.items() if not entry.static]:
            self._remove(key)

    def expire(self, now: float) -> None:
        """Remove the entries that nobody has refreshed for `ageing` seconds."""
        expired = []
        for key, entry in self._entries.items():
            if entry.static:
                continue
            if now < entry.used + self.ageing:
                break
            expired.append(key)
        for key in expired:
            self._remove(key)
        self.expired += len(expired)

    @property
    def has_changes(self) -> bool:
        """Whether `take_changes` would tell anything."""
        return bool(self._changes)

    def take_changes(self) -> set[MacKey]:
        """The entries whose port has changed, appeared or gone since the last call."""
        changes, self._changes = self._changes, set()
        return changes

    def _insert(self, key: MacKey, entry: MacEntry[P]) -> MacEntry[P]:
        if len(self._entries) >= self._size:
            self._evict()
        self._entries[key] = entry
        self._by_port.setdefault(entry.port, OrderedDict())[key] = entry
        self._changes.add(key)
        return entry

    def _move(self, key: MacKey, entry: MacEntry[P], port: P) -> None:
        self._unfile(key, entry)
        entry.port = port
        self._by_port.setdefault(port, OrderedDict())[key] = entry
        self._changes.add(key)
        self.moved += 1

    def _evict(self) -> None:
        """Give up the oldest entry of the port that holds the most."""
        crowded = max(self._by_port.values(), key=len)
        self._remove(next(iter(crowded)))
        self.evicted += 1

    def _remove(self, key: MacKey) -> MacEntry[P] | None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._unfile(key, entry)
            self._changes.add(key)
        return entry

    def _unfile(self, key: MacKey, entry: MacEntry[P]) -> None:
        of_port = self._by_port[entry.port]
        del of_port[key]
        if not of_port:
            del self._by_port[entry.port]
