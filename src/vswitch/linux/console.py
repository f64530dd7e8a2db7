"""Standard output, for programs that answer in a line or a page and end.

Sources: write(2), errors.
"""

from __future__ import annotations

import os
import sys


def answer(text: str) -> int:
    """Print what --help or --version asks for, and return the exit status; nobody may be there to read it."""
    if sys.stdout is None:  # started with it closed
        return 0
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    return 0
