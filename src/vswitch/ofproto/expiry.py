"""Timeouts of rules.

A rule's idle timeout counts from the last packet, of which we hear when the datapath tells what its megaflows have
carried; so it is judged right after that, as of the moment until which all have told.

Sources: OpenFlow 1.5.1, 6.4 and 5.5; ovs-ofctl(8), idle_timeout and hard_timeout.
"""

from __future__ import annotations

from collections.abc import Iterable

from vswitch.ofproto.switch import Switch
from vswitch.openflow.messages.flow import RemovedReason


def expiring_rules(switches: Iterable[Switch]) -> bool:
    """Whether any rule has a timeout."""
    return any(switch.expiring for switch in switches)


def expire_hard(switches: Iterable[Switch], now: float) -> None:
    """Remove the rules that have lived as long as they may."""
    for switch in switches:
        for rule in list(switch.expiring):
            if now >= rule.hard_deadline:
                switch.remove_rule(rule, RemovedReason.HARD_TIMEOUT, now)


def expire_idle(switches: Iterable[Switch], heard: float, now: float) -> None:
    """Remove the rules that no packet has used for as long as they wait, of all packets until `heard`."""
    for switch in switches:
        for rule in list(switch.expiring):
            if heard >= rule.idle_deadline:
                switch.remove_rule(rule, RemovedReason.IDLE_TIMEOUT, now)
