"""Internal ports: devices through which the host itself is a member of the bridge (Interface.type internal).

Each bridge has one of its own name.  With every datapath here it is a TAP device; only the type by which people know
it differs.
"""

from __future__ import annotations

from vswitch.netdev.tap import TapDevice


class InternalDevice(TapDevice):
    """A bridge's own port, or another of the same kind."""

    type = "internal"
