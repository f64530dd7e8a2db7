"""Remarks: what a pure function that reads text has to tell people besides its result, as lines of the log.

To load the log takes longer than to read a flow, and most texts give no cause for it: so programs say with `remarks_to`
what is to be done first, and until then a remark goes to the log as it is.
"""

from __future__ import annotations

from collections.abc import Callable

Writer = Callable[[str, str, str], None]  # takes module, level and message


def _to_log(module: str, level: str, message: str) -> None:
    from vswitch.base.log import Level, Logger

    Logger(module).log(Level[level], "%s", message)


class _Remarks:
    """Where remarks go, and which of those that are made once have been made."""

    def __init__(self) -> None:
        self.writer: Writer = _to_log
        self.made: set[str] = set()
        self.allowances: dict[str, Callable[[float], str | None]] = {}  # `Allowance.take` of each module


_REMARKS = _Remarks()


def remark(module: str, message: str, level: str = "WARN") -> None:
    """Say `message` in the name of `module`."""
    _REMARKS.writer(module, level, message)


def remark_once(module: str, subject: str, message: str) -> None:
    """Say `message`, unless something was said of `subject` before."""
    if subject not in _REMARKS.made:
        _REMARKS.made.add(subject)
        remark(module, message)


def remark_some(module: str, message: str) -> None:
    """Say `message`, unless much was said in the name of `module` lately: five times, and once more in each minute."""
    from vswitch.base.allowance import Allowance
    from vswitch.base.log import LOG

    if module not in _REMARKS.allowances:
        remark(module, message)  # the first sets up the log, and so the clock, if nobody has
        take = _REMARKS.allowances[module] = Allowance(rate=1, burst=5).take
        take(LOG.clock())
        return
    if module not in LOG.unlimited:
        before = _REMARKS.allowances[module](LOG.clock())
        if before is None:
            return
        if before:
            remark(module, before)
    remark(module, message)


def remarks_to(writer: Writer | None) -> None:
    """From now on remarks go to `writer`, or to the log; a new run of a program has made none yet."""
    _REMARKS.writer = writer or _to_log
    _REMARKS.made.clear()
    _REMARKS.allowances.clear()
