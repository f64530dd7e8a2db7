"""Table-mods."""

from __future__ import annotations

import pytest

from tests.switch.machine import Machine, flow_mod, replies
from vswitch.ofproto.table import INTERNAL_TABLE, TableMiss
from vswitch.openflow.errors import BadProperty, ErrorCode, TableModFailed
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.table import (
    OFPTC11_MISS_CONTINUE,
    OFPTC11_MISS_CONTROLLER,
    OFPTC11_MISS_DROP,
    OFPTC14_EVICTION,
    OFPTC14_VACANCY_EVENTS,
    TABLE_VACANCY_DOWN,
    TableMod,
    TableStatus,
    Vacancy,
)
from vswitch.openflow.names import OFPTT_ALL
from vswitch.openflow.version import OF12, OF13, OF14, Version


@pytest.fixture
def machine() -> Machine:
    return Machine()


def change(machine: Machine, version: Version, message: TableMod) -> ErrorCode | None:
    """Why it is refused."""
    answers = replies(machine.connect(version).handle(message, 1, 0.0))
    errors = [answer.code for answer in answers if isinstance(answer, Error)]
    return errors[0] if errors else None


@pytest.mark.parametrize(
    ("config", "miss"),
    [
        (OFPTC11_MISS_CONTROLLER, TableMiss.CONTROLLER),
        (OFPTC11_MISS_CONTINUE, TableMiss.CONTINUE),
        (OFPTC11_MISS_DROP, TableMiss.DROP),
        (3, TableMiss.DEFAULT),  # nothing that the specification knows: as it was
    ],
)
def test_misses_until_1_2(machine: Machine, config: int, miss: TableMiss) -> None:
    connection = machine.connect(OF12)
    machine.backer.run(0.0)
    assert connection.handle(TableMod(5, config), 1, 0.0) == []
    assert machine.br0.tables[5].miss is miss
    assert machine.br0.tables[6].miss is TableMiss.DEFAULT
    assert machine.backer.wiring.changes.everything is (miss is not TableMiss.DEFAULT)


def test_a_miss_leads_to_the_next_table_if_the_first_says_so(machine: Machine) -> None:
    machine.flows("table=1,priority=1 actions=2")
    assert machine.verdict("in_port=1")[1] == "drop"
    change(machine, OF12, TableMod(0, OFPTC11_MISS_CONTINUE))
    assert machine.verdict("in_port=1")[1] == "2"


def test_all_tables_are_those_that_controllers_see(machine: Machine) -> None:
    assert change(machine, OF12, TableMod(OFPTT_ALL, OFPTC11_MISS_DROP)) is None
    misses = [table.miss for table in machine.br0.tables]
    assert misses[:INTERNAL_TABLE] == [TableMiss.DROP] * INTERNAL_TABLE
    assert misses[INTERNAL_TABLE] is TableMiss.DEFAULT


@pytest.mark.parametrize("version", [OF12, OF13, OF14])
def test_the_switchs_own_table_is_not_to_be_changed(machine: Machine, version: Version) -> None:
    assert change(machine, version, TableMod(INTERNAL_TABLE, OFPTC11_MISS_DROP)) is TableModFailed.EPERM


def test_1_3_can_ask_for_nothing(machine: Machine) -> None:
    message = TableMod(5, OFPTC11_MISS_DROP | OFPTC14_EVICTION)
    assert change(machine, OF13, message) is None
    assert machine.br0.tables[5].miss is TableMiss.DEFAULT
    assert not machine.br0.tables[5].eviction


def test_eviction_goes_on_and_off_and_has_nothing_to_do_with_misses(machine: Machine) -> None:
    table = machine.br0.tables[5]
    change(machine, OF14, TableMod(5, OFPTC14_EVICTION))
    assert (table.eviction, table.evicts, table.miss) == (True, True, TableMiss.DEFAULT)
    change(machine, OF14, TableMod(5, 0))
    assert not table.evicts


def test_to_tell_of_room_takes_thresholds(machine: Machine) -> None:
    message = TableMod(5, OFPTC14_VACANCY_EVENTS | OFPTC14_EVICTION)
    assert change(machine, OF14, message) is BadProperty.BAD_VALUE
    assert (machine.br0.tables[5].vacancy, machine.br0.tables[5].eviction) == (None, False)


def test_whether_room_is_waited_for_to_get_scarce_depends_on_how_much_there_is(machine: Machine) -> None:
    table = machine.br0.tables[5]
    machine.br0.configure_table(5, "", 10, False, 0, 0.0)
    message = TableMod(5, OFPTC14_VACANCY_EVENTS, vacancy=Vacancy(30, 80, 0))
    change(machine, OF14, message)
    assert (table.vacancy, table.vacancy_falls) == ((30, 80), True)
    connection = machine.connect(OF14)
    for n in range(5):
        connection.handle(flow_mod(f"table=5,in_port={n} actions=1"), 1, 0.0)
    change(machine, OF14, message)
    assert not table.vacancy_falls  # half of it: controllers hear when there is more
    change(machine, OF14, TableMod(5, 0))
    assert table.vacancy is None


def test_controllers_hear_at_once_if_there_is_less_than_they_want_to_know_of(machine: Machine) -> None:
    machine.br0.configure_table(5, "", 1, False, 0, 0.0)
    connection = machine.connect(OF14)
    connection.channel.masks = dict.fromkeys(connection.channel.masks, (0xFF, 0xFF))
    connection.channel.miss_send_len = 1
    message = TableMod(5, OFPTC14_VACANCY_EVENTS, vacancy=Vacancy(30, 80, 0))
    assert connection.handle(message, 1, 0.0) == []
    [told] = replies(connection.handle(flow_mod("table=5 actions=1"), 1, 0.0))
    assert isinstance(told, TableStatus)
    assert told.reason == TABLE_VACANCY_DOWN
