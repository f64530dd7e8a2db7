"""Tables as the database wants them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.switch.machine import Machine, flow_mod
from vswitch.base.log import Level, Log, Logger
from vswitch.flow.fields import FIELDS, IP_DST, IPV6_DST
from vswitch.flow.match import parse_match
from vswitch.ofproto.switch import Switch
from vswitch.vswitchd import tables
from vswitch.vswitchd.bridge import BridgeConfig, TableConfig
from vswitch.vswitchd.tables import configure_tables


def configured(switch: Switch, *prefixes: str, number: int = 0) -> None:
    config = BridgeConfig("br0", "row", "dummy", (), tables={number: TableConfig(prefixes=prefixes)})
    configure_tables(switch, config, 0.0)


def examined(machine: Machine, field: str, packet: str) -> int:
    """How much of a field a look-up in table 0 depends on."""
    _, mask = machine.br0.tables[0].lookup(parse_match(packet).value)
    return FIELDS[field].get(mask)


IPV4 = "ip,nw_dst=138.0.0.1", "ip,nw_dst=10.0.0.1"
IPV6 = "ipv6,ipv6_dst=8000::1", "ipv6,ipv6_dst=1::1"
FIRST_BIT, ALL = 1 << 31, (1 << 32) - 1
FIRST_BIT6, ALL6 = 1 << 127, (1 << 128) - 1


@pytest.mark.parametrize(
    ("prefixes", "of_ipv4", "of_ipv6"),
    [
        ((), FIRST_BIT, ALL6),
        (("nw_dst",), FIRST_BIT, ALL6),
        (("ipv6_dst",), ALL, FIRST_BIT6),
        (("ip_dst", "ipv6_dst"), FIRST_BIT, FIRST_BIT6),
        (("ip_dst", "none"), ALL, ALL6),
    ],
)
def test_of_fields_that_are_tracked_look_ups_examine_what_tells(
    prefixes: tuple[str, ...], of_ipv4: int, of_ipv6: int
) -> None:
    machine = Machine()
    machine.flows(f"{IPV4[0]} actions=1", f"{IPV6[0]} actions=2")
    configured(machine.br0, *prefixes)
    assert examined(machine, "ip_dst", IPV4[1]) == of_ipv4
    assert examined(machine, "ipv6_dst", IPV6[1]) == of_ipv6
    for packet in (IPV4[0], IPV6[0]):  # and what there was is still found
        rule, _ = machine.br0.tables[0].lookup(parse_match(packet).value)
        assert rule is not None
        assert str(rule.match) == packet


def test_rules_that_come_later_are_tracked_and_what_is_not_named_again_is_as_ever() -> None:
    machine = Machine()
    configured(machine.br0, "ipv6_dst")
    machine.flows(f"{IPV6[0]} actions=2", f"{IPV4[0]} actions=1")
    assert examined(machine, "ipv6_dst", IPV6[1]) == FIRST_BIT6
    configured(machine.br0, "ipv6_dst", number=1)
    assert examined(machine, "ipv6_dst", IPV6[1]) == ALL6
    assert examined(machine, "ip_dst", IPV4[1]) == FIRST_BIT


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """What goes to the log."""
    told: list[str] = []

    class Keeper(Log):
        def wants(self, module: str, level: Level) -> bool:
            return True

        def write(self, module: str, level: Level, message: str) -> None:
            told.append(message)

    before, tables.log = tables.log, Logger("bridge", Keeper())
    yield told
    tables.log = before


def test_fields_that_cannot_be_tracked_are_told_and_the_others_count(warnings: list[str]) -> None:
    machine = Machine()
    configured(machine.br0, "foo", "ipv6_dst", "reg0")
    assert warnings == [
        "bridge br0: table 0: 'prefixes' with unknown field: foo",
        "bridge br0: table 0: 'prefixes' with incompatible field: reg0",
    ]
    assert set(machine.br0.tables[0]._tries) == {IPV6_DST}
    assert IP_DST not in set(machine.br0.tables[0]._tries)


def test_names_limits_and_groups(warnings: list[str]) -> None:
    machine = Machine()
    rows = {0: TableConfig("first", 2, True, (), ("in_port", "nonsense")), 5: TableConfig("sixth", 9)}
    configure_tables(machine.br0, BridgeConfig("br0", "row", "dummy", (), tables=rows), 0.0)
    first, sixth, other = (machine.br0.tables[number] for number in (0, 5, 6))
    assert (first.name, first.max_rules, first.evicts, first.group_mask) == (
        "first",
        2,
        True,
        FIELDS["in_port_oxm"].mask,
    )
    assert (sixth.name, sixth.max_rules, sixth.evicts, sixth.group_mask) == ("sixth", 9, False, 0)
    assert (other.name, other.max_rules) == ("", None)
    assert ["nonsense" in line for line in warnings] == [True]
    configure_tables(machine.br0, BridgeConfig("br0", "row", "dummy", ()), 0.0)
    assert (first.name, first.max_rules, first.evicts) == ("", None, False)
    for number in range(1, 4):
        machine.connect().handle(flow_mod(f"in_port={number} actions=1"), 1, 0.0)
    assert len(first) == 3
