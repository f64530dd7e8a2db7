"""New identities.

The standard library's `uuid` takes 2 ms to import, most of them to find out which machine this is.

Sources: RFC 4122 4.4.
"""

from __future__ import annotations

import os


def new_uuid() -> str:
    """A random UUID."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
