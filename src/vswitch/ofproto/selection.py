"""Which rules a request means: by table, match, priority, cookie, and where their actions send packets.

Sources: OpenFlow 1.5.1, 6.4 ("non-strict" and "strict"), 7.3.5.2.
"""

from __future__ import annotations

from collections.abc import Iterable

from vswitch.flow.match import Match
from vswitch.flow.ports import OFPP_ANY
from vswitch.ofproto.actionlists import output_groups, output_ports
from vswitch.ofproto.rule import MAX_PRIORITY, Rule
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.table import ALL_TABLES, INTERNAL_TABLE, Table
from vswitch.openflow.errors import BadRequest, OpenFlowError
from vswitch.openflow.names import OFPG_ANY


def tables_of(switch: Switch, table_id: int) -> list[Table]:
    """The table with this number, or all that controllers can see."""
    if table_id == ALL_TABLES:
        return switch.tables[:INTERNAL_TABLE]
    if table_id > INTERNAL_TABLE:
        raise OpenFlowError(BadRequest.BAD_TABLE_ID)
    return [switch.tables[table_id]]


def selected(
    switch: Switch,
    table_id: int,
    match: Match,
    *,
    priority: int | None = None,
    cookie: int = 0,
    cookie_mask: int = 0,
    out_port: int = OFPP_ANY,
    out_group: int = OFPG_ANY,
) -> list[Rule]:
    """The rules whose match is at least as specific as `match`; with `priority`, those that have exactly both."""
    tables = tables_of(switch, table_id)
    if priority is None and is_unlimited(match, cookie_mask, out_port, out_group):
        found: list[Rule] = []
        for table in tables:
            found += table.up_to(MAX_PRIORITY)
        return found
    return [
        rule
        for table in tables
        for rule in _matching(table, match, priority)
        if not rule.hidden
        and not (rule.cookie ^ cookie) & cookie_mask
        and (out_port == OFPP_ANY or any(port == out_port for port in output_ports(rule.actions)))
        and (out_group == OFPG_ANY or out_group in output_groups(rule.actions))
    ]


def is_unlimited(match: Match, cookie_mask: int, out_port: int, out_group: int) -> bool:
    """Whether all rules of a table are meant, whatever their priority."""
    return not match.mask and not cookie_mask and (out_port, out_group) == (OFPP_ANY, OFPG_ANY)


def _matching(table: Table, match: Match, priority: int | None) -> Iterable[Rule]:
    if priority is not None:
        rule = table.find(match, priority)
        return [] if rule is None else [rule]
    return table.within(match)
