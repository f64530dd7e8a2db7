"""Table-mods: what happens to packets that match nothing in a table.

Only OpenFlow 1.1 and 1.2 can ask; later versions have table-miss rules, and of eviction and vacancy events we have none.

Sources: OpenFlow 1.1, A.3.4.3; OpenFlow 1.4.1, 7.3.4.1; ovs-ofctl(8), mod-table.
"""

from __future__ import annotations

from collections.abc import Iterable

from vswitch.ofproto.handlers import Request, handles
from vswitch.ofproto.selection import tables_of
from vswitch.ofproto.table import INTERNAL_TABLE, TableMiss
from vswitch.openflow.errors import OpenFlowError, TableModFailed
from vswitch.openflow.message import Message
from vswitch.openflow.messages.table import (
    OFPTC11_MISS_CONTINUE,
    OFPTC11_MISS_CONTROLLER,
    OFPTC11_MISS_DROP,
    OFPTC11_MISS_MASK,
    OFPTC14_EVICTION,
    OFPTC14_VACANCY_EVENTS,
    OFPTT_ALL,
    TableMod,
)
from vswitch.openflow.version import OF13, OF14

_FLAGS = OFPTC14_EVICTION | OFPTC14_VACANCY_EVENTS
_MISSES = {
    OFPTC11_MISS_CONTROLLER: TableMiss.CONTROLLER,
    OFPTC11_MISS_CONTINUE: TableMiss.CONTINUE,
    OFPTC11_MISS_DROP: TableMiss.DROP,
}


@handles(TableMod)
def table_mod(request: Request[TableMod]) -> Iterable[Message]:
    """Configure one table, or all."""
    switch, message = request.switch, request.message
    if message.table_id >= INTERNAL_TABLE and message.table_id != OFPTT_ALL:
        raise OpenFlowError(TableModFailed.EPERM)
    if request.channel.version >= OF13:
        if request.channel.version >= OF14 and message.config & _FLAGS:
            raise OpenFlowError(TableModFailed.BAD_CONFIG)
        return ()
    miss = _MISSES.get(message.config & OFPTC11_MISS_MASK)
    if miss is None:
        return ()
    for table in tables_of(switch, message.table_id):
        table.miss = miss
    switch.wiring.changes.everything = True
    return ()
