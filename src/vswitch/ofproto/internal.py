"""The rules of a switch's own table, which decide about packets that no rule of a controller's does.

A lookup that comes to one of the first three chooses it outright; they are in the table to be counted and shown.  What
a controller resubmits there itself is dropped, unless it has been recirculated.

Sources: ovs-ofctl(8), "Table 254"; the peer's answers to bridge/dump-flows and ofproto/trace.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.flow.fields import RECIRC_ID, REG
from vswitch.flow.match import Match
from vswitch.ofproto.rule import Rule
from vswitch.ofproto.table import INTERNAL_TABLE
from vswitch.openflow.actions.base import Action
from vswitch.openflow.actions.output import OFPR_IMPLICIT_MISS, Controller


class InternalRules:
    """Those of one switch, made at `now`."""

    def __init__(self, now: float) -> None:
        to_controller = (Controller(reason=OFPR_IMPLICIT_MISS),)
        self.miss = _rule(0, Match().where(REG[0], 1), to_controller, now)
        self.no_packet_in = _rule(0, Match().where(REG[0], 2), (), now)
        self.fragment = _rule(0, Match().where(REG[0], 3), (), now)
        self.resubmitted = _rule(2, Match().where(RECIRC_ID, 0), (), now)

    def __iter__(self) -> Iterator[Rule]:
        yield from (self.resubmitted, self.miss, self.no_packet_in, self.fragment)


def _rule(priority: int, match: Match, actions: tuple[Action, ...], now: float) -> Rule:
    return Rule(INTERNAL_TABLE, match, priority, actions, created=now, modified=now, used=now)
