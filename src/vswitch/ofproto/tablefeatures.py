"""Table features: every table can do the same, but for where packets may go next.

A request with tables in it names them; that all else it says is as it is anyway is taken for granted, as the peer does.

Sources: OpenFlow 1.3, A.3.5.5; OpenFlow 1.5.1, 7.3.5.18; compared with `ovs-ofctl dump-table-features` of the peer.
"""

from __future__ import annotations

from collections.abc import Iterable

from vswitch.flow.fields import FIELDS
from vswitch.ofproto.groupmod import OF11_ACTIONS
from vswitch.ofproto.handlers import Request, handles
from vswitch.ofproto.stats import MAX_ENTRIES
from vswitch.ofproto.table import INTERNAL_TABLE, Table
from vswitch.openflow.errors import OpenFlowError, TableFeaturesFailed
from vswitch.openflow.message import Message
from vswitch.openflow.messages.tablefeatures import (
    OFPTFC15_DISABLE,
    OFPTFC15_ENABLE,
    ActionFeatures,
    InstructionFeatures,
    TableFeatures,
    TableFeaturesReply,
    TableFeaturesRequest,
)

_GOTO, _WRITE_METADATA, _WRITE, _APPLY, _CLEAR, _METER = 1, 2, 3, 4, 5, 6  # OFPIT11_*
_INSTRUCTIONS = sum(1 << number for number in (_WRITE_METADATA, _WRITE, _APPLY, _CLEAR, _METER))
_FIELDS = frozenset(FIELDS)
_MASKABLE = frozenset(field for field in FIELDS if field.maskable)
_ACTIONS = ActionFeatures(OF11_ACTIONS, frozenset(field for field in FIELDS if field.writable))


@handles(TableFeaturesRequest)
def table_features(request: Request[TableFeaturesRequest]) -> Iterable[Message]:
    """What the tables can do; before that, give them the names that the request says."""
    tables = request.switch.tables[:INTERNAL_TABLE]
    for wanted in request.message.tables:
        if wanted.table_id >= INTERNAL_TABLE:
            raise OpenFlowError(TableFeaturesFailed.BAD_TABLE)
        if wanted.command in (OFPTFC15_ENABLE, OFPTFC15_DISABLE):
            raise OpenFlowError(TableFeaturesFailed.EPERM)
    for wanted in request.message.tables:
        tables[wanted.table_id].name = wanted.name
    yield TableFeaturesReply(tuple(features_of(table) for table in tables))


def features_of(table: Table) -> TableFeatures:
    """What a table can do."""
    later = frozenset(range(table.id + 1, INTERNAL_TABLE))
    return TableFeatures(
        table.id,
        table.name,
        max_entries=MAX_ENTRIES if table.max_rules is None else table.max_rules,
        flows=InstructionFeatures(
            _INSTRUCTIONS | (1 << _GOTO if later else 0), later, write=_ACTIONS, apply=_ACTIONS
        ),
        match=_FIELDS,
        wildcard=_FIELDS,
        mask=_MASKABLE,
    )
