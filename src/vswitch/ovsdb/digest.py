"""SHA-1, by which the records of a journal are checked.

The interpreter has its own code for it, unless it was built without, and OpenSSL's is ten times as fast, but takes 3 ms to
load: as long as a journal of a few records takes altogether.  So what is little is left to the former.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LITTLE = 1 << 16  # bytes in all: the interpreter takes 1 ms for them


def sha1(*pieces: bytes) -> str:
    """The digest of `pieces` one after the other, in hexadecimal."""
    if _new is _little:
        _expect_more(sum(map(len, pieces)))
    digest = _new()
    for piece in pieces:
        digest.update(piece)
    text: str = digest.hexdigest()
    return text


def _openssl() -> Callable[[], Any]:
    import hashlib

    return hashlib.sha1


try:
    from _sha1 import sha1 as _little  # type: ignore[import-not-found]  # not in typeshed
except ImportError:
    _little = _openssl()
_new: Callable[[], Any] = _little
_n_little = 0  # bytes that were left to it


def _expect_more(n_bytes: int) -> None:
    global _new, _n_little
    _n_little += n_bytes
    if _n_little > LITTLE:
        _new = _openssl()
