"""From table to table: look-ups, resubmit, goto_table, misses, and the budget that ends loops.

Sources: ovs-actions(7), resubmit, goto_table; OpenFlow 1.5.1, 5.3 and 5.4; ovs-ofctl(8), mod-table.
"""

from __future__ import annotations

from vswitch.flow.field import Flow
from vswitch.flow.fields import IN_PORT, IP_FRAG, TP_DST, TP_SRC
from vswitch.flow.match import format_match
from vswitch.flow.ports import OFPP_IN_PORT, OfPort
from vswitch.ofproto.narration import Kind
from vswitch.ofproto.rule import Rule
from vswitch.ofproto.switch import FragmentHandling
from vswitch.ofproto.table import N_TABLES, TableMiss
from vswitch.ofproto.xlate.context import MAX_DEPTH, MAX_RESUBMITS, MAX_STACK, Translation
from vswitch.ofproto.xlate.registry import run_actions, translates
from vswitch.openflow.actions.control import TABLE_SAME, Resubmit
from vswitch.openflow.instructions import GotoTable
from vswitch.openflow.messages.port import OFPPC_NO_PACKET_IN

_FRAGMENT = 1 << IP_FRAG.offset  # set in any fragment
_PORTS = TP_SRC.mask | TP_DST.mask


@translates(Resubmit)
def resubmit(xlate: Translation, action: Resubmit) -> None:
    """Look the packet up again, as if it had come in on a given port, and do what is found as well."""
    in_port = None if action.in_port == OFPP_IN_PORT else action.in_port
    enter_table(xlate, xlate.table_id if action.table == TABLE_SAME else action.table, in_port)


@translates(GotoTable)
def goto_table(xlate: Translation, action: GotoTable) -> None:
    """Go on in a later table."""
    enter_table(xlate, action.table_id, packet_in=True, honor_miss=True)


def enter_table(
    xlate: Translation,
    table_id: int,
    in_port: OfPort | None = None,
    *,
    packet_in: bool = False,
    honor_miss: bool = False,
) -> None:
    """Do what table `table_id` says of the packet, taking `in_port` for its input port in the look-up, if it is given.

    With `packet_in`, a packet that matches nothing may go to the controllers; with `honor_miss`, the tables'
    own configuration for such packets counts.
    """
    if not within_budget(xlate):
        return
    before = xlate.table_id, xlate.rule, xlate.trace
    depth = xlate.depth
    look_up(xlate, table_id, in_port, packet_in=packet_in, honor_miss=honor_miss)
    xlate.resubmits += 1
    xlate.depth += table_id <= before[0]
    run_rule(xlate)
    xlate.depth = depth
    xlate.table_id, xlate.rule, xlate.trace = before


def within_budget(xlate: Translation) -> bool:
    """Whether the translation may go deeper; if not, it fails."""
    if xlate.depth >= MAX_DEPTH:
        xlate.fail("Recursion too deep", f"over max translation depth {MAX_DEPTH}")
    elif xlate.resubmits >= MAX_RESUBMITS:
        xlate.fail("Too many resubmits", f"over {MAX_RESUBMITS} resubmit actions")
    elif xlate.stack_bytes >= MAX_STACK:
        xlate.fail("Stack too deep", "resubmits yielded over 64 kB of stack")
    else:
        return True
    return False


def run_rule(xlate: Translation) -> None:
    """Do what the rule that was looked up says."""
    assert xlate.rule is not None
    if not xlate.rule.actions:
        xlate.report(Kind.ACTION, "drop")
    run_actions(xlate, xlate.rule.actions)


def look_up(
    xlate: Translation, table_id: int, in_port: OfPort | None, *, packet_in: bool, honor_miss: bool
) -> None:
    """Find the rule for the packet in `table_id`, or in a later one that a miss leads to; tell the trace."""
    flow = xlate.flow
    if in_port is not None:
        flow = IN_PORT.put(flow, in_port)
    switch = xlate.switch
    rule: Rule | None = None
    if flow & _FRAGMENT and switch.fragments is not FragmentHandling.NX_MATCH:
        if switch.fragments is FragmentHandling.DROP:
            rule = switch.internal.fragment
        flow = Flow(flow & ~_PORTS)
    if rule is None:
        rule, table_id = _search(xlate, flow, table_id, honor_miss)
    if rule is None:
        has_miss = honor_miss and table_id < N_TABLES
        miss = switch.tables[table_id].miss if has_miss else TableMiss.DEFAULT
        rule = switch.internal.miss if packet_in and _goes_up(xlate, miss) else switch.internal.no_packet_in
    xlate.table_id, xlate.rule = table_id, rule
    xlate.carried.rules.append(rule)
    if xlate.trace is not None:
        xlate.trace = xlate.trace.add(Kind.TABLE, f"{table_id:2d}. {_describe(xlate, rule)}")


def _search(xlate: Translation, flow: Flow, table_id: int, honor_miss: bool) -> tuple[Rule | None, int]:
    """The rule for `flow`, and the table that has it or in which the search ended; goto_table may name one too many."""
    if table_id >= N_TABLES:
        return None, table_id
    carried, lookups, tables = xlate.carried.tables, xlate.dependencies.lookups, xlate.switch.tables
    while True:
        table = tables[table_id]
        rule, examined = table.lookup(flow)
        xlate.mask |= examined
        lookups.append((table, flow))
        carried.append((table, rule is not None))
        if rule is not None or not honor_miss or table.miss is not TableMiss.CONTINUE:
            return rule, table_id
        if table_id >= N_TABLES - 2:  # the last is internal
            return None, table_id
        table_id += 1


def _goes_up(xlate: Translation, miss: TableMiss) -> bool:
    """Whether a packet without a rule goes to the controllers."""
    if miss is TableMiss.DEFAULT:
        return xlate.switch.sends_misses
    if miss is TableMiss.DROP:
        return False
    port = xlate.switch.ports.get(OfPort(IN_PORT.get(xlate.flow)))
    return port is not None and not port.config & OFPPC_NO_PACKET_IN


def _describe(xlate: Translation, rule: Rule) -> str:
    """A rule as a trace shows it."""
    switch = xlate.switch
    if rule is switch.internal.miss:
        return 'No match, and a "packet-in" is called for.'
    if rule is switch.internal.no_packet_in:
        return "No match."
    if rule is switch.internal.fragment:
        return 'Packets are IP fragments and the fragment handling mode is "drop".'
    match = format_match(rule.match, xlate.names.port_names)
    text = f"{match}, priority {rule.priority}" if match else f"priority {rule.priority}"
    return f"{text}, cookie {rule.cookie:#x}" if rule.cookie else text
