"""Tables that are full."""

from __future__ import annotations

from tests.switch.machine import Machine
from vswitch.flow.fields import IN_PORT
from vswitch.ofproto.channel import AsyncKind
from vswitch.ofproto.command import Send
from vswitch.openflow.errors import FlowModFailed
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.table import (
    OFPTC14_VACANCY_EVENTS,
    TABLE_VACANCY_DOWN,
    TABLE_VACANCY_UP,
    TableMod,
    TableStatus,
    Vacancy,
)
from vswitch.openflow.version import OF15


def priorities(machine: Machine) -> list[int]:
    return sorted(rule.priority for rule in machine.br0.tables[1])


def add(machine: Machine, text: str) -> object:
    """The code of the error, if there is one."""
    for answer in machine.connect(OF15).handle(
        parse_flow_mod(f"table=1,{text},actions=drop"), 1, machine.now
    ):
        if isinstance(answer, Send) and isinstance(answer.message, Error):
            return answer.message.code
    return None


def test_a_full_table_refuses_unless_it_may_evict_what_has_a_timeout() -> None:
    machine = Machine()
    machine.br0.configure_table(1, "egon", 2, False, 0, 0.0)
    assert add(machine, "priority=1") is None
    assert add(machine, "priority=2,idle_timeout=9") is None
    assert add(machine, "priority=3") is FlowModFailed.TABLE_FULL
    machine.br0.configure_table(1, "egon", 2, True, 0, 0.0)
    assert add(machine, "priority=3") is None
    assert priorities(machine) == [1, 3]
    assert add(machine, "priority=4") is FlowModFailed.TABLE_FULL  # none that is left has a timeout
    assert add(machine, "priority=3,cookie=5") is None  # takes no more room


def test_the_biggest_group_gives_up_what_matters_least_and_ends_first() -> None:
    machine = Machine()
    machine.br0.configure_table(1, "", 5, True, IN_PORT.mask, 0.0)
    for priority, port, importance, timeout in (
        (1, 1, 0, 5),
        (2, 1, 0, 60),
        (3, 2, 2, 5),
        (4, 2, 1, 90),
        (5, 2, 1, 80),
    ):
        assert (
            add(
                machine,
                f"priority={priority},in_port={port},importance={importance},hard_timeout={timeout}",
            )
            is None
        )
    assert add(machine, "priority=6,in_port=3,hard_timeout=1") is None
    assert priorities(machine) == [1, 2, 3, 4, 6]
    machine.br0.configure_table(1, "", 2, True, IN_PORT.mask, 0.0)
    assert len(machine.br0.tables[1]) == 2


def test_controllers_hear_of_room_once_each_way() -> None:
    machine = Machine()
    machine.br0.configure_table(1, "", 10, False, 0, 0.0)
    connection = machine.connect(OF15)
    connection.channel.masks[AsyncKind.TABLE_STATUS] = 0xFF, 0xFF
    connection.channel.miss_send_len = 128
    assert connection.handle(TableMod(1, OFPTC14_VACANCY_EVENTS, None, Vacancy(20, 50)), 1, 0.0) == []

    def told(text: str, command: int = 0) -> list[tuple[int, int]]:
        found = []
        for each in connection.handle(parse_flow_mod(text, command), 1, 0.0):
            assert isinstance(each, Send)
            assert isinstance(each.message, TableStatus)
            assert each.message.table.vacancy is not None
            found.append((each.message.reason, each.message.table.vacancy.vacancy))
        return found

    reports = [told(f"table=1,priority={n},actions=drop") for n in range(10)]
    assert [report for report in reports if report] == [[(TABLE_VACANCY_DOWN, 10)]]
    assert told("table=1", 3) == [(TABLE_VACANCY_UP, 60)]
