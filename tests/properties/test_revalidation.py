"""Megaflows stay right: after any changes, each does what translating a packet that it covers says."""

from random import Random

import pytest

from tests.switch import pipelines
from tests.switch.machine import Machine, flow_mod
from vswitch.dpif.megaflow import Upcall
from vswitch.dpif.packet import Packet
from vswitch.flow.field import Flow
from vswitch.flow.fields import IN_PORT
from vswitch.flow.match import parse_match
from vswitch.ofproto.backer import datapath_actions
from vswitch.ofproto.connections import Connection
from vswitch.ofproto.tracecommand import with_tpid
from vswitch.ofproto.xlate.translate import translate
from vswitch.openflow.version import OF10


def arrive(machine: Machine, flow: Flow) -> None:
    """A packet with `flow` comes in; its input port has the same number in the datapath."""
    megaflow = machine.lookup(flow)
    if megaflow is not None:
        machine.carry(megaflow, 1, 60)
    else:
        machine.perform(machine.backer.upcall([Upcall(Packet(bytes(60)), flow)], machine.now))


def change(machine: Machine, connection: Connection, rng: Random) -> None:
    """Something about the switch changes."""
    kind = rng.random()
    line = rng.choice(pipelines.pipeline(rng, 5, groups=range(1, 6)))
    if kind < 0.4:
        machine.perform(connection.handle(flow_mod(line), 1, machine.now))
    elif kind < 0.6:
        machine.perform(connection.handle(flow_mod(line).replace(command=1), 1, machine.now))
    elif kind < 0.8:
        table = machine.br0.tables[rng.randint(0, 3)]
        rules = sorted(table, key=lambda rule: rule.priority)
        if rules:
            rule = rng.choice(rules)
            delete = flow_mod("actions=drop").replace(
                command=4, table_id=table.id, match=rule.match, priority=rule.priority
            )
            machine.perform(connection.handle(delete, 1, machine.now))
    elif kind < 0.9:
        bundle = rng.choice(sorted(machine.br0.bundles.values(), key=lambda bundle: bundle.name))
        machine.br0.macs.learn(0x505400000000 | rng.randint(1, 3), rng.choice((0, 5)), bundle, machine.now)
    else:
        machine.pass_time(rng.choice((1.0, 12.0, 310.0)))


def check(machine: Machine, flows: list[Flow]) -> None:
    """What megaflows do to packets that they cover is what translation says now."""
    backer = machine.backer
    for flow in flows:
        megaflow = machine.lookup(flow)
        if megaflow is None:
            continue
        owner = backer.wiring.owner(IN_PORT.get(flow))
        assert owner is not None
        xlate = translate(backer.wiring, owner[0], IN_PORT.put(flow, owner[1].number), machine.now)
        assert megaflow.actions == datapath_actions(xlate)


@pytest.mark.parametrize("seed", range(40))
def test_megaflows_stay_right(seed: int) -> None:
    rng = Random(seed)
    machine = Machine()
    machine.groups(*pipelines.GROUPS)
    machine.flows(*pipelines.pipeline(rng, 15, groups=range(1, 6)))
    connection = machine.connect(OF10)
    flows = [with_tpid(parse_match(pipelines.packet(rng)).value) for _ in range(60)]
    for _ in range(25):
        for flow in rng.sample(flows, 10):
            arrive(machine, flow)
        change(machine, connection, rng)
        machine.settle()
        check(machine, flows)
