"""Table-mods: what happens to packets that match nothing in a table, and what to rules when it is full.

Only OpenFlow 1.1 and 1.2 can ask for the first; later versions have table-miss rules.  The second is OpenFlow 1.4's.

Sources: OpenFlow 1.1, A.3.4.3; OpenFlow 1.4.1, 7.3.4.1; ovs-ofctl(8), mod-table.
"""

from __future__ import annotations

from collections.abc import Iterable

from vswitch.ofproto.handlers import Request, handles
from vswitch.ofproto.selection import tables_of
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.table import INTERNAL_TABLE, TableMiss
from vswitch.openflow.errors import BadProperty, OpenFlowError, TableModFailed
from vswitch.openflow.message import Message
from vswitch.openflow.messages.table import (
    OFPTC11_MISS_CONTINUE,
    OFPTC11_MISS_CONTROLLER,
    OFPTC11_MISS_DROP,
    OFPTC11_MISS_MASK,
    OFPTC14_EVICTION,
    OFPTC14_VACANCY_EVENTS,
    TableMod,
)
from vswitch.openflow.names import OFPTT_ALL
from vswitch.openflow.version import OF13, OF14

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
        if request.channel.version >= OF14:
            _configure(switch, message)
        return ()
    miss = _MISSES.get(message.config & OFPTC11_MISS_MASK)
    if miss is None:
        return ()
    for table in tables_of(switch, message.table_id):
        table.miss = miss
    switch.wiring.changes.everything = True
    return ()


def _configure(switch: Switch, message: TableMod) -> None:
    """Eviction and vacancy events, on or off."""
    wants_vacancy = bool(message.config & OFPTC14_VACANCY_EVENTS)
    vacancy = message.vacancy
    if wants_vacancy and vacancy is None:
        raise OpenFlowError(BadProperty.BAD_VALUE)
    for table in tables_of(switch, message.table_id):
        table.eviction = bool(message.config & OFPTC14_EVICTION)
        table.vacancy = (vacancy.down, vacancy.up) if wants_vacancy and vacancy is not None else None
        table.vacancy_falls = table.vacancy is None or table.free >= table.vacancy[1]
        switch.watch_vacancy(table)
