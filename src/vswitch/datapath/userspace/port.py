"""A port of the userspace datapath: a device, its queues and its cache."""

from __future__ import annotations

from collections import deque
from contextlib import suppress

from vswitch.base.errors import KernelError
from vswitch.datapath.userspace.headerkey import header_key, may_cache
from vswitch.datapath.userspace.table import Entry
from vswitch.dpif.frame import FrameIo
from vswitch.dpif.megaflow import Upcall
from vswitch.dpif.netdev import Netdev
from vswitch.dpif.ports import DatapathPort, OdpPort

MAX_UPCALLS = 1024  # that wait at one port; each port has its own queue, so that none can starve another
MAX_CACHED = 16384


class Port:
    """A device in a datapath.

    `queue` holds the frames that are to leave at the end of the present batch.  Its identity never changes, because
    entries hold it.
    """

    __slots__ = ("cache", "info", "io", "lost", "netdev", "queue", "silent_errors", "upcalls")

    def __init__(self, number: OdpPort, netdev: Netdev, io: FrameIo | None) -> None:
        """A port with empty queues; `io` None: a device without packets."""
        self.info = DatapathPort(number, netdev.name, netdev.type)
        self.netdev = netdev
        self.io = io
        self.queue: list[bytes] = []
        self.cache: dict[int, Entry] = {}
        self.upcalls: deque[Upcall] = deque()
        self.lost = 0  # upcalls that did not fit
        self.silent_errors = 0  # how often in a row the device was ready, but only to report an error

    def flush(self) -> None:
        """Send what is in the queue."""
        with suppress(KernelError):  # the device has gone; that its packets are lost is no news
            if self.io:
                self.io.send_frames(self.queue)
        self.queue.clear()

    def remember(self, frame: bytes, entry: Entry) -> None:
        """Let frames with the same key as `frame` find `entry` at once."""
        key = header_key(frame)
        if key and may_cache(frame):
            if len(self.cache) >= MAX_CACHED:
                self.cache.clear()
            self.cache[key] = entry

    def queue_upcall(self, upcall: Upcall) -> bool:
        """Keep `upcall` until the switch asks; False: it is lost."""
        if len(self.upcalls) >= MAX_UPCALLS:
            self.lost += 1
            return False
        self.upcalls.append(upcall)
        return True
