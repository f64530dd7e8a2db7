"""Pauses: `controller(pause)` ends a translation, and what it would have done goes to the controllers with the packet.

From the pause on, each list of actions that is under way leaves what remains of it in `Translation.frames`, the
innermost first; where a part of the pipeline has a life of its own (a clone, a bucket, another switch), or at the end,
that becomes the packet-in's continuation.

Sources: ovs-actions(7), controller: pause; OVS Documentation/topics/design.rst.
"""

from __future__ import annotations

from vswitch.dpif.action import ToController, Userspace
from vswitch.flow.field import Mask
from vswitch.ofproto.recirculation import Frozen
from vswitch.ofproto.xlate.commit import commit
from vswitch.ofproto.xlate.context import Translation
from vswitch.openflow.actions.output import Controller
from vswitch.openflow.messages.continuation import Continuation


def begin_pause(xlate: Translation, action: Controller) -> None:
    """Stop here."""
    xlate.frames, xlate.paused_by = [], action


def end_pause(xlate: Translation) -> None:
    """If there was a pause, hand the packet up with what is left to do."""
    frames, action = xlate.frames, xlate.paused_by
    if frames is None or action is None:
        return
    xlate.frames = xlate.paused_by = None
    commit(xlate)
    if xlate.tracing and not xlate.side_effects:
        return
    rest = Continuation(
        stack=tuple(value.to_bytes(size, "big") for value, size in reversed(xlate.stack)),
        frames=tuple(frames),
        action_set=tuple(xlate.action_set),
    )
    frozen = Frozen.of(xlate.switch.name, xlate.flow, Mask(xlate.mask), 0, rest)
    number = xlate.wiring.frozen.number(frozen)
    xlate.recircs.append(number)
    cookie = ToController(
        reason=action.reason,
        max_len=action.max_len,
        controller_id=action.controller_id,
        rule_cookie=0,
        table_id=0,
        userdata=action.userdata,
        recirc_id=number,
        continuation=True,
    )
    xlate.actions.append(Userspace(cookie))
