"""The backer's own part: names, limits, credit, silence and slices; what packets do is in tests/switch."""

from __future__ import annotations

import sys

import pytest

from tests.switch.machine import Machine
from vswitch.dpif.action import Output, ToController
from vswitch.dpif.datapath import Support
from vswitch.dpif.megaflow import Execute, FlowStats, Megaflow, Ufid, Upcall
from vswitch.dpif.packet import Packet
from vswitch.dpif.ports import OdpPort
from vswitch.flow.extract import extract
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import IN_PORT
from vswitch.flow.ports import OfPort
from vswitch.ofproto import backer
from vswitch.ofproto.backer import EXPIRY_INTERVAL, MAX_DIGESTS, OVERLOAD_MAX_IDLE, Backer
from vswitch.ofproto.command import Command, Install, Uninstall
from vswitch.ofproto.fairness import MAX_WAITING
from vswitch.ofproto.pace import INTERVAL

A, B = bytes.fromhex("505400000001"), bytes.fromhex("505400000002")


def upcall(port: int = 1, source: bytes = A, cookie: ToController | None = None) -> Upcall:
    data = B + source + b"\x88\xb5" + bytes(46)
    return Upcall(Packet(data), extract(data, port), cookie)


def of(kind: type[Command], commands: list[Command]) -> list[Command]:
    return [command for command in commands if isinstance(command, kind)]


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    machine.flows("in_port=1 actions=2", "in_port=2 actions=learn(table=1,hard_timeout=9,in_port=2),NORMAL")
    machine.settle()
    return machine


# Upcalls.


def test_the_packet_that_made_a_megaflow_counts_once(machine: Machine) -> None:
    machine.perform(machine.backer.upcall([upcall()], 3.0))
    [rule] = [rule for rule in machine.br0.tables[0] if str(rule.match) == "in_port=1"]
    assert (rule.packets, rule.bytes, rule.used) == (1, 60, 3.0)
    assert machine.br0.tables[0].matched == 1
    machine.pass_time(2.0)
    assert rule.packets == 1


def test_packets_teach_when_they_come_and_again_when_others_took_their_path(machine: Machine) -> None:
    machine.perform(machine.backer.upcall([upcall(2, B)], 3.0))
    [taught], [entry] = machine.br0.tables[1], machine.br0.macs
    assert (taught.modified, entry.used) == (3.0, 3.0)
    [megaflow] = machine.megaflows.values()
    machine.now = 8.0
    machine.carry(megaflow, 1, 60)
    machine.revalidate()
    assert (taught.modified, entry.used) == (8.0, 8.0)


def test_nobody_is_there_for_packets_of_unknown_ports(machine: Machine) -> None:
    assert machine.backer.upcall([upcall(77)], 0.0) == []
    assert machine.backer.lost == 1


def test_a_port_that_floods_loses_what_it_may_not_have_waiting(machine: Machine) -> None:
    machine.backer.upcall([upcall(1)] * (MAX_WAITING + 3) + [upcall(2)], 0.0)
    assert machine.backer.lost == 3


def test_a_packet_for_controllers_is_lost_when_nobody_knows_any_more_what_it_is(machine: Machine) -> None:
    cookie = ToController(reason=1, max_len=65535, controller_id=0, rule_cookie=0, table_id=0, recirc_id=99)
    assert machine.backer.upcall([upcall(1, cookie=cookie)], 0.0) == []
    assert machine.backer.lost == 1


def test_beyond_the_limit_packets_are_forwarded_without_a_megaflow(machine: Machine) -> None:
    machine.backer.pace.limit = 1
    assert len(of(Install, machine.backer.upcall([upcall(1)], 0.0))) == 1
    commands = machine.backer.upcall([upcall(2)], 0.0)
    assert of(Install, commands) == []
    assert len(of(Execute, commands)) == 1


def test_what_nobody_forwards_is_installed_all_the_same() -> None:
    machine = Machine()
    commands = machine.backer.upcall([upcall(3)], 0.0)
    [install] = of(Install, commands)
    assert isinstance(install, Install)
    assert install.megaflow.actions == ()
    assert of(Execute, commands) == []


# Names of megaflows.


def test_a_megaflow_is_named_by_what_it_matches_and_by_a_secret() -> None:
    one, other = Backer(Support(), 1), Backer(Support(), 2)
    pairs = [
        (0x01, 0xFF),
        (0x02, 0xFF),
        (0x01, 0x1FF),
        (0x0, 0xFF),
        (0x0, 0x1FF),
        (0x01FF, 0x1FF),
        (0x1, 0x1),
        (0x02, 0x0101),
        (0x0102, 0x01),
    ]
    names = [one._ufid(Flow(key), Mask(mask)) for key, mask in pairs]
    assert len(set(names)) == len(pairs)
    assert names == [one._ufid(Flow(key), Mask(mask)) for key, mask in pairs]
    assert not set(names) & {other._ufid(Flow(key), Mask(mask)) for key, mask in pairs}


def test_names_do_not_depend_on_how_many_masks_there_have_been() -> None:
    one = Backer(Support(), 1)
    name = one._ufid(Flow(1), Mask(1))
    for mask in range(2, MAX_DIGESTS * 2):
        one._ufid(Flow(0), Mask(mask))
    assert len(one._digests) <= MAX_DIGESTS
    assert one._ufid(Flow(1), Mask(1)) == name


# What is due.


def test_nothing_is_due_but_revalidation_when_nothing_has_changed(machine: Machine) -> None:
    assert machine.backer.deadline == float("inf")
    assert machine.backer.revalidate_at <= machine.now + INTERVAL
    machine.revalidate()
    assert machine.backer.revalidate_at == machine.now + INTERVAL


def test_rules_with_timeouts_are_looked_at_every_second(machine: Machine) -> None:
    machine.flows("in_port=1,idle_timeout=5 actions=2")
    machine.settle()
    machine.backer.run(10.0)
    assert machine.backer.deadline == 10.0 + EXPIRY_INTERVAL


def test_idle_megaflows_stay_ten_seconds_and_a_tenth_when_there_are_too_many(machine: Machine) -> None:
    machine.perform(machine.backer.upcall([upcall(1), upcall(2)], 0.0))
    machine.now = OVERLOAD_MAX_IDLE * 2
    machine.revalidate()
    assert len(machine.megaflows) == 2
    machine.backer.pace.limit = 1
    machine.now += INTERVAL
    machine.revalidate()
    assert machine.megaflows == {}


def test_a_megaflow_that_the_datapath_has_no_longer_is_forgotten(machine: Machine) -> None:
    machine.perform(machine.backer.upcall([upcall(1), upcall(2)], 0.0))
    gone = next(iter(machine.megaflows))
    del machine.megaflows[gone]
    machine.now = 1.0
    machine.revalidate()
    assert len(machine.backer) == 1


def test_one_that_came_during_the_pass_is_not_missed(machine: Machine) -> None:
    machine.perform(machine.backer.upcall([upcall(1)], 0.0))

    def dump() -> object:
        [megaflow] = machine.megaflows.values()
        yield megaflow, FlowStats()
        machine.perform(machine.backer.upcall([upcall(2)], 2.0))

    machine.perform(machine.backer.revalidate(dump(), 1.0))  # type: ignore[arg-type]
    assert len(machine.backer) == 2


def test_an_unknown_megaflow_is_put_right_or_removed(machine: Machine) -> None:
    flow, mask = extract(upcall(1).packet.data, 1), Mask(IN_PORT.mask)
    wrong = Megaflow(Ufid(7), Flow(flow & mask), mask, (Output(OdpPort(3)),))
    machine.megaflows[wrong.ufid], machine.stats[wrong.ufid] = wrong, FlowStats(5, 300, 0.5)
    machine.now = 1.0
    machine.revalidate()
    assert machine.megaflows == {}  # its mask is too wide, and nobody has seen its packet
    [rule] = [rule for rule in machine.br0.tables[0] if str(rule.match) == "in_port=1"]
    assert rule.packets == 0  # what it carried, it carried by other rules


def test_all_megaflows_can_be_removed(machine: Machine) -> None:
    machine.perform(machine.backer.upcall([upcall(1), upcall(2)], 0.0))
    commands = machine.backer.purge(0.0)
    assert len(of(Uninstall, commands)) == 2
    machine.perform(commands)
    assert len(machine.backer) == len(machine.megaflows) == 0


def test_the_last_packets_of_a_removed_megaflow_are_credited_once(machine: Machine) -> None:
    machine.perform(machine.backer.upcall([upcall(1)], 0.0))
    [ufid] = machine.megaflows
    machine.backer.purge(0.0)
    machine.backer.uninstalled(ufid, FlowStats(4, 240, 2.0), 2.0)
    machine.backer.uninstalled(ufid, FlowStats(9, 540, 3.0), 3.0)  # nobody waits for it
    machine.backer.uninstalled(Ufid(1), None, 3.0)
    [rule] = [rule for rule in machine.br0.tables[0] if str(rule.match) == "in_port=1"]
    assert (rule.packets, rule.used) == (5, 2.0)


# Switches.


def test_a_removed_switch_takes_its_ports_and_megaflows_along(machine: Machine) -> None:
    machine.perform(machine.backer.upcall([upcall(1)], 0.0))
    machine.perform(machine.backer.remove_switch("br0", 1.0))
    machine.settle()
    assert machine.megaflows == {}
    assert machine.backer.upcall([upcall(1)], 1.0) == []
    assert machine.backer.switches == {}


def test_its_rules_are_let_go_in_slices(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backer, "FREED_AT_ONCE", 10)
    machine.flows(*(f"table=1,priority={n} actions=2" for n in range(1, 30)))
    machine.settle()
    rules = list(machine.br0.tables[1])

    def held() -> int:
        """How many of them somebody else still has."""
        return sum(sys.getrefcount(rules[n]) > 2 for n in range(29))

    machine.backer.remove_switch("br0", 1.0)
    assert held() >= 19
    assert machine.backer.deadline < 0
    machine.settle()
    assert held() == 0


def test_ports_have_the_numbers_of_their_switch(machine: Machine) -> None:
    machine.add_port(machine.br0, 9, "p9", 55)
    machine.flows("in_port=9 actions=1")
    [install, execute] = machine.backer.upcall([upcall(55)], 0.0)
    assert isinstance(install, Install)
    assert isinstance(execute, Execute)
    assert IN_PORT.get(install.megaflow.flow) == IN_PORT.get(execute.flow) == 55
    assert machine.br0.ports[OfPort(9)].odp_port == 55
