"""Lists of actions in text.

Sources: ovs-actions(7), "Action Syntax"; messages are those of ovs-ofctl.
"""

from __future__ import annotations

import struct

from vswitch.base.errors import TextError
from vswitch.base.text import key_values
from vswitch.flow.ports import parse_port
from vswitch.openflow.actions import bundle, control, ct, encap, header, learn, mpls, output, register, sample
from vswitch.openflow.actions.base import BY_NAME, Action, Nesting, encode_actions
from vswitch.openflow.instructions import NAMES, Meter, rank
from vswitch.openflow.names import NO_NAMES, Names
from vswitch.openflow.version import OF13

MODULES = (
    bundle,
    control,
    ct,
    encap,
    header,
    learn,
    mpls,
    output,
    register,
    sample,
)  # each declares its actions


def parse_actions(
    text: str, names: Names = NO_NAMES, outer: str = "", plain: bool = False
) -> tuple[Action, ...]:
    """The actions that `text` lists, instructions among them; in another action, `outer`, there are none.

    With `plain`, there are none but meter, which OpenFlow 1.5 calls an action.
    """
    with _NESTING:
        actions = _parse_list(text, names)
    _check_order(actions, outer, plain)
    if len(text) > _LONG and _size(actions) > MAX_SIZE:
        raise TextError("input too big", text)
    return tuple(actions)


MAX_SIZE = 0xFFFF  # bytes of all actions
_LONG = MAX_SIZE // 16  # characters, fewer than which cannot mean so many bytes


def _size(actions: list[Action]) -> int:
    """How many bytes actions take; as many as can be counted, and one, if one alone has too many."""
    try:
        return len(encode_actions(OF13, actions))
    except struct.error:
        return MAX_SIZE + 1


_NESTING = Nesting(lambda: TextError("Action nested too deeply"))


def _parse_list(text: str, names: Names) -> list[Action]:
    actions: list[Action] = []
    drop = False
    for key, arg in key_values(text):
        if key.lower() == "drop":
            drop = True
        else:
            actions.append(_parse_word(key, arg, names))
    if drop and actions:
        raise TextError('"drop" must not be accompanied by any other action or instruction', text)
    return actions


def _parse_word(key: str, arg: str, names: Names) -> Action:
    parser = BY_NAME.get(key) or BY_NAME.get(key.lower())
    if parser is not None:
        return parser(arg, names)
    port = parse_port(key, names.ports)
    if port is not None:
        return output.Output.to(port)
    raise TextError(f"unknown action {key}", key)


def _check_order(actions: list[Action], outer: str, plain: bool) -> None:
    """Actions are where they may be; instructions come after actions, in OpenFlow's order, each at most once."""
    last = 0
    for item in actions:
        if isinstance(item, control.Conjunction):
            _check_conjunction(actions, outer)
            return
        order = rank(item)
        if outer and isinstance(item, Meter) and outer != "ct":
            raise TextError(f"{outer} action doesn't support nested action meter", outer)
        if wrong := ct.misplaced(item, outer):
            raise TextError(wrong, outer)
        if (outer or plain) and order > 1:
            raise TextError(f"{NAMES[order]} instruction not allowed here", outer)
        if order == last and (order > 1 or (order == 0 and item is not actions[0])):
            raise TextError(
                f"duplicate {NAMES[order]} instruction not allowed, for OpenFlow 1.1+ compatibility", outer
            )
        if order < last:
            raise TextError(
                f"invalid instruction ordering: {NAMES[order]} must appear before {NAMES[last]}, "
                "for OpenFlow 1.1+ compatibility",
                outer,
            )
        last = order


def _check_conjunction(actions: list[Action], outer: str) -> None:
    """A flow of a conjunctive match does nothing else."""
    for item in actions:
        if not isinstance(item, control.Conjunction | control.Note):
            raise TextError(
                '"conjunction" actions may be used along with "note" but not any other kind of action '
                f'(such as the "{ct.kind(item)}" action used here)',
                outer,
            )
