"""Whether a switch can do what actions ask.  Whether they make sense at all is openflow's to say.

Sources: OpenFlow 1.5.1, 6.4 and 7.5.4; ovs-actions(7); answers compared with the peer's.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from vswitch.base.memo import by_identity
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import CT_STATE
from vswitch.flow.match import Match
from vswitch.flow.ports import (
    OFPP_ALL,
    OFPP_CONTROLLER,
    OFPP_FLOOD,
    OFPP_IN_PORT,
    OFPP_LOCAL,
    OFPP_MAX,
    OFPP_NORMAL,
    OFPP_TABLE,
)
from vswitch.ofproto.actionlists import flattened
from vswitch.ofproto.table import INTERNAL_TABLE
from vswitch.ofproto.xlate.registry import TRANSLATORS
from vswitch.openflow.actions.base import Action
from vswitch.openflow.actions.check import check_actions, telling
from vswitch.openflow.actions.output import Enqueue, Group, Output, OutputTrunc
from vswitch.openflow.errors import BadAction, ErrorCode, MeterModFailed, OpenFlowError
from vswitch.openflow.instructions import Meter
from vswitch.openflow.version import Version

_OUTPUTS = frozenset(
    {OFPP_IN_PORT, OFPP_TABLE, OFPP_NORMAL, OFPP_FLOOD, OFPP_ALL, OFPP_CONTROLLER, OFPP_LOCAL}
)


def checked_actions(
    actions: Iterable[Action], match: Match, table_id: int, version: Version, groups: Container[int]
) -> tuple[Action, ...]:
    """`actions` of a rule in `table_id` for `match`, completed; OpenFlowError if this switch cannot perform them.

    `groups` are those that there are.
    """
    made, named = _checked(
        tuple(actions), telling(match.value), match.mask & CT_STATE.mask, table_id, version
    )
    for group in named:
        if group not in groups:
            raise OpenFlowError(BadAction.BAD_OUT_GROUP)
    return made


@by_identity
def _checked(
    actions: tuple[Action, ...], value: int, known: int, table_id: int, version: Version
) -> tuple[tuple[Action, ...], tuple[int, ...]]:
    """The actions, completed, and the groups in them, for matches that say this of what decides."""
    match = Match(Flow(value), Mask(value | known))
    made = check_actions(actions, match, table_id, version, INTERNAL_TABLE + 1)
    check_performable(made)
    return made, tuple(action.group for action in flattened(made) if isinstance(action, Group))


@by_identity
def check_performable(actions: Iterable[Action]) -> None:
    """Refuse what this switch cannot do, whatever the packet."""
    for action in flattened(actions):
        if isinstance(action, (Output, OutputTrunc, Enqueue)):
            check_output_port(action.port)
        elif isinstance(action, Meter):
            raise OpenFlowError(MeterModFailed.INVALID_METER)  # there are no meters
        elif type(action) not in TRANSLATORS:
            raise OpenFlowError(_unsupported(action), f"{action.name} is not supported")


def check_output_port(port: int) -> None:
    """Refuse ports that no packet can be sent to.  Ports that do not exist yet are fine."""
    if port >= OFPP_MAX and port not in _OUTPUTS:
        raise OpenFlowError(BadAction.BAD_OUT_PORT)


def _unsupported(action: Action) -> ErrorCode:
    vendor = any(code.vendor for code in action.codes)
    return BadAction.BAD_VENDOR_TYPE if vendor else BadAction.BAD_TYPE
