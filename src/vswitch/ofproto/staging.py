"""Additions of flows that wait in a bundle: made into tables as they come, so that the commit is short.

A bundle has to happen in one go, and 100,000 additions take a third of a second, in which the switch answers nobody.  But
most such bundles fill tables that are empty, or that the bundle has emptied before.  So a long run of additions is made
into tables beside those of the switch, searched by nobody, while its messages arrive; at the commit, they take the place
of the empty ones, and all that is left to do for a rule is to say when it came: 0.2 us (bench/flowmods.py).

What cannot be had in this way is performed one addition after the other: in tables with many rules already, with a limit,
or where somebody wants to hear of each rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vswitch.base.namedtuple import NamedTuple
from vswitch.base.remains import Container
from vswitch.ofproto.actionlists import teaches
from vswitch.ofproto.flowmod import check, checked_addition, new_rule
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.table import Table
from vswitch.openflow.actions.base import Action
from vswitch.openflow.additions import Addition
from vswitch.openflow.version import Version

MIN_STAGED = 1000  # additions; fewer take 4 ms at most
MAX_THERE = 1000  # rules in a table that is to be filled: to put them into the new one takes 6 ms


class _Kind(NamedTuple):
    """What additions with the same actions, for the same table, have in common."""

    first: Addition
    table: Table
    actions: tuple[Action, ...]


class Stage:
    """A run of additions in a bundle, which have been checked for what is wrong with them in any case."""

    def __init__(self, switch: Switch, version: Version, *, follows_changes: bool) -> None:
        """`follows_changes`: whether other messages, perhaps deletions, are before it in the bundle."""
        self.additions: list[Addition] = []
        self._switch = switch
        self._version = version
        self._follows_changes = follows_changes
        self._is_made = False  # whether the tables have what the additions say
        self._tables: dict[int, Table] = {}
        self._kinds: dict[tuple[int, int, int], _Kind] = {}  # by identity, as in loading.py
        self._known = False  # whether a rule teaches or expires

    def add(self, addition: Addition) -> None:
        """One more."""
        self.additions.append(addition)
        if self._is_made:
            self._make(addition)
        elif len(self.additions) == MIN_STAGED and self._is_promising:
            self._is_made = True
            for each in self.additions:
                self._make(each)

    @property
    def _is_promising(self) -> bool:
        tables = {self._switch.tables[addition.table_id] for addition in self.additions}
        return self._follows_changes or all(len(table) <= MAX_THERE for table in tables)

    def _make(self, addition: Addition) -> None:
        """Make a rule of it.  Its times are those of the commit."""
        key = id(addition.kind), id(addition.actions), addition.table_id
        kind = self._kinds.get(key) or self._learn(key, addition)
        rule = new_rule(
            addition.kind,
            addition.table_id,
            addition.match,
            addition.priority,
            kind.actions,
            addition.cookie,
            0.0,
        )
        old = kind.table.insert(rule)
        if old is not None:
            kind.table.replace(old, rule)

    def _learn(self, key: tuple[int, int, int], addition: Addition) -> _Kind:
        table = self._tables.get(addition.table_id) or self._add_table(addition.table_id)
        actions = check(addition.message, self._version)
        message = addition.kind
        self._known = self._known or bool(message.idle_timeout or message.hard_timeout or teaches(actions))
        table.take_note(message.flags)
        kind = self._kinds[key] = _Kind(addition, table, actions)
        return kind

    def _add_table(self, number: int) -> Table:
        table = self._tables[number] = Table(number)
        table.track(self._switch.tables[number].tracked)
        return table

    # The commit.

    @property
    def fits(self) -> bool:
        """Whether its tables can take the place of the switch's, as those are now."""
        return self._is_made and not self._switch.is_watched and all(self._pairs_fit())

    def _pairs_fit(self) -> Iterator[bool]:
        for number, made in self._tables.items():
            table = self._switch.tables[number]
            yield (
                len(table) <= MAX_THERE
                and table.max_rules is None
                and table.vacancy is None
                and table.tracked == made.tracked
            )

    def needed(self) -> Iterable[Addition]:
        """Those that `check` has to find good before all can be put in, in the order in which they came."""
        return [kind.first for kind in self._kinds.values()]

    def check(self, addition: Addition) -> None:
        """Raise OpenFlowError if the switch, as it is now, cannot have such a rule in the table."""
        checked_addition(self._switch, addition.message, addition.table_id, self._version)

    def put_in(self, now: float) -> None:
        """Perform all that there are."""
        for number, made in self._tables.items():
            self._switch.fill(self._switch.tables[number], made, now, known=self._known)

    def containers(self) -> Iterator[Container]:
        """What is left of it when its bundle is gone."""
        yield self.additions
        for table in self._tables.values():
            yield from table.take_all().containers()
