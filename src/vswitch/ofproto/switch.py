"""A switch: ports, bundles, tables, learned addresses and channels, under one OpenFlow datapath id.

Changes are told twice: to the controllers, as messages, and to the backer, as what may have made megaflows wrong.

Sources: ovs-vswitchd.conf.db(5), Bridge; OpenFlow 1.5.1, 4 (ports), 6.4 (removal), 7.4 (asynchronous messages).
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Protocol

from vswitch.base.dataclass import replace
from vswitch.flow.classifier import Contents
from vswitch.flow.match import Match
from vswitch.flow.ports import OFPP_NORMAL, OfPort
from vswitch.ofproto import eviction
from vswitch.ofproto import group as groups
from vswitch.ofproto.actionlists import teaches
from vswitch.ofproto.channel import AsyncKind, Channel
from vswitch.ofproto.command import Command, ConnectionId, Send
from vswitch.ofproto.expiring import Expiring
from vswitch.ofproto.internal import InternalRules
from vswitch.ofproto.port import Bundle, SwitchPort
from vswitch.ofproto.ports import Bundles, Ports
from vswitch.ofproto.rule import MAX_PRIORITY, Rule, RuleFlags
from vswitch.ofproto.settings import FailMode
from vswitch.ofproto.table import INTERNAL_TABLE, N_TABLES, Table
from vswitch.ofproto.wiring import Wiring
from vswitch.openflow.actions.base import Action
from vswitch.openflow.actions.output import Output
from vswitch.openflow.errors import OpenFlowError, RoleRequestFailed
from vswitch.openflow.message import Message
from vswitch.openflow.messages import nicira
from vswitch.openflow.messages import table as table_messages
from vswitch.openflow.messages.flow import FlowRemoved, RemovedReason
from vswitch.openflow.messages.monitor import OFPFME_ADDED, OFPFME_MODIFIED, OFPFME_REMOVED, FlowUpdate
from vswitch.openflow.messages.port import PortStatus
from vswitch.protocols.mac_learning import MacTable

FAIL_OPEN_PRIORITY = 0xF0F0F0
EVICTION_FLAGS = 7  # OFPTMPEF14_*: all of them decide
MATCH_ALL = Match()
_SEND_FLOW_REM = int(RuleFlags.SEND_FLOW_REM)  # "&" with a member of an enum takes 1.5 us


class RuleReport(Protocol):
    """Takes note of a change of a rule: OFPFME_*, why it was removed, and what it did before it was modified."""

    def __call__(
        self,
        switch: Switch,
        event: int,
        rule: Rule,
        reason: RemovedReason = RemovedReason.IDLE_TIMEOUT,
        old_actions: tuple[Action, ...] = (),
    ) -> None: ...


def nobody_asks(
    switch: Switch,
    event: int,
    rule: Rule,
    reason: RemovedReason = RemovedReason.IDLE_TIMEOUT,
    old_actions: tuple[Action, ...] = (),
) -> None:
    """The report of a switch whose rules nobody watches."""


class FragmentHandling(enum.IntEnum):
    """What tables see of IP fragments, numbered as in OFPT_SET_CONFIG."""

    NORMAL = 0  # their transport ports read 0
    DROP = 1
    REASSEMBLE = 2
    NX_MATCH = 3  # the first fragment's ports read as they are


class Switch:
    """One OpenFlow switch; Open vSwitch calls it a bridge or an ofproto.  Its `Backer` makes it."""

    def __init__(self, name: str, datapath_id: int, wiring: Wiring[Switch], now: float) -> None:
        self.name = name
        self.datapath_id = datapath_id
        self.wiring = wiring
        self.macs: MacTable[Bundle] = MacTable()
        self.ports = Ports(self, wiring, self._tell_port, self.note)
        self.bundles = Bundles(self.ports, self.macs, wiring)
        self.tables = [Table(id) for id in range(N_TABLES)]
        self.groups: dict[int, groups.GroupEntry] = {}
        self.options: dict[int, nicira.TlvMap] = {}  # of tunnels, by field (tunneloptions.py)
        self.expiring = Expiring()
        self.channels: dict[ConnectionId, Channel] = {}
        self.fail_mode = FailMode.STANDALONE
        self.has_controllers = False
        self.forward_bpdu = False
        self.description = ""  # other_config:dp-desc
        self.fragments = FragmentHandling.NORMAL
        self.created = now
        self.internal = InternalRules(now)
        for rule in self.internal:
            self.tables[INTERNAL_TABLE].insert(rule)
        self.generation_id: int | None = None  # of the last change of roles
        self._fail_open: Rule | None = None
        self._in_band: list[Rule] = []
        self.serial = 0  # of the last change of a rule
        self.actor: tuple[ConnectionId, int] | None = None  # who asked for what is happening, with which xid
        self.updates: dict[ConnectionId, list[FlowUpdate]] = {}  # to tell those who watch rules (monitors.py)
        self.teachers: Counter[tuple[int, int]] = (
            Counter()
        )  # rules whose pupils go with them: table and cookie
        self.unlearned: set[tuple[int, int]] = set()  # of which the last teacher may be gone (learning.py)
        self.on_change: RuleReport = nobody_asks
        self._undo: list[Callable[[], None]] | None = None  # how to take back what was done; None: it stays
        self._add_default_rule(now)

    @contextmanager
    def revocable(self) -> Iterator[list[Command]]:
        """Changes within are taken back if they end in an error; then only what is in the list given is said."""
        outbox, said = self.wiring.outbox, list[Command]()
        n_said = len(outbox)
        self._undo = undo = list[Callable[[], None]]()
        try:
            yield said
        except BaseException:
            self._undo = None
            for take_back in reversed(undo):
                take_back()
            self.updates.clear()
            outbox[n_said:] = said
            raise
        finally:
            self._undo = None
            self.wiring.remains.put([undo])

    def note(self, take_back: Callable[[], None]) -> None:
        """Something has changed, and `take_back` makes it what it was."""
        if self._undo is not None:
            self._undo.append(take_back)

    def remove_port(self, number: OfPort, now: float) -> None:
        """Detach a port; it leaves its bundle too."""
        self.bundles.leave(self.ports[number])
        self.ports.remove(number, now)

    # Rules.

    def insert_rule(self, rule: Rule) -> Rule | None:
        """Add `rule` to its table, unless one with its match and priority is there: that is returned."""
        table = self.tables[rule.table_id]
        there = table.insert(rule)
        if there is not None:
            return there
        self.serial += 1
        rule.added = rule.changed = self.serial
        self._let_in(table, rule)
        if self._undo is not None:
            self._undo.append(partial(self._take_out, rule))
        if table.vacancy is not None:
            self.watch_vacancy(table)
        self.on_change(self, OFPFME_ADDED, rule)
        return None

    def _put_in(self, rule: Rule) -> None:
        table = self.tables[rule.table_id]
        table.insert(rule)
        self._let_in(table, rule)

    def _let_in(self, table: Table, rule: Rule) -> None:
        """What has to know that `rule` is in `table` now, but for those who watch."""
        if rule.flags:
            table.take_note(rule.flags)
        self._teach(rule.actions)
        self.expiring.add(rule)
        self.wiring.changes.rules.append((table, rule.match))

    def replace_rule(self, old: Rule, rule: Rule) -> None:
        """Put `rule` in the place of `old`, which has its match and priority; for monitors it is added."""
        self.serial += 1
        rule.added = rule.changed = self.serial
        self._swap(old, rule)
        if self._undo is not None:
            self._undo.append(partial(self._swap, rule, old))
        self.on_change(self, OFPFME_ADDED, rule)

    def _swap(self, old: Rule, rule: Rule) -> None:
        """A fifth of what it takes to remove and insert: what searches ask for stays the same."""
        self._unteach(old.actions)
        self._teach(rule.actions)
        table = self.tables[rule.table_id]
        table.replace(old, rule)
        if rule.flags:
            table.take_note(rule.flags)
        self.expiring.discard(old)
        self.expiring.add(rule)
        self.wiring.changes.rules.append((table, rule.match))

    def configure_table(
        self, number: int, name: str, max_rules: int | None, evicts: bool, group_mask: int, now: float
    ) -> None:
        """Set what the database says of a table; if it holds more than it may, rules that can go have to."""
        table = self.tables[number]
        if name or table.configured_name:
            table.name = table.configured_name = name
        table.max_rules, table.configured_eviction, table.group_mask = max_rules, evicts, group_mask
        if evicts:
            for rule in eviction.rules_to_evict(table):
                self.remove_rule(rule, RemovedReason.EVICTION, now)

    def table_desc(self, table: Table) -> table_messages.TableDesc:
        """A table's configuration as controllers are told of it."""
        vacancy = None if table.vacancy is None else table_messages.Vacancy(*table.vacancy, table.free)
        flags = table_messages.OFPTC14_EVICTION * table.eviction
        flags |= table_messages.OFPTC14_VACANCY_EVENTS * (vacancy is not None)
        return table_messages.TableDesc(table.id, flags, EVICTION_FLAGS, vacancy)

    def watch_vacancy(self, table: Table) -> None:
        """Tell controllers if there is less or more room in a table than they wanted to know of."""
        if table.vacancy is None:
            return
        down, up = table.vacancy
        if table.vacancy_falls and table.free < down:
            reason = table_messages.TABLE_VACANCY_DOWN
        elif not table.vacancy_falls and table.free > up:
            reason = table_messages.TABLE_VACANCY_UP
        else:
            return
        table.vacancy_falls = not table.vacancy_falls
        self.tell(AsyncKind.TABLE_STATUS, reason, table_messages.TableStatus(reason, self.table_desc(table)))

    def remove_rule(self, rule: Rule, reason: RemovedReason, now: float) -> None:
        """Take `rule` out of its table; controllers hear of it if the rule says so."""
        self._take_out(rule)
        self.note(partial(self._put_in, rule))
        self.watch_vacancy(self.tables[rule.table_id])
        self.on_change(self, OFPFME_REMOVED, rule, reason)
        if rule.flags & _SEND_FLOW_REM and not rule.hidden:
            self.tell(AsyncKind.FLOW_REMOVED, reason, _flow_removed(rule, reason, now))

    def remove_rules(self, rules: Iterable[Rule], reason: RemovedReason, now: float) -> None:
        """Remove many rules.  Tables that lose all are emptied at once if nobody wants to hear of each rule."""
        for number, some in groupby(rules, attrgetter("table_id")):
            table, gone = self.tables[number], list(some)
            if len(gone) == len(table):
                self.empty(table, reason, now)
            else:
                for rule in gone:
                    self.remove_rule(rule, reason, now)

    def empty(self, table: Table, reason: RemovedReason, now: float) -> None:
        """Remove all rules of `table` but hidden ones: at once, if nobody wants to hear of each."""
        if not len(table):
            return
        if self._tells_of(table) or table.has_above(MAX_PRIORITY):
            for rule in table.up_to(MAX_PRIORITY):
                self.remove_rule(rule, reason, now)
        else:
            self._empty(table)

    @property
    def is_watched(self) -> bool:
        """Whether anybody wants to hear of each change of a rule."""
        return any(channel.monitors for channel in self.channels.values())

    def _tells_of(self, table: Table) -> bool:
        """Whether anybody else may have to know of each rule that goes from `table`, or comes."""
        return table.vacancy is not None or self.is_watched or table.reports

    def _empty(self, table: Table) -> None:
        """Take out all that the table has, without a look at it if no rule teaches or expires."""
        known = bool(self.expiring) or any(self.teachers.values())
        rules, table.reports = table.take_all(), False
        for rule in rules if known else ():
            self._unteach(rule.actions)
            self.expiring.discard(rule)
        self.note(partial(self._refill, table, rules, known))
        self.wiring.remains.put(rules.containers())
        self.wiring.changes.rules.append((table, MATCH_ALL))  # whoever has asked this table

    def fill(self, table: Table, made: Table, now: float, *, known: bool) -> None:
        """Move the rules of `made` into `table`, which has few, and which nobody wants to hear of; those few stay if there
        is none with their match and priority.  `known`: whether any of the new ones teaches or expires.
        """
        self.serial += 1
        serial = self.serial
        for rule in made:
            rule.created = rule.modified = rule.used = now
            rule.added = rule.changed = serial
        there = list(table)
        if there:
            self._empty(table)
        self._refill(table, made.take_all(), known)
        table.reports = made.reports
        self.note(partial(self._empty, table))
        for rule in there:
            new = table.find(rule.match, rule.priority)
            if new is None:
                self._put_in(rule)
                self.note(partial(self._take_out, rule))
            else:
                new.take_over(rule)

    def _refill(self, table: Table, rules: Contents[Rule], known: bool) -> None:
        """Put `rules` into `table`, which is empty."""
        for rule in rules if known else ():
            self._teach(rule.actions)
            self.expiring.add(rule)
        table.put_all(rules)
        self.wiring.changes.rules.append((table, MATCH_ALL))

    def _teach(self, actions: tuple[Action, ...]) -> None:
        if taught := teaches(actions):
            self.teachers.update(taught)

    def _unteach(self, actions: tuple[Action, ...]) -> None:
        if gone := teaches(actions):
            self.teachers.subtract(gone)
            self.unlearned.update(gone)

    def _take_out(self, rule: Rule) -> None:
        self._unteach(rule.actions)
        table = self.tables[rule.table_id]
        table.remove(rule)
        self.expiring.discard(rule)
        self.wiring.changes.rules.append((table, rule.match))

    def modify_rule(
        self, rule: Rule, actions: tuple[Action, ...], cookie: int, now: float, *, reset: bool
    ) -> None:
        """`rule` stays, but does something else now; with `reset`, it counts anew."""
        if self._undo is not None:
            self.note(partial(self._restore_rule, rule, replace(rule)))
        if reset:
            rule.packets = rule.bytes = 0
        old_actions, is_other = rule.actions, (actions, cookie) != (rule.actions, rule.cookie)
        rule.actions, rule.cookie, rule.modified = actions, cookie, now
        if is_other:
            self._teach(actions)
            self._unteach(old_actions)
            self.serial += 1
            rule.changed = self.serial
            self.on_change(self, OFPFME_MODIFIED, rule, old_actions=old_actions)
        self.wiring.changes.rules.append((self.tables[rule.table_id], rule.match))

    def _restore_rule(self, rule: Rule, before: Rule) -> None:
        self._teach(before.actions)
        self._unteach(rule.actions)
        rule.actions, rule.cookie, rule.modified = before.actions, before.cookie, before.modified
        rule.packets, rule.bytes = before.packets, before.bytes
        self.wiring.changes.rules.append((self.tables[rule.table_id], rule.match))

    def flush_rules(self, now: float) -> None:
        """Remove all rules; without controllers a standalone switch is a plain learning switch again."""
        for table in self.tables[:INTERNAL_TABLE]:
            for rule in list(table):
                if not rule.hidden:
                    self.remove_rule(rule, RemovedReason.DELETE, now)
        self._add_default_rule(now)

    def _add_default_rule(self, now: float) -> None:
        if not self.has_controllers and self.fail_mode is FailMode.STANDALONE:
            self.insert_rule(_normal_rule(0, now))

    # Groups.

    def set_group(self, group: groups.GroupEntry) -> None:
        """Add `group`, or put it in the place of the one with its number."""
        old = self.groups.get(group.id)
        self.note(partial(self._restore_group, group.id, old))
        self._restore_group(group.id, group)

    def remove_group(self, number: int) -> None:
        """Delete a group; rules that send packets there are the caller's business."""
        self.note(partial(self._restore_group, number, self.groups[number]))
        self._restore_group(number, None)

    def _restore_group(self, number: int, group: groups.GroupEntry | None) -> None:
        if group is None:
            self.groups.pop(number, None)
        else:
            self.groups[number] = group
        self.wiring.changes.everything = True

    # Controllers.

    def configure(self, *, fail_mode: FailMode, has_controllers: bool, now: float) -> None:
        """Set what happens without controllers.  Coming to have controllers, or ceasing to, removes all rules."""
        flush = has_controllers != self.has_controllers
        if fail_mode is not self.fail_mode and not has_controllers:
            flush = True
        self.fail_mode, self.has_controllers = fail_mode, has_controllers
        if not has_controllers or fail_mode is FailMode.SECURE:
            self.set_fail_open(False, now)
        if flush:
            self.flush_rules(now)

    def set_fail_open(self, active: bool, now: float) -> None:
        """All controllers have been silent too long (or are back): forward as a plain switch, over all rules."""
        if active and self._fail_open is None:
            self._fail_open = _normal_rule(FAIL_OPEN_PRIORITY, now)
            self.insert_rule(self._fail_open)
        elif not active and self._fail_open is not None:
            self.remove_rule(self._fail_open, RemovedReason.DELETE, now)
            self._fail_open = None

    def set_in_band(self, rules: Sequence[Rule], now: float) -> None:
        """Have exactly these hidden rules for in-band control (inband.py)."""

        def essence(rule: Rule) -> tuple[object, ...]:
            return rule.match, rule.priority, rule.actions

        if list(map(essence, rules)) == list(map(essence, self._in_band)):
            return
        for rule in self._in_band:
            self.remove_rule(rule, RemovedReason.DELETE, now)
        for rule in rules:
            self.insert_rule(rule)
        self._in_band = list(rules)

    @property
    def sends_misses(self) -> bool:
        """Whether some channel speaks a version in which packets without a rule go to the controllers."""
        return any(channel.wants_misses for channel in self.channels.values())

    def tell(self, kind: AsyncKind, reason: int, message: Message) -> None:
        """Send `message` to every channel that wants such for `reason`."""
        for channel in self.channels.values():
            if channel.wants(kind, reason):
                self.wiring.outbox.append(Send(channel.id, message, 0))

    def tell_one(self, channel: Channel, kind: AsyncKind, reason: int, message: Message) -> None:
        """Send `message` to one channel, if it wants such for `reason`."""
        if channel.wants(kind, reason):
            self.wiring.outbox.append(Send(channel.id, message, 0))

    def next_connection(self) -> int:
        """A number for a new channel; no two switches on one datapath use the same."""
        self.wiring.n_connections += 1
        return self.wiring.n_connections

    def accept_generation(self, generation_id: int) -> None:
        """Refuse roles that were asked for before others that came first (OpenFlow 1.5.1, 6.3.6)."""
        if self.generation_id is not None and (generation_id - self.generation_id) & 1 << 63:
            raise OpenFlowError(RoleRequestFailed.STALE)
        self.generation_id = generation_id

    def _tell_port(self, port: SwitchPort, reason: int) -> None:
        self.tell(AsyncKind.PORT_STATUS, reason, PortStatus(reason, port.describe()))


def _normal_rule(priority: int, now: float) -> Rule:
    return Rule(0, MATCH_ALL, priority, (Output(OFPP_NORMAL),), created=now, modified=now, used=now)


def split_duration(seconds: float) -> tuple[int, int]:
    """Whole seconds and nanoseconds, as OpenFlow counts, of a clock that has milliseconds."""
    milliseconds = max(0, round(seconds * 1000))
    return milliseconds // 1000, milliseconds % 1000 * 1_000_000


def _flow_removed(rule: Rule, reason: RemovedReason, now: float) -> FlowRemoved:
    seconds, nanoseconds = split_duration(now - rule.created)
    return FlowRemoved(
        match=rule.match,
        priority=rule.priority,
        reason=reason,
        table_id=rule.table_id,
        cookie=rule.cookie,
        duration_sec=seconds,
        duration_nsec=nanoseconds,
        idle_timeout=rule.idle_timeout,
        hard_timeout=rule.hard_timeout,
        packet_count=rule.packets,
        byte_count=rule.bytes,
    )
