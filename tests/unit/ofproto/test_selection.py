"""Which rules a request means."""

from __future__ import annotations

import pytest

from tests.switch.machine import Machine
from vswitch.flow.match import parse_match
from vswitch.ofproto.selection import selected, tables_of
from vswitch.ofproto.table import ALL_TABLES, INTERNAL_TABLE
from vswitch.openflow.errors import BadRequest, OpenFlowError


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    machine.groups("group_id=7,type=all,bucket=output:1")
    machine.flows(
        "cookie=0x11,priority=1,ip actions=1",
        "cookie=0x12,priority=2,tcp actions=2,3",
        "cookie=0x21,priority=3,tcp,tp_dst=80 actions=drop",
        "table=1,priority=4,tcp actions=write_actions(group:7)",
    )
    return machine


@pytest.mark.parametrize(
    ("table", "match", "options", "priorities"),
    [
        (ALL_TABLES, "", {}, [1, 2, 3, 4]),
        (0, "", {}, [1, 2, 3]),
        (ALL_TABLES, "tcp", {}, [2, 3, 4]),
        (ALL_TABLES, "tcp", {"priority": 2}, [2]),
        (ALL_TABLES, "tcp", {"priority": 3}, []),
        (ALL_TABLES, "", {"cookie": 0x10, "cookie_mask": 0xF0}, [1, 2]),
        (ALL_TABLES, "", {"out_port": 3}, [2]),
        (ALL_TABLES, "", {"out_group": 7}, [4]),
        (1, "udp", {}, []),
        (INTERNAL_TABLE, "", {"out_port": 3}, []),
    ],
)
def test_selected(
    machine: Machine, table: int, match: str, options: dict[str, int], priorities: list[int]
) -> None:
    rules = selected(machine.br0, table, parse_match(match), **options)
    assert sorted(rule.priority for rule in rules) == priorities


def test_all_tables_are_those_that_controllers_see(machine: Machine) -> None:
    assert [table.id for table in tables_of(machine.br0, ALL_TABLES)] == list(range(INTERNAL_TABLE))


def test_hidden_rules_are_nobodys(machine: Machine) -> None:
    machine.br0.set_fail_open(True, 0.0)
    assert max(rule.priority for rule in selected(machine.br0, ALL_TABLES, parse_match(""))) == 4
    assert max(rule.priority for rule in selected(machine.br0, 0, parse_match(""), cookie_mask=1)) == 2


def test_there_is_no_table_between_the_switchs_own_and_all_of_them(machine: Machine) -> None:
    with pytest.raises(OpenFlowError) as caught:
        tables_of(machine.br0, ALL_TABLES + 1)
    assert caught.value.code is BadRequest.BAD_TABLE_ID
