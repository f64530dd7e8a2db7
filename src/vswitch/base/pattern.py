"""Regular expressions that are compiled when they are first used.

To compile one takes 0.1 to 0.3 ms, and a command that starts has dozens before it that it never uses.  Later it costs
nothing: a method that was asked for once is an attribute.
"""

from __future__ import annotations

import re
from typing import cast


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """What `re.compile` returns, or rather becomes it."""
    return cast("re.Pattern[str]", _Later(text, flags))


class _Later:
    """A pattern that is not compiled yet, or not asked for all of its methods."""

    def __init__(self, text: str, flags: int) -> None:
        self._made_of = text, flags

    def __getattr__(self, name: str) -> object:
        method = getattr(re.compile(*self._made_of), name)
        setattr(self, name, method)
        return method
