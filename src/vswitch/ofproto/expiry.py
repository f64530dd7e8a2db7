"""Timeouts of rules.

A rule's idle timeout counts from the last packet, of which we hear when the datapath tells what its megaflows have
carried; so it is judged right after that, as of the moment until which all have told.

Sources: OpenFlow 1.5.1, 6.4 and 5.5; ovs-ofctl(8), idle_timeout and hard_timeout.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from vswitch.ofproto import bundling
from vswitch.ofproto.command import Send
from vswitch.ofproto.learning import forget_learned
from vswitch.ofproto.monitors import flush
from vswitch.ofproto.switch import Switch
from vswitch.openflow.errors import BundleFailed
from vswitch.openflow.messages.flow import RemovedReason
from vswitch.openflow.messages.hello import Error

EXPIRE_AT_ONCE = 500  # rules: 4 ms


def expiring_rules(switches: Iterable[Switch]) -> bool:
    """Whether anything has a timeout: a rule, or a bundle that is being filled."""
    return any(
        switch.expiring or any(each.collections for each in switch.channels.values()) for switch in switches
    )


def expire(switches: Iterable[Switch], heard: float, now: float) -> bool:
    """Remove rules that have lived as long as they may, or that no packet has used for as long as they wait, of all
    packets until `heard`; and bundles that nobody goes on with.  Whether that is done, or but for a slice.
    """
    left = EXPIRE_AT_ONCE
    for switch in switches:
        for rules, reason in (
            (switch.expiring.hard(now), RemovedReason.HARD_TIMEOUT),
            (switch.expiring.idle(heard), RemovedReason.IDLE_TIMEOUT),
        ):
            for rule in islice(rules, left):
                switch.remove_rule(rule, reason, now)
                left -= 1
        _expire_collections(switch, now)
        forget_learned(switch, now)
        flush(switch)
    return left > 0


def _expire_collections(switch: Switch, now: float) -> None:
    """Forget OpenFlow's bundles of which nothing was heard for long."""
    for channel in switch.channels.values():
        for number, collection in list(channel.collections.items()):
            if now >= collection.used + switch.wiring.collection_timeout:
                bundling.drop(switch, channel.collections, number)
                data = collection.opened_by
                xid = int.from_bytes(data[4:8], "big")
                switch.wiring.outbox.append(Send(channel.id, Error(BundleFailed.TIMEOUT, data), xid))
