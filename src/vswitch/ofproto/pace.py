"""How often to look through a datapath, and how many megaflows to let it have: by how long looking takes.

A pass goes on beside all other work, so it takes long on a busy machine as well as over a big table.  Then the next one
waits longer, and if that is not enough, there shall be fewer megaflows: statistics that come late make learned
addresses and rules expire that are in use.

Sources: ovs-vswitchd.conf.db(5), other_config: flow-limit, max-revalidator; ovs-vswitchd(8), upcall/show.
"""

from __future__ import annotations

DEFAULT_FLOW_LIMIT = 200_000
INTERVAL, LONGEST_INTERVAL = 0.5, 5.0  # seconds from the beginning of one pass to that of the next
SHARE = 10  # a pass shall take a tenth of that time
SLOW, TOO_SLOW = 1.3, 2.0  # seconds of a pass
QUICK = 1.0
LEAST = STEP = 1000  # megaflows


class Pace:
    """The present limit and interval.  `limit` goes down after slow passes, and up again to what was asked for."""

    def __init__(self, asked: int = DEFAULT_FLOW_LIMIT) -> None:
        self._asked = self.limit = asked
        self.interval = INTERVAL
        self.seconds = 0.0  # that the last pass took

    def ask(self, limit: int) -> None:
        """Somebody wants at most `limit` megaflows."""
        if limit != self._asked:
            self._asked = self.limit = limit

    def passed(self, seconds: float) -> None:
        """A pass took so long."""
        self.seconds = seconds
        self.interval = min(max(INTERVAL, seconds * SHARE), LONGEST_INTERVAL)
        limit = self.limit
        if seconds > TOO_SLOW:
            limit = int(limit / seconds)
        elif seconds > SLOW:
            limit = limit * 3 // 4
        elif seconds < QUICK:
            limit += STEP
        self.limit = min(max(limit, LEAST), self._asked)
