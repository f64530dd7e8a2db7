"""How people name a moment of a database's history: by number, by date, by how long ago it was.

Dates are in UTC, as in logs and in what `ovsdb-tool show-log` prints.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from vswitch.base.digits import parse_decimal
from vswitch.base.options import CommandError
from vswitch.ovsdb.history import Event

_AGO = re.compile(r"(\d+)\s*(s|m|h|d|w|seconds?|minutes?|hours?|days?|weeks?)(?: ago)?")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
HOW = "a transaction's number, `now`, a date like `2026-01-31 13:45:10` (UTC), or `10 minutes ago`"


def parse_time(text: str, now: datetime) -> float:
    """The date that `text` means, in ms since 1970; raises CommandError."""
    if found := _AGO.fullmatch(text):
        then = now - timedelta(**{_UNITS[found[2][0]]: int(found[1])})
        return then.timestamp() * 1000
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"'{text}' is not a moment: say {HOW}") from None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() * 1000


def parse_moment(text: str, events: Sequence[Event], now: datetime) -> int:
    """The number of the last event that had happened by then; 0 for before all."""
    if text in ("now", "HEAD"):
        return len(events)
    if (number := parse_decimal(text)) is not None:
        if number > len(events):
            raise CommandError(f"there is no transaction {number}; the last one is {len(events)}")
        return number
    date = parse_time(text, now)
    number = 0
    for event in events:
        if event.date is not None and event.date > date:
            break
        number = event.number
    return number


def format_date(date: int | None) -> str:
    """The date of an event."""
    if date is None:
        return "-"
    return datetime.fromtimestamp(date / 1000, UTC).isoformat(" ", "milliseconds")[:23]
