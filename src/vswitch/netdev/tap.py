"""TAP devices that the switch makes and owns (Interface.type tap, and internal where packets pass this process).

The host is at the other end of the wire: what it sends, the switch receives.  A TAP stays while its daemon restarts,
with the addresses that people gave it, because it is persistent; `close` is what removes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from vswitch.base.errors import KernelError
from vswitch.dpif.netdev import NetdevStats
from vswitch.linux.tap import Tap
from vswitch.netdev.linux import Kernel, LinuxDevice


class TapDevice(LinuxDevice):
    """A TAP device with our descriptor at its end."""

    type = "tap"

    def __init__(self, name: str, kernel: Kernel) -> None:
        """Make the device, or take over the one that an earlier daemon left."""
        self._tap = Tap(name, persistent=True)
        super().__init__(name, kernel)

    def stats(self) -> NetdevStats:
        """What the switch sent and received: the device's counters are the host's."""
        return super().stats().swapped()

    def fileno(self) -> int:
        """What to poll for reading."""
        return self._tap.fileno()

    def receive_frames(self, limit: int) -> list[bytes]:
        """Up to `limit` frames that the host sent."""
        return self._tap.receive_frames(limit)

    def send_frames(self, frames: Sequence[bytes]) -> int:
        """Give frames to the host; returns how many it took."""
        return self._tap.send_frames(frames)

    def close(self) -> None:
        """Remove the device."""
        super().close()
        with suppress(KernelError):  # somebody else has removed it
            self._tap.set_persistent(False)
        self._tap.close()
