"""Timeouts of rules."""

from __future__ import annotations

from tests.switch.machine import Machine
from vswitch.ofproto.expiry import EXPIRE_AT_ONCE, expire, expiring_rules


def left(machine: Machine) -> list[int]:
    return sorted(rule.priority for rule in machine.br0.tables[0])


def test_only_rules_with_a_timeout_are_waited_for() -> None:
    machine = Machine()
    machine.flows("priority=1 actions=drop")
    assert not expiring_rules([machine.br0])
    machine.flows("priority=1,idle_timeout=5 actions=drop")
    assert expiring_rules([machine.br0])


def test_a_hard_timeout_counts_from_the_last_change_and_an_idle_one_from_the_last_packet() -> None:
    machine = Machine()
    machine.flows(
        "priority=1,hard_timeout=10 actions=drop",
        "priority=2,idle_timeout=10 actions=drop",
        "priority=3 actions=drop",
    )
    [hard] = [rule for rule in machine.br0.tables[0] if rule.hard_timeout]
    [idle] = [rule for rule in machine.br0.tables[0] if rule.idle_timeout]
    hard.modified, idle.used = 5.0, 6.0
    assert expire([machine.br0], 15.9, 14.9)
    assert left(machine) == [1, 2, 3]
    expire([machine.br0], 0.0, 15.0)
    assert left(machine) == [2, 3]
    expire([machine.br0], 15.9, 99.0)
    assert left(machine) == [2, 3], "of packets since then nothing was heard"
    expire([machine.br0], 16.0, 99.0)
    assert left(machine) == [3]


def test_many_that_expire_together_go_in_slices_the_first_that_came_first() -> None:
    machine = Machine()
    machine.flows(*(f"priority={n},hard_timeout=5 actions=drop" for n in range(1, EXPIRE_AT_ONCE + 10)))
    assert not expire([machine.br0], 0.0, 5.0)
    assert left(machine) == list(range(EXPIRE_AT_ONCE + 1, EXPIRE_AT_ONCE + 10))
    assert expire([machine.br0], 0.0, 5.0)
    assert left(machine) == []
    machine.flows(*(f"priority={n},idle_timeout=5 actions=drop" for n in range(1, EXPIRE_AT_ONCE + 10)))
    machine.pass_time(7.0)
    assert left(machine) == []
