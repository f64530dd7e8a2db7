"""Flows in text."""

import pytest

from vswitch.base.errors import TextError
from vswitch.flow.match import parse_match
from vswitch.flow.ports import OFPP_LOCAL, OfPort
from vswitch.openflow.actions.header import SetTpSrc, SetVlanVid
from vswitch.openflow.actions.output import Output
from vswitch.openflow.flowtext import (
    format_duration,
    format_flow_mod,
    format_flow_stats,
    parse_flow_mod,
    parse_query,
)
from vswitch.openflow.messages.flow import OFPFC_DELETE, OFPFC_MODIFY, OFPFC_MODIFY_STRICT
from vswitch.openflow.messages.flowstats import FlowStats
from vswitch.openflow.names import Names

NAMES = Names({"eth0": OfPort(1), "p-2.5": OfPort(2)}, {"acl": 3})


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("actions=output:1", "ADD table:255 actions=output:1"),
        (
            "table=1,priority=5,tcp,idle_timeout=3 actions=drop",
            "ADD table:1 priority=5,tcp idle:3 actions=drop",
        ),
        (
            "table=0 cookie=0x7 send_flow_rem,actions=1,LOCAL",
            "ADD cookie:0x7 send_flow_rem actions=output:1,LOCAL",
        ),
        ("table=0,importance=4,actions=", "ADD importance:4 actions=drop"),
        ("table=0,n_packets=5,duration=3s,actions=1", "ADD actions=output:1"),
    ],
)
def test_flows_are_read_and_printed(text, printed):
    assert format_flow_mod(parse_flow_mod(text)) == printed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tcp", "must specify an action"),
        ("foo=1,actions=1", "unknown keyword foo"),
        ("priority=99999 actions=1", 'invalid priority "99999"'),
        ("table=300,actions=1", 'unknown table "300"'),
        ("out_port=1,actions=1", "unknown keyword out_port"),
        ("cookie=1/2,actions=1", "flow additions cannot use a cookie mask"),
        ("actions=none", "actions are invalid with specified match (OFPBAC_BAD_OUT_PORT)"),
        (
            "actions=set_field:1->tcp_src",
            "actions are invalid with specified match (OFPBAC_MATCH_INCONSISTENT)",
        ),
        ("actions=foo", "unknown action foo"),
        ("actions=drop,1", '"drop" must not be accompanied by any other action or instruction'),
        ("actions=resubmit()", 'at least one "in_port" or "table" must be specified on resubmit'),
        (
            "actions=goto_table:1,1",
            "invalid instruction ordering: apply_actions must appear before goto_table, for OpenFlow 1.1+ compatibility",
        ),
    ],
)
def test_mistakes_are_told_in_the_peers_words(text, message):
    with pytest.raises(TextError) as error:
        parse_flow_mod(text)
    assert str(error.value) == message


def test_a_command_may_stand_before_the_flow():
    flow_mod = parse_flow_mod("delete table=3,out_port=LOCAL", None)
    assert (flow_mod.command, flow_mod.table_id, flow_mod.out_port) == (OFPFC_DELETE, 3, OFPP_LOCAL)
    assert parse_flow_mod("modify_strict actions=1", None).command == OFPFC_MODIFY_STRICT
    assert parse_flow_mod("actions=1", None).command == 0


def test_cookies_are_set_or_looked_for():
    assert parse_flow_mod("cookie=5/7", OFPFC_DELETE).cookie_mask == 7
    changed = parse_flow_mod("cookie=5,actions=1", OFPFC_MODIFY)
    assert (changed.new_cookie, changed.cookie_mask) == (5, 0)
    with pytest.raises(TextError, match="cannot set cookie"):
        parse_flow_mod("cookie=5", OFPFC_DELETE)


def test_names_work_both_ways():
    flow_mod = parse_flow_mod("table=acl,in_port=eth0,actions=output:p-2.5,goto_table:7", names=NAMES)
    assert (flow_mod.table_id, flow_mod.actions[0]) == (3, Output(OfPort(2)))
    assert (
        format_flow_mod(flow_mod, NAMES) == 'ADD table:acl in_port=eth0 actions=output:"p-2.5",goto_table:7'
    )


def test_actions_learn_from_the_match_what_other_versions_need():
    actions = parse_flow_mod("tcp,dl_vlan=3,actions=mod_vlan_vid:5,mod_tp_src:80").actions
    assert actions == (SetVlanVid(5, has_vlan=True), SetTpSrc(80, ip_proto=6))


@pytest.mark.parametrize(
    ("sec", "nsec", "text"),
    [(5, 0, "5s"), (5, 120_000_000, "5.120s"), (5, 1_000, "5.000001s"), (0, 1, "0.000000001s")],
)
def test_durations_have_as_many_digits_as_it_takes(sec, nsec, text):
    assert format_duration(sec, nsec) == text


def test_a_dumped_flow():
    flow = FlowStats(parse_match("ip"), (Output(OfPort(1)),), 7, 2, 1, 3, 4_000_000, 5, 6, 8, 9, 10, 11, 1)
    assert format_flow_stats(flow) == (
        "cookie=0x1, duration=3.004s, table=2, n_packets=8, n_bytes=9, idle_timeout=5, hard_timeout=6, "
        "send_flow_rem idle_age=10, hard_age=11, priority=7,ip actions=output:1"
    )
    assert format_flow_stats(flow, show_stats=False) == (
        "cookie=0x1, table=2, idle_timeout=5, hard_timeout=6, send_flow_rem priority=7,ip actions=output:1"
    )


def test_a_query_is_a_flow_without_actions():
    query = parse_query("table=3,cookie=1/1,tcp,out_port=4")
    assert (query.table_id, query.cookie_mask, query.out_port, query.match) == (3, 1, 4, parse_match("tcp"))
