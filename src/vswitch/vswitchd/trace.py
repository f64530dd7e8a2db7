"""ofproto/trace: what a switch would do with a packet, told step by step.

Sources: ovs-vswitchd(8), "ofproto/trace".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from vswitch.aio.daemon import Service
from vswitch.aio.unixctl import MANY
from vswitch.ofproto.backer import Backer
from vswitch.ofproto.trace import trace_actions_command, trace_command
from vswitch.vswitchd.vswitch import Vswitch

USAGE = "{[dp_name] odp_flow | bridge br_flow} [OPTIONS...] [-generate|packet]"


def add_trace_commands(service: Service, vswitch: Vswitch) -> None:
    """Offer both forms."""

    def answering(
        tell: Callable[[Sequence[Backer], Sequence[str], float], str],
    ) -> Callable[[Sequence[str]], str]:
        def answer(words: Sequence[str]) -> str:
            backers = [forwarding.backer for forwarding in vswitch.forwardings.values()]
            told = tell(backers, words, asyncio.get_running_loop().time())
            for forwarding in vswitch.forwardings.values():
                forwarding.changed()
            return told

        return answer

    service.commands.add("ofproto/trace", USAGE, 1, MANY, answering(trace_command))
    service.commands.add(
        "ofproto/trace-packet-out",
        f"[-consistent] {USAGE} actions",
        2,
        MANY,
        answering(trace_actions_command),
    )
