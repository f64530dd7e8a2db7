"""The action set: what write_actions collects and the end of the pipeline executes, in an order of its own.

Sources: OpenFlow 1.5.1, 5.6 (action set); ovs-actions(7), "Action Sets".
"""

from __future__ import annotations

from collections.abc import Sequence

from vswitch.flow.fields import ACTSET_OUTPUT
from vswitch.flow.ports import OFPP_UNSET
from vswitch.ofproto.narration import Kind
from vswitch.ofproto.xlate.context import Translation
from vswitch.ofproto.xlate.registry import run_actions, translates
from vswitch.openflow.actions.base import Action, format_actions
from vswitch.openflow.actions.control import Resubmit
from vswitch.openflow.actions.header import DecTtl, PopVlan, PushVlan
from vswitch.openflow.actions.mpls import DecMplsTtl, PopMpls, PushMpls
from vswitch.openflow.actions.output import Group, Output, SetQueue
from vswitch.openflow.instructions import ClearActions, WriteActions

FIRST: tuple[type[Action], ...] = (
    PopVlan,
    PopMpls,
    PushMpls,
    PushVlan,
    DecTtl,
    DecMplsTtl,
)  # the last of each
LAST: tuple[type[Action], ...] = (SetQueue,)
FINAL: tuple[type[Action], ...] = (Group, Output, Resubmit)  # the first of these that there is


def in_order(actions: Sequence[Action]) -> list[Action]:
    """What a set with `actions`, written in this order, executes; nothing if it sends the packet nowhere.

    A later action replaces an earlier one of its type; header rewrites stay in the order in which they came.
    """
    latest = {type(action): action for action in actions}
    final = next((latest[kind] for kind in FINAL if kind in latest), None)
    if final is None:
        return []
    named = {*FIRST, *LAST, *FINAL}
    rewrites = [action for action in actions if type(action) not in named]
    return [
        *(latest[kind] for kind in FIRST if kind in latest),
        *rewrites,
        *(latest[kind] for kind in LAST if kind in latest),
        final,
    ]


@translates(WriteActions)
def write_actions(xlate: Translation, action: WriteActions) -> None:
    """Merge actions into the set."""
    xlate.action_set.extend(action.actions)
    for written in action.actions:
        if isinstance(written, Output):
            xlate.flow = ACTSET_OUTPUT.put(xlate.flow, written.port)
        elif isinstance(written, Group):
            xlate.flow = ACTSET_OUTPUT.put(xlate.flow, OFPP_UNSET)
    _report(xlate, "is")


@translates(ClearActions)
def clear_actions(xlate: Translation, action: ClearActions) -> None:
    """Empty the set."""
    _report(xlate, "was")
    xlate.action_set = []
    xlate.flow = ACTSET_OUTPUT.put(xlate.flow, OFPP_UNSET)


def _report(xlate: Translation, tense: str) -> None:
    if xlate.trace is not None:
        actions = in_order(xlate.action_set)
        text = f"{tense}: {format_actions(actions, xlate.names)}" if actions else f"{tense} empty"
        xlate.report(Kind.DETAIL, f"action set {text}")


def run_action_set(xlate: Translation) -> None:
    """Execute the set, at the end of the pipeline."""
    if not xlate.action_set or xlate.error or xlate.frames is not None:
        return
    actions = in_order(xlate.action_set)
    if not actions:
        return
    xlate.in_action_set = True
    before = xlate.trace
    if xlate.trace is not None:
        xlate.trace = xlate.trace.add(Kind.TABLE, "--. Executing action set:")
    run_actions(xlate, actions)
    xlate.trace = before
    xlate.in_action_set = False
