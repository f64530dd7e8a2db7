"""A flow table of a switch: rules by match and priority.

Sources: OpenFlow 1.5.1, 5.2 and 6.4; ovs-vswitchd.conf.db(5), Flow_Table.
"""

from __future__ import annotations

import enum

from vswitch.flow.classifier import Classifier
from vswitch.flow.match import Match
from vswitch.ofproto.rule import Rule, RuleFlags

N_TABLES = 255
INTERNAL_TABLE = 254  # the switch's own: no controller sees it
ALL_TABLES = 0xFF
_SEND_FLOW_REM = int(RuleFlags.SEND_FLOW_REM)  # "&" with a member of an enum takes 1.5 us


class TableMiss(enum.Enum):
    """What OpenFlow 1.1 and 1.2 can ask of a packet that matches nothing; DEFAULT depends on the controllers."""

    DEFAULT = "default"
    CONTROLLER = "controller"
    CONTINUE = "continue"
    DROP = "drop"


class Table(Classifier[Rule]):
    """The rules of one table."""

    __slots__ = (
        "configured_eviction", "configured_name", "eviction", "group_mask", "id", "matched", "max_rules",
        "miss", "missed", "name", "reports", "vacancy", "vacancy_falls",
    )  # fmt: skip

    def __init__(self, id: int) -> None:
        super().__init__()
        self.id = id
        self.name = self.configured_name = ""  # the second: by the database
        self.max_rules: int | None = None
        self.miss = TableMiss.DEFAULT
        self.eviction = False  # whether a controller lets it evict rules
        self.configured_eviction = False  # whether the database does
        self.group_mask = 0  # of the fields that make groups of rules to evict from
        # Per cent: controllers hear when less than the first is free, and when more than the second is, in turn.
        self.vacancy: tuple[int, int] | None = None
        self.vacancy_falls = True  # which comes next
        self.matched = self.missed = 0  # packets
        self.reports = False  # whether any rule since it was empty was one whose removal is told

    @property
    def evicts(self) -> bool:
        """Whether a rule may displace another."""
        return self.eviction or self.configured_eviction

    @property
    def free(self) -> int:
        """How much room there is, in per cent."""
        if not self.max_rules:
            return 100
        return max(0, self.max_rules - len(self)) * 100 // self.max_rules

    @property
    def is_full(self) -> bool:
        """Whether a new rule must displace another, or be refused."""
        return self.max_rules is not None and len(self) >= self.max_rules

    def take_note(self, flags: int) -> None:
        """A rule with these flags comes in."""
        if flags & _SEND_FLOW_REM:
            self.reports = True

    def overlaps(self, match: Match, priority: int) -> bool:
        """Whether one packet could match both `match` and another rule of this priority."""
        return any(rule.match != match for rule in self.overlapping(match, priority))
