"""Long replies in slices."""

from __future__ import annotations

from vswitch.dpif.datapath import Support
from vswitch.ofproto.backer import Backer
from vswitch.ofproto.channel import ChannelKind
from vswitch.ofproto.command import Send
from vswitch.ofproto.connections import Connection
from vswitch.ofproto.stats import FLOWS_PER_REPLY
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.messages.flowstats import FlowRowsReply, FlowStatsRequest
from vswitch.openflow.version import OF13


def connected(n_flows: int) -> Connection:
    connection = Connection(Backer(Support()).add_switch("br0", 1, 0.0), OF13, ChannelKind.SERVICE, 0.0)
    connection.switch.flush_rules(0.0)
    for number in range(n_flows):
        assert connection.handle(parse_flow_mod(f"table=1,reg0={number},actions=drop"), 1, 0.0) == []
    return connection


def dumped(connection: Connection) -> list[FlowRowsReply]:
    replies = []
    for commands in connection.slices(FlowStatsRequest(table_id=1), 7, 1.0):
        [command] = commands
        assert isinstance(command, Send)
        assert command.xid == 7
        assert isinstance(command.message, FlowRowsReply)
        replies.append(command.message)
    return replies


def test_a_dump_comes_in_parts_of_which_all_but_the_last_say_that_there_are_more():
    for n_flows in (0, 1, FLOWS_PER_REPLY, FLOWS_PER_REPLY + 1, 3 * FLOWS_PER_REPLY):
        replies = dumped(connected(n_flows))
        assert len({row[0] for reply in replies for row in reply.rows}) == n_flows
        assert [reply.more for reply in replies] == [True] * (len(replies) - 1) + [False]
        assert all(len(reply.rows) <= FLOWS_PER_REPLY for reply in replies)


def test_flows_may_go_between_two_parts():
    connection = connected(2 * FLOWS_PER_REPLY)
    parts = connection.slices(FlowStatsRequest(), 7, 1.0)
    next(parts)
    connection.switch.flush_rules(1.0)
    assert all(isinstance(command, Send) for commands in parts for command in commands)
