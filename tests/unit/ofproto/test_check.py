"""Actions that this switch cannot perform are refused with the code that tells why."""

from __future__ import annotations

import pytest

from vswitch.flow.match import Match, parse_match
from vswitch.flow.ports import OFPP_ANY, OFPP_LOCAL, OfPort
from vswitch.ofproto.check import check_output_port, checked_actions
from vswitch.openflow.actions.base import Action
from vswitch.openflow.actions.control import Clone
from vswitch.openflow.actions.output import Group, Output
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.errors import BadAction, BadInstruction, ErrorCode, MeterModFailed, OpenFlowError
from vswitch.openflow.instructions import GotoTable, Meter
from vswitch.openflow.version import OF13, OF15


def refused(actions: tuple[Action, ...], table_id: int = 0, match: Match | None = None) -> ErrorCode | None:
    try:
        checked_actions(actions, match or Match(), table_id, OF13, {7})
    except OpenFlowError as error:
        return error.code
    return None


def test_ports_that_do_not_exist_yet_are_fine_reserved_ones_that_nobody_has_are_not() -> None:
    for port in (OfPort(60_000), OFPP_LOCAL):
        check_output_port(port)
    with pytest.raises(OpenFlowError) as caught:
        check_output_port(OFPP_ANY)
    assert caught.value.code is BadAction.BAD_OUT_PORT


def test_groups_must_exist_when_the_rule_is_made_wherever_they_are_named() -> None:
    assert refused((Group(7),)) is None
    assert refused((Group(8),)) is BadAction.BAD_OUT_GROUP
    assert refused((Clone((Group(8),)),)) is BadAction.BAD_OUT_GROUP
    actions = (Group(8),)
    assert checked_actions(actions, Match(), 0, OF13, {8}) == actions
    with pytest.raises(OpenFlowError):
        checked_actions(
            actions, Match(), 0, OF13, ()
        )  # what was found before holds for what never changes only


def test_there_are_no_meters() -> None:
    assert refused((Meter(1), Output(OfPort(1)))) is MeterModFailed.INVALID_METER


def test_tables_are_entered_in_order() -> None:
    assert refused((GotoTable(5),), 4) is None
    assert refused((GotoTable(4),), 4) is BadInstruction.BAD_TABLE_ID
    assert refused((GotoTable(3),), 4) is BadInstruction.BAD_TABLE_ID


def test_the_same_list_is_judged_by_each_match_anew() -> None:
    actions = parse_actions("set_field:80->tcp_dst,output:1")
    assert refused(actions, match=parse_match("tcp")) is None
    assert refused(actions, match=parse_match("udp")) is BadAction.MATCH_INCONSISTENT
    assert refused(actions, match=parse_match("tcp,nw_src=1.2.3.4")) is None


def test_what_nothing_completes_is_the_same_tuple() -> None:
    actions = parse_actions("output:1,output:2")
    assert checked_actions(actions, Match(), 0, OF15, ()) is actions
