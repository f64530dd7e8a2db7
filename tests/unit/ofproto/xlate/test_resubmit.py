"""From table to table: what is looked up as what, what a miss does, and where it ends."""

from __future__ import annotations

import pytest

from tests.switch.machine import Machine
from vswitch.flow.fields import REG
from vswitch.ofproto.table import TableMiss
from vswitch.ofproto.xlate.context import MAX_DEPTH
from vswitch.openflow.version import OF11, OF13

PACKET = "in_port=1,ip,nw_dst=10.0.0.1"


def test_a_table_that_there_is_not_matches_nothing() -> None:
    machine = Machine()
    machine.flows("actions=goto_table:255", version=OF13)
    assert machine.verdict(PACKET)[1] == "drop"
    assert "255. No match." in machine.trace(PACKET)


def test_a_port_that_resubmit_names_is_looked_up_and_then_forgotten() -> None:
    machine = Machine()
    machine.flows(
        "table=0,in_port=1 actions=resubmit(2,1),resubmit(,1)",
        "table=1,in_port=2 actions=output:3",
        "table=1,in_port=1 actions=output:2",
    )
    assert machine.verdict(PACKET)[1] == "3,2"


def test_without_a_table_it_is_the_same_one() -> None:
    machine = Machine()
    machine.flows("in_port=1 actions=resubmit:2", "in_port=2 actions=output:3")
    assert machine.verdict(PACKET)[1] == "3"


def test_what_a_table_changes_stays_changed() -> None:
    machine = Machine()
    machine.flows(
        "table=0,priority=1 actions=resubmit(,1),resubmit(,0)",
        "table=0,priority=2,reg0=1 actions=output:2",
        "table=1 actions=load:1->NXM_NX_REG0[]",
    )
    assert machine.verdict(PACKET)[1] == "2"


@pytest.mark.parametrize(("miss", "actions"), [(TableMiss.CONTINUE, "3"), (TableMiss.DROP, "drop")])
def test_a_miss_does_what_the_table_says(miss: TableMiss, actions: str) -> None:
    machine = Machine()
    machine.flows(
        "table=1,tcp actions=output:2", "table=2,ip actions=output:3", "actions=goto_table:1", version=OF11
    )
    machine.br0.tables[1].miss = miss
    assert machine.verdict(PACKET)[1] == actions


def test_resubmit_does_not_care_for_that() -> None:
    machine = Machine()
    machine.flows("table=1,tcp actions=output:2", "table=2,ip actions=output:3", "actions=resubmit(,1)")
    machine.br0.tables[1].miss = TableMiss.CONTINUE
    assert machine.verdict(PACKET)[1] == "drop"


def test_a_loop_ends_and_drops_the_packet() -> None:
    machine = Machine()
    machine.flows("actions=output:2,resubmit(,0)")
    assert machine.verdict(PACKET)[1] == "drop"
    assert f"over max translation depth {MAX_DEPTH}" in machine.trace(PACKET)


def test_a_tree_that_branches_too_much_ends_too() -> None:
    machine = Machine()
    branches = ",".join(["resubmit(,{})"] * 20)
    machine.flows(
        *(f"table={n} actions={branches.format(*[n + 1] * 20)}" for n in range(4)), "table=4 actions=2"
    )
    assert machine.verdict(PACKET)[1] == "drop"
    assert "over 4096 resubmit actions" in machine.trace(PACKET)


def test_every_table_that_was_asked_is_a_dependency_with_the_flow_of_then() -> None:
    machine = Machine()
    machine.flows("table=0 actions=load:7->NXM_NX_REG0[],resubmit(,3)", "table=3,reg0=7 actions=output:2")
    machine.receive(1, bytes(60))
    [entry] = machine.backer._megaflows
    lookups = [(table.id, REG[0].get(flow)) for table, flow in entry.dependencies.lookups]
    assert lookups == [(0, 0), (3, 7)]
    assert [rule.table_id for rule in entry.carried.rules] == [0, 3]
