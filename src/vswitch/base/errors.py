"""The project's errors, in four branches by who must act.

Raise at the place that knows; catch at the four edges only: a session answers, a command prints, a daemon's
loop logs, a transaction aborts.  Programming mistakes stay `AssertionError` and `TypeError`.
"""

from __future__ import annotations


class VswitchError(Exception):
    """Base of all errors that this project raises on purpose; `str()` is a message for people."""


class TextError(VswitchError):
    """The user typed something wrong.  `at` is the offset of the offending word in `text`, where known."""

    def __init__(self, message: str, text: str = "", at: int = -1) -> None:
        super().__init__(message)
        self.text = text
        self.at = at


class WireError(VswitchError):
    """The peer sent something wrong.  Subclasses carry the code with which the protocol answers."""


class KernelError(VswitchError):
    """The kernel refused `what`, with `errno`."""

    def __init__(self, errno: int, what: str) -> None:
        super().__init__(what)
        self.errno = errno
        self.what = what


class Conflict(VswitchError):  # noqa: N818 - a state of affairs, not a mistake: overlap, role, constraint
    """The present state forbids it: an overlap, a role, a constraint."""
