"""The reading end of a BPF ring buffer: records from eBPF programs, in the order in which they were reserved.

    one page: consumer position (ours) | one page: producer position (the kernel's) | data | the same data again

Data is mapped twice in a row, so that a record which wraps around is still in one piece.  A record is a length whose
two top bits say "not finished yet" and "discarded", an offset for the kernel, and the bytes, padded to a multiple of 8.

Sources: Documentation/bpf/ringbuf.rst; linux/bpf.h, BPF_RINGBUF_*.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Generator

_BUSY, _DISCARDED = 1 << 31, 1 << 30
_HEADER = 8  # bytes
_U32, _U64 = struct.Struct("=I"), struct.Struct("=Q")


class RingBuffer:
    """A mapped ring buffer of `size` bytes."""

    def __init__(self, fd: int, size: int) -> None:
        self.fd = fd  # becomes readable when a record comes while none waits
        self._size = size
        self._consumer = mmap.mmap(fd, mmap.PAGESIZE)
        self._data = mmap.mmap(
            fd, mmap.PAGESIZE + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=mmap.PAGESIZE
        )

    def records(self, limit: int) -> Generator[bytes, None, None]:
        """Up to `limit` records that wait, copied; their room is given back when the iteration ends."""
        data, mask = self._data, self._size - 1
        (position,) = _U64.unpack_from(self._consumer)
        (end,) = _U64.unpack_from(data)
        try:
            while position < end and limit:
                at = mmap.PAGESIZE + (position & mask)
                (word,) = _U32.unpack_from(data, at)
                if word & _BUSY:
                    break
                length = word & ~_DISCARDED
                position += (length + _HEADER + 7) & ~7
                if not word & _DISCARDED:
                    limit -= 1
                    yield data[at + _HEADER : at + _HEADER + length]
        finally:
            _U64.pack_into(self._consumer, 0, position)

    def close(self) -> None:
        """Unmap it."""
        self._consumer.close()
        self._data.close()
