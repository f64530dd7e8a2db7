"""Additions of flows, many at a time (openflow/additions.py): the same as their flow-mods one by one, sooner.

Most of what can be wrong with an addition is the same for all with its actions and the shape of its match, so it is
asked once.  3 us for a flow instead of 5 (bench/flowmods.py).

Sources: as for flowmod.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from vswitch.ofproto.channel import Channel
from vswitch.ofproto.flowmod import change_flows, check, checked_addition, new_rule
from vswitch.ofproto.learning import forget_learned
from vswitch.ofproto.monitors import flush
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.table import Table
from vswitch.openflow.actions.base import Action
from vswitch.openflow.additions import Addition
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.messages.flow import FlowMod
from vswitch.openflow.version import Version

Refused = Iterator[tuple[Addition, OpenFlowError]]


class Loader:
    """Adds flows to `switch`, as long as nothing else changes it."""

    def __init__(self, switch: Switch, now: float, version: Version) -> None:
        self._switch = switch
        self._now = now
        self._version = version
        # By identity, as in base/memo.py: the objects are kept with what is known of them.
        self._known: dict[
            tuple[int, int, int], tuple[Table, tuple[Action, ...], FlowMod, tuple[Action, ...]]
        ] = {}

    def add(self, addition: Addition) -> None:
        """Perform `addition`, or raise OpenFlowError and change nothing."""
        kind, match, actions, table_id, priority, cookie, _ = addition
        key = id(kind), id(actions), table_id
        known = self._known.get(key)
        if known is None:
            made = checked_addition(self._switch, addition.message, table_id, self._version)
            known = self._known[key] = self._switch.tables[table_id], made, kind, actions
        table, made, _, _ = known
        if table.max_rules is not None:
            change_flows(self._switch, addition.message, self._now, self._version)
            return
        rule = new_rule(kind, table_id, match, priority, made, cookie, self._now)
        old = self._switch.insert_rule(rule)
        if old is not None:
            rule.take_over(old)
            self._switch.replace_rule(old, rule)


def add_flows(switch: Switch, channel: Channel, additions: Iterable[Addition], now: float) -> Refused:
    """Perform `additions`, which came over `channel`; yields those that fail."""
    loader = Loader(switch, now, channel.version)
    is_watched = switch.is_watched
    for addition in additions:
        if is_watched:
            switch.actor = channel.id, addition.xid
        try:
            loader.add(addition)
        except OpenFlowError as error:
            yield addition, error
        if switch.unlearned:
            forget_learned(switch, now)
        if is_watched:
            flush(switch)


def checker(version: Version) -> Callable[[Addition], None]:
    """A function that refuses what is wrong with an addition whatever rules and groups there are."""
    known: dict[tuple[int, int, int], Addition] = {}

    def refuse(addition: Addition) -> None:
        key = id(addition.kind), id(addition.actions), addition.table_id
        if key not in known:
            check(addition.message, version)
            known[key] = addition

    return refuse
