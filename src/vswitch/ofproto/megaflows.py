"""What the backer knows of each megaflow that it installed, and which of them a change can touch.

A megaflow is right as long as translating its flow gives the same mask and actions.  Translating all of them after
each change costs 20 µs and more apiece (bench/upcall.py); so each entry keeps what its translation asked, and a change
marks only the entries whose answers it may alter:

- A rule that comes, goes or changes in a table alters an entry's answer only if the entry's flow could match it:
  the flow as it was at that look-up, compared on those bits that the megaflow fixes.  (All other bits vary among the
  packets of the megaflow, and count as matching.)
- An address that is learned, moves or ages out alters those entries that asked for it.
- Ports, bundles and configuration alter everything.

Marking errs on the side of too many entries, never too few: an entry that is marked is only translated again.  An entry
that is not marked does the right thing, though perhaps for more or fewer packets than a translation now would give it;
so entries may overlap, but then they do the same.

Finding the entries that a rule's change touches means comparing all that looked in its table, 0.1 µs apiece: those
with one mask are held together, so the bits to compare are the same for all of them, and rules that match on the same
bits are looked for at once.  `search` does a slice of that; what changes meanwhile waits for the next round.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from vswitch.base.dataclass import dataclass, field
from vswitch.dpif.megaflow import FlowStats, Megaflow, Ufid
from vswitch.flow.field import Flow, Mask
from vswitch.flow.match import Match
from vswitch.ofproto.port import Bundle
from vswitch.ofproto.table import Table
from vswitch.ofproto.xlate import context
from vswitch.protocols.mac_learning import MacKey, MacTable

MacTag = tuple[int, MacKey]  # id of the table, and the entry
Wanted = Mapping[Mask, set[int]]  # values that rules match, by the bits that they match on

COMPARISONS_AT_ONCE = 5_000
COMPARISONS_AT_MOST = 2_000_000  # of megaflows with rule changes; beyond, all are translated again


@dataclass(slots=True, eq=False)
class Entry:
    """An installed megaflow, what it credits, and what it depends on."""

    megaflow: Megaflow
    flow: Flow  # of the packet that made it, all bits; its input port is the switch's
    carried: context.Carried
    dependencies: context.Dependencies
    recircs: tuple[int, ...]
    created: float
    used: float
    stats: FlowStats = field(default_factory=FlowStats)  # what is already credited
    is_adopted: bool = False  # from a former daemon: of `flow` only the bits under the mask are known
    seen: int = 0  # the last pass over the datapath that found it there

    @classmethod
    def adopted(cls, megaflow: Megaflow, stats: FlowStats, now: float) -> Entry:
        """A megaflow that a former daemon left in the datapath, and credited so far."""
        used = now if stats.used is None else stats.used
        return cls(
            megaflow, megaflow.flow, context.Carried(), context.Dependencies(), (), now, used, stats, True
        )

    def take_new(self, stats: FlowStats) -> FlowStats | None:
        """What has been carried since the last call, of `stats` in all; a datapath that started anew counts from 0."""
        packets = stats.packets - self.stats.packets
        if not packets:
            return None
        n_bytes = stats.bytes - self.stats.bytes
        if packets < 0 or n_bytes < 0:
            packets, n_bytes = stats.packets, stats.bytes
        self.stats = stats
        return FlowStats(packets, n_bytes, stats.used, stats.tcp_flags)


class _Peers:
    """The megaflows that have one mask: by table, the flows with which they looked there.

    Who looked in one table several times, with different flows, is in as many dicts.
    """

    __slots__ = ("by_table", "n")

    def __init__(self) -> None:
        self.by_table: dict[Table, list[dict[Ufid, Flow]]] = {}
        self.n = 0

    def add(self, ufid: Ufid, lookups: Iterable[tuple[Table, Flow]]) -> None:
        """`ufid` looked with these flows."""
        self.n += 1
        for table, flow in lookups:
            asked = self.by_table.get(table)
            if asked is None:
                self.by_table[table] = [{ufid: flow}]
                continue
            for flows in asked:
                if flows.setdefault(ufid, flow) is flow:
                    break
            else:
                asked.append({ufid: flow})

    def remove(self, ufid: Ufid, lookups: Iterable[tuple[Table, Flow]]) -> None:
        """`ufid`, which looked so, is gone."""
        self.n -= 1
        for table, _ in lookups:
            asked = self.by_table.get(table, [])
            for flows in asked:
                flows.pop(ufid, None)
            if asked and not any(asked):
                del self.by_table[table]


class Megaflows:
    """The installed megaflows by name, what they asked, and those that must be translated again."""

    def __init__(self) -> None:
        self._entries: dict[Ufid, Entry] = {}
        self._by_mac: dict[MacTag, set[Ufid]] = {}
        self._by_mask: dict[Mask, _Peers] = {}
        self._suspects: dict[Ufid, None] = {}  # in the order in which they were marked
        self._changes: list[tuple[Table, Match]] = []  # of rules, that wait for the next search
        self._search: Iterator[int] | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def get(self, ufid: Ufid) -> Entry | None:
        """The entry of that name."""
        return self._entries.get(ufid)

    def add(self, entry: Entry) -> None:
        """Remember `entry`, in the place of an older one with its name."""
        ufid, mask = entry.megaflow.ufid, entry.megaflow.mask
        if ufid in self._entries:
            self.remove(ufid)
        self._entries[ufid] = entry
        for table, key in entry.dependencies.macs:
            self._by_mac.setdefault((id(table), key), set()).add(ufid)
        peers = self._by_mask.get(mask)
        if peers is None:
            peers = self._by_mask[mask] = _Peers()
        peers.add(ufid, entry.dependencies.lookups)

    def remove(self, ufid: Ufid) -> Entry | None:
        """Forget an entry."""
        self._suspects.pop(ufid, None)
        entry = self._entries.pop(ufid, None)
        if entry is not None:
            for table, key in entry.dependencies.macs:
                _discard(self._by_mac, (id(table), key), ufid)
            peers = self._by_mask[entry.megaflow.mask]
            peers.remove(ufid, entry.dependencies.lookups)
            if not peers.n:
                del self._by_mask[entry.megaflow.mask]
        return entry

    # Suspicion.

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to look for, nor to be translated again."""
        return not (self._suspects or self._search or self._changes)

    def suspect(self, entry: Entry) -> None:
        """Nobody knows whether `entry` is right."""
        self._suspects[entry.megaflow.ufid] = None

    def suspect_all(self) -> None:
        """Something changed on which everything may depend."""
        self._suspects = dict.fromkeys(self._entries)
        self._search = None
        self._changes.clear()

    def suspect_rules(self, changes: Iterable[tuple[Table, Match]]) -> None:
        """Rules with these matches came, went or changed in these tables: `search` finds whom that concerns."""
        if self._entries:
            self._changes += changes

    def suspect_macs(self, table: MacTable[Bundle], keys: Iterable[MacKey]) -> None:
        """These addresses of `table` came, moved or went."""
        for key in keys:
            self._suspects.update(dict.fromkeys(self._by_mac.get((id(table), key), ())))

    def search(self, limit: int) -> None:
        """Look among so many entries, or a few more, for those that changes of rules touch."""
        while limit > 0:
            if self._search is None:
                if not self._changes:
                    return
                self._search = self._start_search()
            compared = next(self._search, None) if self._search else None
            if compared is None:
                self._search = None
            else:
                limit -= compared

    def _start_search(self) -> Iterator[int] | None:
        changes, self._changes = self._changes, []
        wanted: dict[Table, dict[Mask, set[int]]] = {}
        for table, match in changes:
            wanted.setdefault(table, {}).setdefault(match.mask, set()).add(match.value)
        if sum(map(len, wanted.values())) * len(self._entries) > COMPARISONS_AT_MOST:
            self.suspect_all()
            return None
        return self._find(wanted)

    def _find(self, changes: Mapping[Table, Wanted]) -> Iterator[int]:
        """Mark the entries whose look-ups could meet what is wanted; yields now and then how many were compared."""
        for mask, peers in list(self._by_mask.items()):
            for table, wanted in changes.items():
                for flows in list(peers.by_table.get(table, ())):
                    yield from self._compare(flows, mask, wanted)

    def _compare(self, flows: Mapping[Ufid, Flow], mask: Mask, wanted: Wanted) -> Iterator[int]:
        """Of `flows`, only the bits under `mask` are the same for all packets of the entry; all others count as met."""
        names, asked = list(flows), list(flows.values())  # no pairs: the collector would look at each
        for bits, values in wanted.items():
            fixed = mask & bits
            met = {value & fixed for value in values}
            yield len(values)
            for at in range(0, len(asked), COMPARISONS_AT_ONCE):
                end = min(at + COMPARISONS_AT_ONCE, len(asked))
                some = zip(names[at:end], asked[at:end], strict=True)
                for ufid in [ufid for ufid, flow in some if flow & fixed in met]:
                    if ufid in self._entries:
                        self._suspects[ufid] = None
                yield end - at

    def absolve(self, entry: Entry) -> bool:
        """Whether `entry` was to be translated again; it no longer is, because the caller does so."""
        return self._suspects.pop(entry.megaflow.ufid, True) is None

    def take_suspects(self, limit: int) -> Iterator[Entry]:
        """Up to `limit` entries to translate again, each taken when its turn comes."""
        for _ in range(limit):
            ufid = next(iter(self._suspects), None)
            if ufid is None:
                return
            del self._suspects[ufid]
            yield self._entries[ufid]


def _discard(index: dict[MacTag, set[Ufid]], key: MacTag, ufid: Ufid) -> None:
    found = index.get(key)
    if found is not None:
        found.discard(ufid)
        if not found:
            del index[key]
