"""Timeouts of rules.

A rule's idle timeout counts from the last packet, of which we hear when the datapath tells what its megaflows have
carried; so it is judged right after that, as of the moment until which all have told.

Sources: OpenFlow 1.5.1, 6.4 and 5.5; ovs-ofctl(8), idle_timeout and hard_timeout.
"""

from __future__ import annotations

from collections.abc import Iterable

from vswitch.ofproto.command import Send
from vswitch.ofproto.learning import forget_learned
from vswitch.ofproto.monitors import flush
from vswitch.ofproto.switch import Switch
from vswitch.openflow.errors import BundleFailed
from vswitch.openflow.messages.flow import RemovedReason
from vswitch.openflow.messages.hello import Error


def expiring_rules(switches: Iterable[Switch]) -> bool:
    """Whether anything has a timeout: a rule, or a bundle that is being filled."""
    return any(
        switch.expiring or any(each.collections for each in switch.channels.values()) for switch in switches
    )


def expire_hard(switches: Iterable[Switch], now: float) -> None:
    """Remove the rules that have lived as long as they may, and bundles that nobody goes on with."""
    for switch in switches:
        for rule in list(switch.expiring):
            if now >= rule.hard_deadline:
                switch.remove_rule(rule, RemovedReason.HARD_TIMEOUT, now)
        _expire_collections(switch, now)
        forget_learned(switch, now)
        flush(switch)


def _expire_collections(switch: Switch, now: float) -> None:
    """Forget OpenFlow's bundles of which nothing was heard for long."""
    for channel in switch.channels.values():
        for number, collection in list(channel.collections.items()):
            if now >= collection.used + switch.wiring.collection_timeout:
                del channel.collections[number]
                data = collection.opened_by
                xid = int.from_bytes(data[4:8], "big")
                switch.wiring.outbox.append(Send(channel.id, Error(BundleFailed.TIMEOUT, data), xid))


def expire_idle(switches: Iterable[Switch], heard: float, now: float) -> None:
    """Remove the rules that no packet has used for as long as they wait, of all packets until `heard`."""
    for switch in switches:
        for rule in list(switch.expiring):
            if heard >= rule.idle_deadline:
                switch.remove_rule(rule, RemovedReason.IDLE_TIMEOUT, now)
        forget_learned(switch, now)
        flush(switch)
