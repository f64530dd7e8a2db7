"""What the backer knows of each megaflow that it installed, and which of them a change can touch.

A megaflow is right as long as translating its flow gives the same mask and actions.  Translating all of them after
each change costs 20 µs and more apiece (bench/upcall.py); so each entry keeps what its translation asked, and a change marks only the entries
whose answers it may alter:

- A rule that comes, goes or changes in a table alters an entry's answer only if the entry's flow could match it:
  the flow as it was at that look-up, compared on those bits that the megaflow fixes.  (All other bits vary among the
  packets of the megaflow, and count as matching.)
- An address that is learned, moves or ages out alters those entries that asked for it.
- Ports, bundles and configuration alter everything.

Marking errs on the side of too many entries, never too few: an entry that is marked is only translated again.  An entry
that is not marked does the right thing, though perhaps for more or fewer packets than a translation now would give it;
so entries may overlap, but then they do the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from vswitch.dpif.megaflow import FlowStats, Megaflow, Ufid
from vswitch.flow.field import Flow
from vswitch.flow.match import Match
from vswitch.ofproto.port import Bundle
from vswitch.ofproto.table import Table
from vswitch.ofproto.xlate.context import Carried, Dependencies
from vswitch.protocols.mac_learning import MacKey, MacTable

MacTag = tuple[int, MacKey]  # id of the table, and the entry


@dataclass(slots=True, eq=False)
class Entry:
    """An installed megaflow, what it credits, and what it depends on."""

    megaflow: Megaflow
    flow: Flow  # of the packet that made it, all bits; its input port is the switch's
    carried: Carried
    dependencies: Dependencies
    recircs: tuple[int, ...]
    created: float
    used: float
    stats: FlowStats = field(default_factory=FlowStats)  # what is already credited
    is_adopted: bool = False  # from a former daemon: of `flow` only the bits under the mask are known

    @classmethod
    def adopted(cls, megaflow: Megaflow, stats: FlowStats, now: float) -> Entry:
        """A megaflow that a former daemon left in the datapath, and credited so far."""
        used = now if stats.used is None else stats.used
        return cls(megaflow, megaflow.flow, Carried(), Dependencies(), (), now, used, stats, True)

    def asked(self, table: Table, match: Match) -> bool:
        """Whether a change of a rule with `match` in `table` may alter the answers that it got."""
        fixed = self.megaflow.mask & match.mask
        return any(
            looked is table and not (flow ^ match.value) & fixed for looked, flow in self.dependencies.lookups
        )

    def take_new(self, stats: FlowStats) -> FlowStats:
        """What has been carried since the last call, of `stats` in all; a datapath that started anew counts from 0."""
        packets = stats.packets - self.stats.packets
        n_bytes = stats.bytes - self.stats.bytes
        if packets < 0 or n_bytes < 0:
            packets, n_bytes = stats.packets, stats.bytes
        self.stats = stats
        return FlowStats(packets, n_bytes, stats.used, stats.tcp_flags)


class Megaflows:
    """The installed megaflows by name, the addresses that they asked for, and those that must be translated again."""

    def __init__(self) -> None:
        self._entries: dict[Ufid, Entry] = {}
        self._by_mac: dict[MacTag, set[Ufid]] = {}
        self._by_table: dict[Table, set[Ufid]] = {}
        self._suspects: dict[Ufid, None] = {}  # in the order in which they were marked

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def get(self, ufid: Ufid) -> Entry | None:
        """The entry of that name."""
        return self._entries.get(ufid)

    def add(self, entry: Entry) -> None:
        """Remember `entry`, in the place of an older one with its name."""
        ufid = entry.megaflow.ufid
        if ufid in self._entries:
            self.remove(ufid)
        self._entries[ufid] = entry
        for table, key in entry.dependencies.macs:
            self._by_mac.setdefault((id(table), key), set()).add(ufid)
        for looked, _ in entry.dependencies.lookups:
            self._by_table.setdefault(looked, set()).add(ufid)

    def remove(self, ufid: Ufid) -> Entry | None:
        """Forget an entry."""
        self._suspects.pop(ufid, None)
        entry = self._entries.pop(ufid, None)
        if entry is not None:
            for table, key in entry.dependencies.macs:
                _discard(self._by_mac, (id(table), key), ufid)
            for looked, _ in entry.dependencies.lookups:
                _discard(self._by_table, looked, ufid)
        return entry

    # Suspicion.

    @property
    def n_suspects(self) -> int:
        """How many wait to be translated again."""
        return len(self._suspects)

    def suspect_all(self) -> None:
        """Something changed on which everything may depend."""
        self._suspects = dict.fromkeys(self._entries)

    def suspect_rules(self, changes: Iterable[tuple[Table, Match]]) -> None:
        """Rules with these matches came, went or changed in these tables."""
        for table, match in changes:
            for ufid in self._by_table.get(table, ()):
                if ufid not in self._suspects and self._entries[ufid].asked(table, match):
                    self._suspects[ufid] = None

    def suspect_macs(self, table: MacTable[Bundle], keys: Iterable[MacKey]) -> None:
        """These addresses of `table` came, moved or went."""
        for key in keys:
            self._suspects.update(dict.fromkeys(self._by_mac.get((id(table), key), ())))

    def absolve(self, entry: Entry) -> bool:
        """Whether `entry` was to be translated again; it no longer is, because the caller does so."""
        return self._suspects.pop(entry.megaflow.ufid, True) is None

    def take_suspects(self, limit: int) -> list[Entry]:
        """Up to `limit` entries to translate again."""
        taken = []
        for ufid in list(self._suspects)[:limit] if len(self._suspects) > limit else list(self._suspects):
            del self._suspects[ufid]
            taken.append(self._entries[ufid])
        return taken


def _discard(index: dict[MacTag, set[Ufid]] | dict[Table, set[Ufid]], key: object, ufid: Ufid) -> None:
    found = index.get(key)  # type: ignore[call-overload]
    if found is not None:
        found.discard(ufid)
        if not found:
            del index[key]  # type: ignore[arg-type]
