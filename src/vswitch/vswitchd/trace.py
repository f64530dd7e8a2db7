"""ofproto/trace: what a switch would do with a packet, told step by step.

Sources: ovs-vswitchd(8), "ofproto/trace".
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from vswitch.aio.daemon import Service
from vswitch.aio.unixctl import MANY
from vswitch.ofproto.trace import trace_command
from vswitch.vswitchd.vswitch import Vswitch

USAGE = "{[dp_name] odp_flow | bridge br_flow} [OPTIONS...] [-generate|packet]"


def add_trace_commands(service: Service, vswitch: Vswitch) -> None:
    """Offer it."""

    def trace(words: Sequence[str]) -> str:
        backers = [forwarding.backer for forwarding in vswitch.forwardings.values()]
        answer = trace_command(backers, words, asyncio.get_running_loop().time())
        for forwarding in vswitch.forwardings.values():
            forwarding.changed()
        return answer

    service.commands.add("ofproto/trace", USAGE, 1, MANY, trace)
