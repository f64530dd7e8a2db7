"""A flow table of a switch: rules by match and priority.

Sources: OpenFlow 1.5.1, 5.2 and 6.4; ovs-vswitchd.conf.db(5), Flow_Table.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

from vswitch.flow.classifier import Classifier
from vswitch.flow.field import Flow, Mask
from vswitch.flow.match import Match
from vswitch.ofproto.rule import Rule

N_TABLES = 255
INTERNAL_TABLE = 254  # the switch's own: no controller sees it
ALL_TABLES = 0xFF


class TableMiss(enum.Enum):
    """What OpenFlow 1.1 and 1.2 can ask of a packet that matches nothing; DEFAULT depends on the controllers."""

    DEFAULT = "default"
    CONTROLLER = "controller"
    CONTINUE = "continue"
    DROP = "drop"


class Table:
    """The rules of one table."""

    __slots__ = ("_classifier", "id", "matched", "max_rules", "miss", "missed", "name")

    def __init__(self, id: int) -> None:
        self.id = id
        self.name = ""
        self.max_rules: int | None = None
        self.miss = TableMiss.DEFAULT
        self.matched = self.missed = 0  # packets
        self._classifier: Classifier[Rule] = Classifier()

    def __iter__(self) -> Iterator[Rule]:
        """All rules, in no order."""
        return iter(self._classifier)

    def __len__(self) -> int:
        return len(self._classifier)

    def lookup(self, flow: Flow) -> tuple[Rule | None, Mask]:
        """The rule for `flow`, and every bit that the answer depends on."""
        return self._classifier.lookup(flow)

    def find(self, match: Match, priority: int) -> Rule | None:
        """The rule with exactly this match and priority."""
        return self._classifier.find(match, priority)

    def insert(self, rule: Rule) -> None:
        """Add `rule`; no other may have its match and priority."""
        self._classifier.insert(rule)

    def remove(self, rule: Rule) -> None:
        """Take `rule` out."""
        self._classifier.remove(rule)

    @property
    def is_full(self) -> bool:
        """Whether a new rule must displace another, or be refused."""
        return self.max_rules is not None and len(self) >= self.max_rules

    def overlaps(self, match: Match, priority: int) -> bool:
        """Whether one packet could match both `match` and another rule of this priority."""
        return any(
            rule.priority == priority
            and rule.match != match
            and not (rule.match.value ^ match.value) & rule.match.mask & match.mask
            for rule in self
        )
