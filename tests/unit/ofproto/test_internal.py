"""The rules of the switch's own table."""

from vswitch.flow.field import Flow
from vswitch.flow.fields import RECIRC_ID, REG
from vswitch.ofproto.internal import InternalRules
from vswitch.ofproto.table import INTERNAL_TABLE, Table


def test_what_is_resubmitted_there_is_dropped_unless_it_was_recirculated() -> None:
    rules, table = InternalRules(0.0), Table(INTERNAL_TABLE)
    for rule in rules:
        table.insert(rule)
    miss = REG[0].put(Flow(0), 1)
    assert table.lookup(miss)[0] is rules.resubmitted
    assert rules.resubmitted.actions == ()
    assert table.lookup(RECIRC_ID.put(miss, 5))[0] is rules.miss
    assert [str(rule.match) for rule in rules] == ["recirc_id=0", "reg0=0x1", "reg0=0x2", "reg0=0x3"]
