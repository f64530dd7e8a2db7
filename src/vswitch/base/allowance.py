"""How many messages may be written: some at once, then so many a minute; the rest is counted.

Sources: ovs-appctl(8), "vlog/disable-rate-limit".
"""

from __future__ import annotations


class Allowance:
    """A token bucket: `rate` messages a minute, after a `burst`.  Times are seconds on the caller's clock."""

    __slots__ = ("_burst", "_dropped", "_filled_at", "_first_drop", "_last_drop", "_rate", "_tokens")

    def __init__(self, rate: int, burst: int) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._filled_at = float(burst), 0.0
        self._dropped, self._first_drop, self._last_drop = 0, 0.0, 0.0

    def take(self, now: float) -> str | None:
        """What to say, perhaps nothing, before a message that may be written now; None: it may not, and is counted."""
        earned = max(0.0, now - self._filled_at) * self._rate / 60
        self._tokens, self._filled_at = min(float(self._burst), self._tokens + earned), now
        if self._tokens < 1:
            self._first_drop = self._first_drop if self._dropped else now
            self._dropped, self._last_drop = self._dropped + 1, now
            return None
        self._tokens -= 1
        return self._take_dropped(now)

    def _take_dropped(self, now: float) -> str:
        dropped, self._dropped = self._dropped, 0
        if not dropped:
            return ""
        return (
            f"Dropped {dropped} log messages in last {now - self._first_drop:.0f} seconds "
            f"(most recently, {now - self._last_drop:.0f} seconds ago) due to excessive rate"
        )
