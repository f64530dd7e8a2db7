"""Statistics: what a switch, its tables, rules and ports are and have carried.

Sources: OpenFlow 1.0, 5.3.5; OpenFlow 1.5.1, 7.3.5; ovs-ofctl(8), dump-flows, dump-aggregate, dump-tables, dump-ports.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, reduce
from operator import or_

from vswitch.base.version import OVS_VERSION
from vswitch.flow.codes import code_for
from vswitch.flow.field import Field
from vswitch.flow.fields import FIELDS
from vswitch.flow.ports import OFPP_ANY, OfPort
from vswitch.ofproto.handlers import Request, handles
from vswitch.ofproto.port import SwitchPort
from vswitch.ofproto.rule import Rule
from vswitch.ofproto.selection import selected
from vswitch.ofproto.switch import Switch, split_duration
from vswitch.ofproto.table import INTERNAL_TABLE, Table, TableMiss
from vswitch.ofproto.tunneloptions import check_options
from vswitch.openflow.flowentries import Row
from vswitch.openflow.message import Message
from vswitch.openflow.messages.flow import OFPFW10_ALL
from vswitch.openflow.messages.flowstats import (
    AggregateStatsReply,
    AggregateStatsRequest,
    FlowQuery,
    FlowRowsReply,
    FlowStatsRequest,
)
from vswitch.openflow.messages.port import (
    PortDescReply,
    PortDescRequest,
    PortStats,
    PortStatsReply,
    PortStatsRequest,
)
from vswitch.openflow.messages.switch import DescReply, DescRequest
from vswitch.openflow.messages.table import (
    OFPTC11_MISS_CONTINUE,
    OFPTC11_MISS_CONTROLLER,
    OFPTC11_MISS_DROP,
    TableDescReply,
    TableDescRequest,
    TableStats,
    TableStatsReply,
    TableStatsRequest,
)
from vswitch.openflow.version import OF10, OF11, OF12, Version

FLOWS_PER_REPLY = 400  # of usual size, so that a part of a reply is a message, and takes 1 ms
MAX_ENTRIES = 1_000_000  # what we say that a table without a limit holds


@handles(DescRequest)
def desc(request: Request[DescRequest]) -> Iterable[Message]:
    """Who made the switch; programs recognise Open vSwitch by these words."""
    yield DescReply("Nicira, Inc.", "Open vSwitch", OVS_VERSION, "None", request.switch.description or "None")


def _query(request: Request[FlowStatsRequest] | Request[AggregateStatsRequest]) -> list[Rule]:
    """The rules that a request for statistics means."""
    message: FlowQuery = request.message
    check_options(request.switch, message.match)
    return selected(
        request.switch,
        message.table_id,
        message.match,
        cookie=message.cookie,
        cookie_mask=message.cookie_mask,
        out_port=message.out_port,
        out_group=message.out_group,
    )


@handles(FlowStatsRequest)
def flow_stats(request: Request[FlowStatsRequest]) -> Iterable[Message]:
    """Rules and what they carried."""
    rules = _query(request)
    last = max(0, len(rules) - 1) // FLOWS_PER_REPLY * FLOWS_PER_REPLY
    for at in range(0, last + 1, FLOWS_PER_REPLY):
        rows = tuple(_rows(rules[at : at + FLOWS_PER_REPLY], request.now))
        yield FlowRowsReply(nx=request.nx, rows=rows, more=at < last)


def _rows(rules: Iterable[Rule], now: float) -> Iterator[Row]:
    """What is told of each rule.  Many came at the same time, and are as old as the one before."""
    created, seconds, nanoseconds = now, 0, 0
    for rule in rules:
        if rule.created != created:
            created = rule.created
            seconds, nanoseconds = split_duration(now - created)
        idle, hard = now - rule.used, now - rule.modified
        yield (
            rule.match,
            rule.actions,
            rule.priority,
            rule.table_id,
            rule.cookie,
            seconds,
            nanoseconds,
            rule.idle_timeout,
            rule.hard_timeout,
            rule.packets,
            rule.bytes,
            int(idle) if idle > 0 else 0,
            int(hard) if hard > 0 else 0,
            rule.flags,
            rule.importance,
        )


@handles(AggregateStatsRequest)
def aggregate_stats(request: Request[AggregateStatsRequest]) -> Iterable[Message]:
    """What rules carried together: 0.06 us for a rule, most of it to fetch what lies far apart in memory."""
    rules = _query(request)
    packets = n_bytes = 0
    for rule in rules:
        if rule.packets:
            packets += rule.packets
            n_bytes += rule.bytes
    yield AggregateStatsReply(
        packet_count=packets,
        byte_count=n_bytes,
        flow_count=len(rules),
        nx=request.nx,
    )


@handles(TableStatsRequest)
def table_stats(request: Request[TableStatsRequest]) -> Iterable[Message]:
    """What the tables hold."""
    tables = request.switch.tables[:INTERNAL_TABLE]
    yield TableStatsReply(tuple(_table_stats(table, request.channel.version) for table in tables))


def _table_stats(table: Table, version: Version) -> TableStats:
    return TableStats(
        table_id=table.id,
        active_count=len(table),
        lookup_count=table.matched + table.missed,
        matched_count=table.matched,
        name=table.name,
        max_entries=MAX_ENTRIES if table.max_rules is None else table.max_rules,
        config=_MISSES.get(table.miss, OFPTC11_MISS_CONTROLLER),
        **_features(version, table.id),
    )


_MISSES = {TableMiss.CONTINUE: OFPTC11_MISS_CONTINUE, TableMiss.DROP: OFPTC11_MISS_DROP}
_OFPFMF11_ALL = 0xFBFF  # of OpenFlow 1.1's fields all but the bit that nothing is
_OFPAT11_ALL = 0x7FF | 0xFFF << 13  # output to set_tp_dst, and set_mpls_label to dec_nw_ttl
_OFPAT12_ALL = 1 | 0x7FF << 15  # output, and set_mpls_ttl to set_field
_OFPXMC12_BASIC = 0x8000


@cache
def _features(version: Version, table_id: int) -> dict[str, int]:
    """What tables can do, in the versions that tell it here: later ones have messages of their own for it."""
    if version == OF10:
        return {"wildcards": OFPFW10_ALL}
    told = {
        "instructions": 0x3C | (table_id < INTERNAL_TABLE - 1) << 1
    }  # from 253 nothing can go to another table
    if version == OF11:
        told |= dict.fromkeys(("match", "wildcards"), _OFPFMF11_ALL)
        told |= dict.fromkeys(("write_actions", "apply_actions"), _OFPAT11_ALL)
    elif version == OF12:
        told |= dict.fromkeys(("match", "wildcards"), _oxm_bits(FIELDS))
        told |= dict.fromkeys(("write_actions", "apply_actions"), _OFPAT12_ALL)
        writable = _oxm_bits(field for field in FIELDS if field.writable)
        told |= dict.fromkeys(("write_setfields", "apply_setfields"), writable)
        told |= dict.fromkeys(("metadata_match", "metadata_write"), (1 << 64) - 1)
    return told


def _oxm_bits(fields: Iterable[Field]) -> int:
    """A bit for the type of each of `fields` that OpenFlow 1.2 itself has."""
    codes = filter(None, (code_for(field, OF12) for field in fields))
    return reduce(or_, (1 << code.number for code in codes if code.oxm_class == _OFPXMC12_BASIC))


@handles(TableDescRequest)
def table_desc(request: Request[TableDescRequest]) -> Iterable[Message]:
    """How the tables are configured."""
    tables = request.switch.tables[:INTERNAL_TABLE]
    yield TableDescReply(tuple(request.switch.table_desc(table) for table in tables))


@handles(PortDescRequest)
def port_desc(request: Request[PortDescRequest]) -> Iterable[Message]:
    """The ports."""
    ports = _ports(request.switch, request.message.port_no)
    yield PortDescReply(tuple(port.describe() for port in ports))


@handles(PortStatsRequest)
def port_stats(request: Request[PortStatsRequest]) -> Iterable[Message]:
    """What ports have carried."""
    ports = _ports(request.switch, request.message.port_no)
    yield PortStatsReply(tuple(_port_stats(port, request.now) for port in ports))


def _ports(switch: Switch, number: OfPort) -> list[SwitchPort]:
    """The port with `number`, if there is one, or all."""
    if number == OFPP_ANY:
        return switch.ports.in_order()
    port = switch.ports.get(number)
    return [] if port is None else [port]


def _port_stats(port: SwitchPort, now: float) -> PortStats:
    stats = port.stats()
    seconds, nanoseconds = split_duration(now - port.created)
    return PortStats(
        port_no=port.number,
        rx_packets=stats.rx_packets,
        tx_packets=stats.tx_packets,
        rx_bytes=stats.rx_bytes,
        tx_bytes=stats.tx_bytes,
        rx_dropped=stats.rx_dropped,
        tx_dropped=stats.tx_dropped,
        rx_errors=stats.rx_errors,
        tx_errors=stats.tx_errors,
        rx_frame_err=stats.rx_frame_errors,
        rx_over_err=stats.rx_over_errors,
        rx_crc_err=stats.rx_crc_errors,
        collisions=stats.collisions,
        duration_sec=seconds,
        duration_nsec=nanoseconds,
        custom=port.read_custom(),
    )
