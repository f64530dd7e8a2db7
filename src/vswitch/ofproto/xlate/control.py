"""Actions that steer translation itself: clone, exit, note, and those that only make sense elsewhere.

Sources: ovs-actions(7), "Other Actions".
"""

from __future__ import annotations

from vswitch.ofproto.xlate.context import Translation
from vswitch.ofproto.xlate.pause import end_pause
from vswitch.ofproto.xlate.registry import run_actions, translates
from vswitch.openflow.actions.control import Clone, Exit, Note


@translates(Note)
def note(xlate: Translation, action: Note) -> None:
    """Do nothing: a note is for people."""


@translates(Exit)
def leave(xlate: Translation, action: Exit) -> None:
    """Skip all that would follow, in this table and in those that led here."""
    xlate.exit = True


@translates(Clone)
def clone(xlate: Translation, action: Clone) -> None:
    """Do `actions` to a copy of the packet: what they change is forgotten.

    Header changes can be undone lazily, so the datapath needs no copy: a later output commits the difference.
    """
    before = xlate.flow, xlate.stack, xlate.stack_bytes, xlate.action_set, xlate.exit
    xlate.stack, xlate.action_set = list(xlate.stack), list(xlate.action_set)
    run_actions(xlate, action.actions)
    end_pause(xlate)
    xlate.flow, xlate.stack, xlate.stack_bytes, xlate.action_set, xlate.exit = before
