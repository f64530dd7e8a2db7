"""One flow table: its room, and rules that overlap."""

from __future__ import annotations

import pytest

from vswitch.flow.match import Match, parse_match
from vswitch.ofproto.rule import Rule
from vswitch.ofproto.table import Table


def filled(*texts: str) -> Table:
    table = Table(0)
    for text in texts:
        table.insert(Rule(0, parse_match(text), 5, ()))
    return table


@pytest.mark.parametrize(
    ("text", "priority", "overlaps"),
    [
        ("tcp", 5, True),
        ("tcp", 4, False),
        ("udp,tp_dst=53", 5, False),
        ("in_port=1", 5, True),
        ("in_port=2,arp", 5, False),
        ("tcp,tp_dst=80", 5, False),
    ],
)
def test_rules_overlap_if_one_packet_could_match_both(text: str, priority: int, overlaps: bool) -> None:
    table = filled("tcp,tp_dst=80", "in_port=1,udp,tp_dst=54")
    assert table.overlaps(parse_match(text), priority) is overlaps


def test_room() -> None:
    table = filled("tcp", "udp")
    assert (table.free, table.is_full) == (100, False)
    table.max_rules = 4
    assert (table.free, table.is_full) == (50, False)
    table.max_rules = 1
    assert (table.free, table.is_full) == (0, True)
    table.clear()
    assert (len(table), table.find(Match(), 5)) == (0, None)
