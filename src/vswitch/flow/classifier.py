"""Tuple-space search: which rule a flow matches, and which of its bits the answer depends on.

Rules with the same mask form a `Subtable`, a dict from masked flow to rules.  A look-up asks the subtables in the
order of their highest priority and stops when no later one can win.  Two properties hold, whatever the rules are:

1. The rule found is the one that a search through all rules, by priority, would find.
2. Any flow that agrees with the given one on the bits of the returned mask gets the same answer.

The second is what makes a cache of megaflows sound, and the shorter the mask, the more packets a megaflow serves.
The simple answer, the masks of all subtables that were asked, is correct but long.  Three things shorten it:

- *Stages.*  A subtable's mask is divided into metadata, L2, L3 and L4.  If no rule agrees with the flow on the first
  stages, the rest of the flow need not be looked at.
- *Prefixes.*  If no rule has the flow's IP prefix, only as many leading bits of the address are examined as it takes
  to know that (prefixes.py).
- *Ports.*  When only L4 ports are left to decide, the same is done for them, subtable by subtable.

Sources: V. Srinivasan, S. Suri, G. Varghese, "Packet Classification Using Tuple Space Search" (1999); OVS
lib/classifier.h (the properties and the names).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Generic, Protocol, TypeVar

from vswitch.base.remains import Container
from vswitch.flow.field import Field, Flow, Mask
from vswitch.flow.fields import IP_DST, IP_SRC, STAGE_L2, STAGE_L3, STAGE_METADATA, TP_DST
from vswitch.flow.match import Match
from vswitch.flow.prefixes import Prefixes

N_PORT_BITS = 32  # tp_src and tp_dst, which lie side by side in a Flow
PORTS_OFFSET = TP_DST.offset
TRACKED = (IP_DST, IP_SRC)  # the fields whose prefixes are tracked where nobody says otherwise
MAX_NEW = 1000  # insertions that are indexed together at the latest: 2 ms
PORTS = Mask(((1 << N_PORT_BITS) - 1) << PORTS_OFFSET)
STAGES = (STAGE_METADATA, STAGE_METADATA | STAGE_L2, STAGE_METADATA | STAGE_L2 | STAGE_L3)


class Classifiable(Protocol):
    """What a classifier needs to know of a rule.  Both stay the same while the rule is in it."""

    @property
    def match(self) -> Match:
        """What it matches."""
        ...

    @property
    def priority(self) -> int:
        """Higher wins."""
        ...


R = TypeVar("R", bound=Classifiable)


def prefix_length(mask: int, bits: int) -> int:
    """How many leading ones the `bits` wide `mask` consists of; 0 if it has a one after a zero."""
    zeros = bits - mask.bit_count()
    return bits - zeros if mask == (1 << bits) - (1 << zeros) else 0


class Step:
    """One step of searching a subtable: prefixes to ask first, then the rules' values under `mask`."""

    __slots__ = ("before", "index", "mask", "prefixes")

    def __init__(self, before: int, mask: int, prefixes: list[tuple[Field, int]]) -> None:
        self.before = before  # the mask of the step before
        self.mask = mask
        self.prefixes = prefixes  # (field, length) of the prefixes that this step's part of the mask has
        self.index: dict[int, int] = {}  # masked value -> how many rules


Lengths = list[tuple[Field, int]]  # fields, and how long their prefixes are


def steps(mask: Mask, fields: Iterable[Field]) -> tuple[list[Step], Lengths, Lengths]:
    """The steps before the last one, for which the rules themselves are the index; the prefixes of the last; all prefixes."""
    prefixes = [(field, length) for field in fields if (length := prefix_length(field.get(mask), field.bits))]
    made: list[Step] = []
    before = 0
    for stage in STAGES:
        until = mask & stage
        if until not in (before, mask):
            mine = [(field, length) for field, length in prefixes if until & ~before & field.mask]
            made.append(Step(before, until, mine))
            before = until
    return made, [(field, length) for field, length in prefixes if not before & field.mask], prefixes


class Subtable(Generic[R]):
    """All rules that share one mask: a hash table from masked flow to the best rule.

    Most values have one rule, and looking up asks for the best only; so the others have a place of their own: without
    a list for every value, a rule takes 70 bytes and 0.2 us less (bench/flowmods.py).
    """

    # fmt: off
    __slots__ = ("_beside", "_ports", "_ports_length", "_priorities", "_steps", "_tail", "best", "mask",
                 "max_priority", "new", "prefixes")
    # fmt: on

    def __init__(self, mask: Mask, fields: Iterable[Field]) -> None:
        self.mask = mask
        self.best: dict[int, R] = {}
        self._beside: dict[int, list[R]] = {}  # those that are not the best of their value, the best first
        self.new: list[Flow] = []  # values that searches do not know of yet
        self.max_priority = -1
        self._priorities: Counter[int] | None = None  # how many rules have each; None: nobody has asked yet
        self._steps, self._tail, self.prefixes = steps(mask, fields)
        ports = (mask & PORTS) >> PORTS_OFFSET
        self._ports_length = N_PORT_BITS + 1 - (ports & -ports).bit_length() if ports else 0
        self._ports = Prefixes(N_PORT_BITS)

    def __iter__(self) -> Iterator[R]:
        """All rules."""
        yield from self.best.values()
        for rules in self._beside.values():
            yield from rules

    def add_to(self, rules: list[R]) -> None:
        """Append all rules to `rules`, in the order of iteration."""
        rules += self.best.values()
        for beside in self._beside.values():
            rules += beside

    def of_value(self, value: Flow) -> Sequence[R]:
        """The rules with this value."""
        best = self.best.get(value)
        return () if best is None else (best, *self._beside.get(value, ()))

    def containers(self) -> Iterator[Container]:
        """Where its rules are, and what is known of them; without these it is of no use."""
        yield self.best
        yield from self._beside.values()
        yield self._beside
        yield self.new
        for step in self._steps:
            yield step.index
        yield from self._ports.containers()

    def insert(self, rule: R) -> R | None:
        """Add a rule whose mask is this subtable's, unless one with its value and priority is here: that is returned."""
        value, priority = rule.match.value, rule.priority
        best = self.best.setdefault(value, rule)
        if best is not rule:
            there = self._insert_beside(best, rule)
            if there is not None:
                return there
        self.new.append(value)
        if self._priorities is not None:
            self._priorities[priority] += 1
        if priority > self.max_priority:
            self.max_priority = priority
        return None

    def _insert_beside(self, best: R, rule: R) -> R | None:
        value = rule.match.value
        beside = self._beside.get(value, [])
        there = next((each for each in (best, *beside) if each.priority == rule.priority), None)
        if there is None:
            ordered = sorted((best, *beside, rule), key=attrgetter("priority"), reverse=True)
            self.best[value], self._beside[value] = ordered[0], ordered[1:]
        return there

    def replace(self, old: R, rule: R) -> None:
        """Put `rule` in the place of `old`, which is here and has its value and priority."""
        value = old.match.value
        if self.best[value] is old:
            self.best[value] = rule
        else:
            beside = self._beside[value]
            beside[beside.index(old)] = rule

    def index(self) -> None:
        """Let searches find the new rules."""
        values = self.new
        for step in self._steps:
            index, mask = step.index, step.mask
            for value in values:
                part = value & mask
                index[part] = index.get(part, 0) + 1
        if self._ports_length:
            self._ports.add([(value & PORTS) >> PORTS_OFFSET for value in values], self._ports_length)
        self.new = []

    def remove(self, rule: R) -> None:
        """Take out a rule that is here, and indexed."""
        self._uncount(rule.priority)
        value = rule.match.value
        beside = self._beside.get(value)
        if beside is None:
            del self.best[value]
        else:
            if self.best[value] is rule:
                self.best[value] = beside.pop(0)
            else:
                beside.remove(rule)
            if not beside:
                del self._beside[value]
        for step in self._steps:
            step.index[value & step.mask] -= 1
            if not step.index[value & step.mask]:
                del step.index[value & step.mask]
        if self._ports_length:
            self._ports.remove((value & PORTS) >> PORTS_OFFSET, self._ports_length)

    def _uncount(self, priority: int) -> None:
        """A rule of this priority goes.  Only if it may be the last of the highest, somebody has to count."""
        if self._priorities is None:
            if priority < self.max_priority:
                return
            self._priorities = Counter(rule.priority for rule in self)
        self._priorities[priority] -= 1
        if not self._priorities[priority]:
            del self._priorities[priority]
            self.max_priority = max(self._priorities, default=-1)

    def lookup(self, flow: Flow, tries: Tries) -> tuple[R | None, int]:
        """The best rule for `flow`, and the bits that tell."""
        before = 0
        for step in self._steps:
            if step.prefixes and (bits := tries.exclude(flow, step.prefixes)):
                return None, step.before | bits
            if flow & step.mask not in step.index:
                return None, step.mask
            before = step.mask
        if self._tail and (bits := tries.exclude(flow, self._tail)):
            return None, before | bits
        best = self.best.get(flow & self.mask)
        if best is None and self._ports_length:
            # Every bit before L4 was looked at; of the ports, only those that no rule's ports agree on.
            telling = self._ports.telling((flow & self.mask & PORTS) >> PORTS_OFFSET)
            bits = (1 << N_PORT_BITS) - (1 << (N_PORT_BITS - telling)) << PORTS_OFFSET
            return None, self.mask & ~PORTS | self.mask & bits
        return best, self.mask


class Tries:
    """The prefixes of all rules of a classifier, by field, and what one look-up has learned from them."""

    __slots__ = ("_learned", "_prefixes")

    def __init__(self, fields: Iterable[Field]) -> None:
        self._prefixes = {field: Prefixes(field.bits) for field in fields}
        self._learned: dict[Field, int] = {}

    def __iter__(self) -> Iterator[Field]:
        return iter(self._prefixes)

    def containers(self) -> Iterator[Container]:
        """Where the prefixes are."""
        for prefixes in self._prefixes.values():
            yield from prefixes.containers()

    def add(self, values: Sequence[Flow], lengths: Lengths) -> None:
        """Add the prefixes of these lengths that `values` have."""
        for field, length in lengths:
            offset, ones = field.offset, field.ones
            self._prefixes[field].add([value >> offset & ones for value in values], length)

    def remove(self, value: Flow, lengths: Lengths) -> None:
        """Take out what was added."""
        for field, length in lengths:
            self._prefixes[field].remove(field.get(value), length)

    def begin(self) -> None:
        """Another flow is looked up."""
        if self._learned:
            self._learned.clear()

    def exclude(self, flow: Flow, prefixes: list[tuple[Field, int]]) -> int:
        """The bits of `flow` that show that it has none of `prefixes`; 0 if that cannot be shown cheaply."""
        for field, length in prefixes:
            telling = self._learned.get(field)
            if telling is None:
                telling = self._learned[field] = self._telling(flow, field)
            # Rules of other subtables may need more bits than this one would look at: then they do not help.
            if 0 < telling <= length and not self._prefixes[field].has(field.get(flow), length):
                return field.needs.mask | (1 << field.bits) - (1 << (field.bits - telling)) << field.offset
        return 0

    def _telling(self, flow: Flow, field: Field) -> int:
        if not field.needs.holds(flow):  # ARP's addresses lie where IP's do
            return field.bits + 1
        return self._prefixes[field].telling(field.get(flow))


class Contents(Generic[R]):
    """All that a classifier had in it: taken out, and put into one, in one go, however many rules there are."""

    __slots__ = ("size", "stale", "subtables", "tries")

    def __init__(
        self, subtables: dict[Mask, Subtable[R]], tries: Tries, stale: list[Subtable[R]], size: int
    ) -> None:
        self.subtables = subtables
        self.tries = tries
        self.stale = stale
        self.size = size

    def __iter__(self) -> Iterator[R]:
        """The rules."""
        for table in self.subtables.values():
            yield from table

    def containers(self) -> Iterator[Container]:
        """To be emptied a part at a time, if nobody wants them back; none, if somebody has them."""
        while self.subtables:
            yield from self.subtables.popitem()[1].containers()
        if self.size:
            yield from self.tries.containers()


class Classifier(Generic[R]):
    """The rules of one table.  `prefix_fields` are the fields whose prefixes are tracked (Flow_Table:prefixes)."""

    __slots__ = ("_order", "_size", "_stale", "_subtables", "_tries")

    def __init__(self, prefix_fields: Collection[Field] = TRACKED) -> None:
        self._subtables: dict[Mask, Subtable[R]] = {}
        self._order: list[Subtable[R]] | None = []  # by max_priority, highest first; None: to be sorted again
        self._tries = Tries(prefix_fields)
        # Subtables with rules that searches do not know of yet.  A file of flows is a thousand insertions between two
        # searches, and to index many values at once takes a third of the time: 2 us each instead of 6.
        self._stale: list[Subtable[R]] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[R]:
        """All rules, in no order; the classifier may change meanwhile."""
        return iter(self.up_to(None))

    def up_to(self, priority: int | None) -> list[R]:
        """All rules, in no order, or those of at most this priority.  Where no higher one is: 0.03 us for a rule."""
        found: list[R] = []
        for table in self._subtables.values():
            if priority is None or table.max_priority <= priority:
                table.add_to(found)
            else:
                found += [rule for rule in table if rule.priority <= priority]
        return found

    def insert(self, rule: R) -> R | None:
        """Add `rule`, unless one with its match and priority is there: that is returned."""
        mask = rule.match.mask
        table = self._subtables.get(mask)
        if table is None:
            table = self._subtables[mask] = Subtable(mask, self._tries)
        before = table.max_priority
        there = table.insert(rule)
        if there is not None:
            return there
        if table.max_priority != before:
            self._order = None
        self._size += 1
        n_new = len(table.new)
        if n_new == 1:
            self._stale.append(table)
        elif n_new >= MAX_NEW:
            self._index()
        return None

    def replace(self, old: R, rule: R) -> None:
        """Put `rule` in the place of `old`, which is here and has its match and priority."""
        self._subtables[old.match.mask].replace(old, rule)

    def _index(self) -> None:
        """Let searches find all rules."""
        for table in self._stale:
            self._tries.add(table.new, table.prefixes)
            table.index()
        self._stale.clear()

    def remove(self, rule: R) -> None:
        """Take out a rule that is here."""
        if self._stale:
            self._index()
        table = self._subtables[rule.match.mask]
        before = table.max_priority
        table.remove(rule)
        if not table.best:
            del self._subtables[rule.match.mask]
        if table.max_priority != before:
            self._order = None
        self._tries.remove(rule.match.value, table.prefixes)
        self._size -= 1

    def has_above(self, priority: int) -> bool:
        """Whether there are rules of a higher priority."""
        return any(table.max_priority > priority for table in self._subtables.values())

    @property
    def tracked(self) -> frozenset[Field]:
        """The fields whose prefixes are tracked."""
        return frozenset(self._tries)

    def take_all(self) -> Contents[R]:
        """Take out all rules."""
        contents = Contents(self._subtables, self._tries, self._stale, self._size)
        self._subtables, self._order, self._stale, self._size = {}, [], [], 0
        self._tries = Tries(self._tries)
        return contents

    def put_all(self, contents: Contents[R]) -> None:
        """Put in what was in a classifier that tracked the same fields, while there is no rule here."""
        assert not self._size
        self._subtables, self._order, self._stale = contents.subtables, None, contents.stale
        self._tries, self._size = contents.tries, contents.size
        contents.subtables, contents.size = {}, 0

    def clear(self) -> None:
        """Take out all rules, and forget them."""
        self.take_all()

    def track(self, fields: Collection[Field]) -> None:
        """Track the prefixes of exactly these fields; if that is new, all rules are indexed again, 3 us each."""
        if set(fields) == self.tracked:
            return
        rules = list(self)
        self._tries = Tries(fields)
        self.clear()
        for rule in rules:
            self.insert(rule)

    def lookup(self, flow: Flow) -> tuple[R | None, Mask]:
        """The highest-priority rule matching `flow`, and every bit that the answer depends on."""
        if self._stale:
            self._index()
        if self._order is None:
            self._order = sorted(self._subtables.values(), key=attrgetter("max_priority"), reverse=True)
        self._tries.begin()
        best: R | None = None
        examined = 0
        for table in self._order:
            if best is not None and best.priority >= table.max_priority:
                break
            found, bits = table.lookup(flow, self._tries)
            examined |= bits
            if found is not None and (best is None or found.priority > best.priority):
                best = found
        return best, Mask(examined)

    def find(self, match: Match, priority: int) -> R | None:
        """The rule with exactly this match and priority."""
        table = self._subtables.get(match.mask)
        if table is None:
            return None
        return next((rule for rule in table.of_value(match.value) if rule.priority == priority), None)

    def within(self, match: Match) -> list[R]:
        """The rules that match only what `match` does, as a non-strict flow-mod chooses them."""
        wanted, bits = match.value, match.mask
        found: list[R] = []
        for mask, table in self._subtables.items():
            if mask == bits:
                found += table.of_value(wanted)
            elif mask & bits == bits:
                found += [rule for rule in table if rule.match.value & bits == wanted]
        return found

    def overlapping(self, match: Match, priority: int) -> Iterator[R]:
        """The rules of this priority that some packet could match as well as `match`."""
        for mask, table in self._subtables.items():
            common = mask & match.mask
            wanted = match.value & common
            for rule in table:
                if rule.priority == priority and rule.match.value & common == wanted:
                    yield rule
