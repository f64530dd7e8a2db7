"""Read what the kernel's verifier says about a program that it refused.

The log lists what the verifier did, thousands of lines of it; what it found wrong stands near the end, before a
summary that begins with "processed".
"""

from __future__ import annotations

import re

from vswitch.base.dataclass import dataclass

_SUMMARY = re.compile(r"processed (?P<steps>\d+) insns")
_STATISTICS = ("verification time", "stack depth", "processed")
_TRACE = re.compile(
    r"^(?:\d+: |;|from \d+|R\d+=|.*frame\d+:|mark_precise|\s*$|caller:|callee:|last_idx|regs=|parent )"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a log says: `reason`, the line that tells; `at`, the instruction before it, as the log shows it."""

    reason: str
    at: str = ""
    steps: int = 0  # instructions that the verifier walked through; the kernel's limit is a million

    def __str__(self) -> str:
        return f"{self.reason}, at {self.at}" if self.at else self.reason


def read_log(log: str) -> Verdict:
    """The verdict in `log`."""
    lines = log.strip().splitlines()
    summary = next((m for line in reversed(lines) if (m := _SUMMARY.match(line))), None)
    steps = int(summary["steps"]) if summary else 0
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number].strip()
        if not _TRACE.match(lines[number]) and not line.startswith(_STATISTICS):
            before = (text for text in reversed(lines[:number]) if re.match(r"\d+: \(", text))
            return Verdict(line, next(before, ""), steps)
    return Verdict("the verifier gives no reason", "", steps)
