"""The C library's heap.

Sources: malloc_trim(3).
"""

from __future__ import annotations

import gc


def trim_heap() -> None:
    """Give memory that is not used back to the system."""
    import ctypes  # 2 ms of a server's start

    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries do so by themselves
    if trim is not None:
        trim(0)
