"""What the switch tells of its tables, rules and ports."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.switch.machine import Machine, replies
from vswitch.dpif.netdev import NetdevStats
from vswitch.flow.match import parse_match
from vswitch.flow.ports import OFPP_ANY, OFPP_LOCAL, OfPort
from vswitch.ofproto.stats import MAX_ENTRIES
from vswitch.ofproto.table import TableMiss
from vswitch.openflow.errors import FlowModFailed
from vswitch.openflow.message import Message, decode, encode
from vswitch.openflow.messages.flow import OFPFW10_ALL
from vswitch.openflow.messages.flowstats import (
    AggregateStatsReply,
    AggregateStatsRequest,
    FlowStats,
    FlowStatsReply,
    FlowStatsRequest,
)
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.port import PortDescRequest, PortStatsRequest
from vswitch.openflow.messages.switch import DescRequest
from vswitch.openflow.messages.table import TableDescRequest, TableStatsRequest
from vswitch.openflow.version import OF10, OF11, OF12, OF13, OF14, OF15, Version


def asked(machine: Machine, request: Message, version: Version = OF15, now: float = 0.0) -> Message:
    """The one reply, as the other side reads it."""
    connection = machine.connect(version)
    data = encode(request, version, 1, nxm=False)
    commands = connection.handle(request, 1, now, data)
    [reply] = replies(commands)
    return decode(encode(reply, version, 1))[2]


def flows(reply: Message) -> Iterable[FlowStats]:
    assert isinstance(reply, FlowStatsReply)
    return reply.flows


@pytest.fixture
def machine() -> Machine:
    made = Machine()
    made.flows(
        "table=0,priority=5,cookie=0x12,tcp,nw_dst=10.0.0.0/8 actions=output:1",
        "table=0,priority=6,cookie=0x13,tcp,nw_dst=10.1.0.0/16 actions=output:2,output:3",
        "table=3,cookie=0x12,ip actions=drop",
    )
    for number, rule in enumerate(sorted(made.br0.tables[0], key=lambda rule: rule.priority), 1):
        rule.credit(number, 100 * number, 7.0)
    return made


@pytest.mark.parametrize(
    ("request_", "cookies"),
    [
        (FlowStatsRequest(), [0x12, 0x12, 0x13]),
        (FlowStatsRequest(table_id=3), [0x12]),
        (FlowStatsRequest(table_id=4), []),
        (FlowStatsRequest(parse_match("tcp,nw_dst=10.0.0.0/8")), [0x12, 0x13]),
        (FlowStatsRequest(parse_match("tcp,nw_dst=10.1.0.0/16")), [0x13]),
        (FlowStatsRequest(parse_match("udp")), []),
        (FlowStatsRequest(out_port=OfPort(3)), [0x13]),
        (FlowStatsRequest(cookie=0x12, cookie_mask=0xFF), [0x12, 0x12]),
        (FlowStatsRequest(cookie=0x10, cookie_mask=0xF0), [0x12, 0x12, 0x13]),
        (FlowStatsRequest(out_group=5), []),
    ],
)
def test_a_request_means_the_flows_that_match_it(
    machine: Machine, request_: Message, cookies: list[int]
) -> None:
    assert sorted(flow.cookie for flow in flows(asked(machine, request_))) == cookies


def test_the_switch_s_own_rules_are_nobody_s_business(machine: Machine) -> None:
    machine.br0.set_fail_open(True, 0.0)
    assert len(list(flows(asked(machine, FlowStatsRequest())))) == 3


def test_what_flows_have_carried_is_told_of_each_and_together(machine: Machine) -> None:
    told = {flow.priority: flow for flow in flows(asked(machine, FlowStatsRequest(table_id=0), now=9.5))}
    assert [(told[n].packet_count, told[n].byte_count, told[n].idle_age) for n in (5, 6)] == [
        (1, 100, 2),
        (2, 200, 2),
    ]
    assert (told[5].duration_sec, told[5].duration_nsec) == (9, 500_000_000)
    reply = asked(machine, AggregateStatsRequest())
    assert isinstance(reply, AggregateStatsReply)
    assert (reply.packet_count, reply.byte_count, reply.flow_count) == (3, 300, 3)


def test_a_query_about_options_that_are_not_mapped_is_refused(machine: Machine) -> None:
    commands = machine.connect(OF14).handle(FlowStatsRequest(parse_match("tun_metadata3=1")), 1, 0.0)
    [reply] = replies(commands)
    assert isinstance(reply, Error)
    assert reply.code is FlowModFailed.INVALID_TLV_FIELD


@pytest.mark.parametrize("version", [OF10, OF13])
def test_tables_tell_what_they_hold_and_could_hold(machine: Machine, version: Version) -> None:
    machine.br0.configure_table(3, "third", 7, False, 0, 0.0)
    machine.br0.tables[0].matched, machine.br0.tables[0].missed = 5, 2
    tables = asked(machine, TableStatsRequest(), version).tables  # type: ignore[attr-defined]
    assert len(tables) == 254
    first, third = tables[0], tables[3]
    assert (first.active_count, first.lookup_count, first.matched_count) == (2, 7, 5)
    assert third.active_count == 1
    if version == OF10:
        assert (third.name, third.max_entries, first.max_entries) == ("third", 7, MAX_ENTRIES)
        assert first.wildcards == OFPFW10_ALL


def test_tables_tell_what_they_can_until_openflow_12(machine: Machine) -> None:
    machine.br0.tables[1].miss = TableMiss.DROP
    for version, match, actions, setfields in (
        (OF11, 0xFBFF, 0x1FFE7FF, 0),
        (OF12, 0x101FFFFFFFFD, 0x3FF8001, 0xFFFFFFBDD),
    ):
        first, second, *_, last = asked(machine, TableStatsRequest(), version).tables  # type: ignore[attr-defined]
        assert (first.match, first.wildcards) == (match, match)
        assert (first.write_actions, first.apply_actions, first.write_setfields) == (
            actions,
            actions,
            setfields,
        )
        assert (first.instructions, last.instructions, first.config, second.config) == (0x3E, 0x3C, 0, 2)


def test_descriptions(machine: Machine) -> None:
    assert asked(machine, DescRequest()).dp_desc == "None"  # type: ignore[attr-defined]
    machine.br0.description = "the first"
    assert asked(machine, DescRequest()).dp_desc == "the first"  # type: ignore[attr-defined]
    assert len(asked(machine, TableDescRequest()).tables) == 254  # type: ignore[attr-defined]


def test_ports_are_described_one_or_all_and_none_for_a_number_that_nobody_has(machine: Machine) -> None:
    for number, numbers in ((OFPP_ANY, [OFPP_LOCAL, 1, 2, 3]), (OfPort(2), [2]), (OfPort(9), [])):
        ports = asked(machine, PortDescRequest(number)).ports  # type: ignore[attr-defined]
        assert [port.port_no for port in ports] == numbers


def test_ports_tell_what_their_devices_have_carried(machine: Machine) -> None:
    port = machine.br0.ports[OfPort(2)]
    port.read_stats = lambda: NetdevStats(rx_packets=1, tx_bytes=2, rx_crc_errors=3, collisions=4)
    [told] = asked(machine, PortStatsRequest(OfPort(2)), OF13, now=2.25).stats  # type: ignore[attr-defined]
    assert (told.rx_packets, told.tx_bytes, told.rx_crc_err, told.collisions) == (1, 2, 3, 4)
    assert (told.duration_sec, told.duration_nsec) == (2, 250_000_000)
    assert not told.custom


def test_ports_tell_counters_with_names_of_their_own(machine: Machine) -> None:
    machine.br0.ports[OfPort(2)].read_custom = lambda: (("rx_beautiful", 5),)
    [told] = asked(machine, PortStatsRequest(OfPort(2)), OF14).stats  # type: ignore[attr-defined]
    assert told.custom == (("rx_beautiful", 5),)
