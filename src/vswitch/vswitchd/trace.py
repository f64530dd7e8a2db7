"""ofproto/trace: what a switch would do with a packet, told step by step.

Sources: ovs-vswitchd(8), "ofproto/trace".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from vswitch.aio.daemon import Service
from vswitch.aio.unixctl import MANY
from vswitch.dpif.datapath import Datapath
from vswitch.ofproto import backer
from vswitch.vswitchd.vswitch import Vswitch

USAGE = "{[dp_name] odp_flow | bridge br_flow} [OPTIONS...] [-generate|packet]"


def add_trace_commands(service: Service, vswitch: Vswitch) -> None:
    """Offer both forms."""

    def answering(*, with_actions: bool) -> Callable[[Sequence[str]], str]:
        def answer(words: Sequence[str]) -> str:
            from vswitch.ofproto import tracecommand  # when somebody asks

            tell = tracecommand.trace_actions_command if with_actions else tracecommand.trace_command
            backers: dict[str, backer.Backer] = {
                name: forwarding.backer
                for forwarding in vswitch.forwardings.values()
                for name in _names(forwarding.datapath)
            }
            told = tell(backers, words, asyncio.get_running_loop().time())
            for forwarding in vswitch.forwardings.values():
                forwarding.changed()
            return told

        return answer

    service.commands.add("ofproto/trace", USAGE, 1, MANY, answering(with_actions=False))
    service.commands.add(
        "ofproto/trace-packet-out",
        f"[-consistent] {USAGE} actions",
        2,
        MANY,
        answering(with_actions=True),
    )


def _names(datapath: Datapath) -> tuple[str, ...]:
    """What a datapath may be called: by its type, by its name, and by both, as dpctl/dump-dps does."""
    return datapath.type, datapath.name, f"{datapath.type}@{datapath.name}"
