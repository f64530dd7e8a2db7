"""ofproto/trace: what a switch would do with a packet, told step by step.

Sources: ovs-vswitchd(8), "ofproto/trace".
"""

from __future__ import annotations

from vswitch.aio.daemon import Service
from vswitch.vswitchd.vswitch import Vswitch


def add_trace_commands(service: Service, vswitch: Vswitch) -> None:
    """Offer it."""
