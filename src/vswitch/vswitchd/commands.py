"""What ovs-appctl can ask of ovs-vswitchd; the commands themselves are in the modules about what they show.

Sources: ovs-vswitchd(8), "Runtime Management Commands".
"""

from __future__ import annotations

from vswitch.aio.daemon import Service
from vswitch.vswitchd.vswitch import Vswitch


def add_commands(service: Service, vswitch: Vswitch) -> None:
    """Let the daemon answer all of them."""
