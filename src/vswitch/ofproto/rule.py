"""A rule: one entry of an OpenFlow table, with what it has carried.

Users call it a flow, as in `ovs-ofctl add-flow`; here a Flow is a packet's headers.

Sources: OpenFlow 1.5.1, 5.2 (flow table), 5.5 (flow removal); ovs-ofctl(8), "Flow Syntax".
"""

from __future__ import annotations

import enum

from vswitch.base.dataclass import dataclass
from vswitch.flow.match import Match
from vswitch.openflow.actions.base import Action

MAX_PRIORITY = 0xFFFF  # of rules that controllers make; above are the switch's own, which no dump shows


class RuleFlags(enum.IntFlag):
    """OFPFF_*: what a rule was asked to do besides, in OpenFlow's numbers."""

    NONE = 0
    SEND_FLOW_REM = 1
    CHECK_OVERLAP = 2
    RESET_COUNTS = 4
    NO_PKT_COUNTS = 8
    NO_BYT_COUNTS = 16


_RESET_COUNTS = int(RuleFlags.RESET_COUNTS)  # "&" with a member of an enum takes 1.5 us


@dataclass(slots=True, eq=False)
class Rule:
    """One entry of a table.  `actions` are in the merged form, in which instructions are actions too."""

    table_id: int
    match: Match
    priority: int
    actions: tuple[Action, ...]
    cookie: int = 0
    idle_timeout: int = 0  # seconds; 0: never
    hard_timeout: int = 0  # seconds since `modified`; 0: never
    importance: int = 0
    flags: int = 0  # those of KEPT_FLAGS
    created: float = 0.0
    modified: float = 0.0
    used: float = 0.0
    packets: int = 0
    bytes: int = 0
    added: int = 0  # Switch.serial when it came into its table
    changed: int = 0  # Switch.serial when it came to do something else

    @property
    def hidden(self) -> bool:
        """Whether it is the switch's own: controllers neither see nor change it."""
        return self.priority > MAX_PRIORITY

    @property
    def is_table_miss(self) -> bool:
        """Whether it is what OpenFlow 1.3 calls a table-miss entry: lowest priority, matching everything."""
        return self.priority == 0 and not self.match.mask

    def credit(self, packets: int, n_bytes: int, used: float) -> None:
        """Count packets that took this rule, the last of them at `used`."""
        self.packets += packets
        self.bytes += n_bytes
        self.used = max(self.used, used)

    def take_over(self, old: Rule) -> None:
        """Go on counting where `old` was, in whose place this comes, unless it is to begin anew."""
        if not self.flags & _RESET_COUNTS:
            self.packets, self.bytes, self.used = old.packets, old.bytes, old.used

    @property
    def idle_deadline(self) -> float:
        """When it expires unless a packet comes."""
        return self.used + self.idle_timeout if self.idle_timeout else float("inf")

    @property
    def hard_deadline(self) -> float:
        """When it expires whatever comes."""
        return self.modified + self.hard_timeout if self.hard_timeout else float("inf")
