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

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Generic, Protocol, TypeVar

from vswitch.flow.field import Field, Flow, Mask
from vswitch.flow.fields import IP_DST, IP_SRC, STAGE_L2, STAGE_L3, STAGE_METADATA, TP_DST
from vswitch.flow.match import Match
from vswitch.flow.prefixes import Prefixes

N_PORT_BITS = 32  # tp_src and tp_dst, which lie side by side in a Flow
PORTS_OFFSET = TP_DST.offset
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
    """All rules that share one mask: a hash table from masked flow to rules, the best first."""

    # fmt: off
    __slots__ = ("_ports", "_ports_length", "_priorities", "_steps", "_tail", "mask", "max_priority", "prefixes",
                 "rules")
    # fmt: on

    def __init__(self, mask: Mask, fields: Iterable[Field]) -> None:
        self.mask = mask
        self.rules: dict[int, list[R]] = {}
        self.max_priority = -1
        self._priorities: dict[int, int] = {}  # how many rules have each
        self._steps, self._tail, self.prefixes = steps(mask, fields)
        ports = (mask & PORTS) >> PORTS_OFFSET
        self._ports_length = N_PORT_BITS + 1 - (ports & -ports).bit_length() if ports else 0
        self._ports = Prefixes(N_PORT_BITS)

    def insert(self, rule: R) -> None:
        """Add a rule whose mask is this subtable's; `index` is still to be told its value."""
        value, priority = rule.match.value, rule.priority
        rules = self.rules.get(value)
        if rules is None:
            self.rules[value] = [rule]
        else:
            rules.append(rule)
            rules.sort(key=attrgetter("priority"), reverse=True)
        self._priorities[priority] = self._priorities.get(priority, 0) + 1
        if priority > self.max_priority:
            self.max_priority = priority

    def index(self, values: Sequence[Flow]) -> None:
        """Let searches find rules with these values, which were inserted."""
        for step in self._steps:
            index, mask = step.index, step.mask
            for value in values:
                part = value & mask
                index[part] = index.get(part, 0) + 1
        if self._ports_length:
            self._ports.add([(value & PORTS) >> PORTS_OFFSET for value in values], self._ports_length)

    def remove(self, rule: R) -> None:
        """Take out a rule that is here."""
        value = rule.match.value
        rules = self.rules[value]
        rules.remove(rule)
        if not rules:
            del self.rules[value]
        for step in self._steps:
            step.index[value & step.mask] -= 1
            if not step.index[value & step.mask]:
                del step.index[value & step.mask]
        if self._ports_length:
            self._ports.remove((value & PORTS) >> PORTS_OFFSET, self._ports_length)
        self._priorities[rule.priority] -= 1
        if not self._priorities[rule.priority]:
            del self._priorities[rule.priority]
            self.max_priority = max(self._priorities, default=-1)

    def lookup(self, flow: Flow, tries: Tries) -> tuple[list[R] | None, int]:
        """The rules for `flow`, best first, and the bits that tell."""
        before = 0
        for step in self._steps:
            if step.prefixes and (bits := tries.exclude(flow, step.prefixes)):
                return None, step.before | bits
            if flow & step.mask not in step.index:
                return None, step.mask
            before = step.mask
        if self._tail and (bits := tries.exclude(flow, self._tail)):
            return None, before | bits
        rules = self.rules.get(flow & self.mask)
        if rules is None and self._ports_length:
            # Every bit before L4 was looked at; of the ports, only those that no rule's ports agree on.
            telling = self._ports.telling((flow & self.mask & PORTS) >> PORTS_OFFSET)
            bits = (1 << N_PORT_BITS) - (1 << (N_PORT_BITS - telling)) << PORTS_OFFSET
            return None, self.mask & ~PORTS | self.mask & bits
        return rules, self.mask


class Tries:
    """The prefixes of all rules of a classifier, by field, and what one look-up has learned from them."""

    __slots__ = ("_learned", "_prefixes")

    def __init__(self, fields: Iterable[Field]) -> None:
        self._prefixes = {field: Prefixes(field.bits) for field in fields}
        self._learned: dict[Field, int] = {}

    def __iter__(self) -> Iterator[Field]:
        return iter(self._prefixes)

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


class Classifier(Generic[R]):
    """The rules of one table.  `prefix_fields` are the fields whose prefixes are tracked (Flow_Table:prefixes)."""

    __slots__ = ("_new", "_order", "_size", "_subtables", "_tries")

    def __init__(self, prefix_fields: Sequence[Field] = (IP_DST, IP_SRC)) -> None:
        self._subtables: dict[Mask, Subtable[R]] = {}
        self._order: list[Subtable[R]] | None = []  # by max_priority, highest first; None: to be sorted again
        self._tries = Tries(prefix_fields)
        # Values by mask that searches do not know of yet.  A file of flows is a thousand insertions between two
        # searches, and to index many values at once takes a third of the time: 2 us each instead of 6.
        self._new: dict[Mask, list[Flow]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[R]:
        """All rules, in no order; the classifier may change meanwhile."""
        return iter(
            [rule for table in self._subtables.values() for rules in table.rules.values() for rule in rules]
        )

    def insert(self, rule: R) -> None:
        """Add `rule`.  The caller makes sure that no other has its match and priority."""
        mask = rule.match.mask
        table = self._subtables.get(mask)
        if table is None:
            table = self._subtables[mask] = Subtable(mask, self._tries)
        if rule.priority > table.max_priority:
            self._order = None
        table.insert(rule)
        self._size += 1
        new = self._new.get(mask)
        if new is None:
            self._new[mask] = [rule.match.value]
            return
        new.append(rule.match.value)
        if len(new) >= MAX_NEW:
            self._index()

    def replace(self, old: R, rule: R) -> None:
        """Put `rule` in the place of `old`, which is here and has its match and priority."""
        rules = self._subtables[old.match.mask].rules[old.match.value]
        rules[rules.index(old)] = rule

    def _index(self) -> None:
        """Let searches find all rules."""
        for mask, values in self._new.items():
            table = self._subtables[mask]
            table.index(values)
            self._tries.add(values, table.prefixes)
        self._new.clear()

    def remove(self, rule: R) -> None:
        """Take out a rule that is here."""
        if self._new:
            self._index()
        table = self._subtables[rule.match.mask]
        before = table.max_priority
        table.remove(rule)
        if not table.rules:
            del self._subtables[rule.match.mask]
        if table.max_priority != before:
            self._order = None
        self._tries.remove(rule.match.value, table.prefixes)
        self._size -= 1

    def clear(self) -> None:
        """Take out all rules."""
        self._subtables.clear()
        self._order = []
        self._tries = Tries(self._tries)
        self._new.clear()
        self._size = 0

    def lookup(self, flow: Flow) -> tuple[R | None, Mask]:
        """The highest-priority rule matching `flow`, and every bit that the answer depends on."""
        if self._new:
            self._index()
        if self._order is None:
            self._order = sorted(self._subtables.values(), key=attrgetter("max_priority"), reverse=True)
        self._tries.begin()
        best: R | None = None
        examined = 0
        for table in self._order:
            if best is not None and best.priority >= table.max_priority:
                break
            rules, bits = table.lookup(flow, self._tries)
            examined |= bits
            if rules is not None and (best is None or rules[0].priority > best.priority):
                best = rules[0]
        return best, Mask(examined)

    def find(self, match: Match, priority: int) -> R | None:
        """The rule with exactly this match and priority."""
        table = self._subtables.get(match.mask)
        if table is None:
            return None
        return next((rule for rule in table.rules.get(match.value, ()) if rule.priority == priority), None)

    def within(self, match: Match) -> Iterator[R]:
        """The rules that match only what `match` does, as a non-strict flow-mod chooses them."""
        for mask, table in list(self._subtables.items()):
            if mask & match.mask == match.mask:
                if mask == match.mask:
                    yield from list(table.rules.get(match.value, ()))
                else:
                    found = [
                        rules for value, rules in table.rules.items() if value & match.mask == match.value
                    ]
                    yield from [rule for rules in found for rule in rules]

    def overlapping(self, match: Match, priority: int) -> Iterator[R]:
        """The rules of this priority that some packet could match as well as `match`."""
        for mask, table in self._subtables.items():
            common = mask & match.mask
            for value, rules in table.rules.items():
                if not (value ^ match.value) & common:
                    yield from (rule for rule in rules if rule.priority == priority)
