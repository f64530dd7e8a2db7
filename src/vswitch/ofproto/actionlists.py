"""What a list of actions comes to: the actions within actions, the ports and groups that they name, what they teach.

Sources: OpenFlow 1.5.1, 7.3.5.2 (out_port, out_group); ovs-actions(7), learn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vswitch.base.memo import by_identity
from vswitch.flow.ports import OFPP_CONTROLLER
from vswitch.openflow.actions import learn
from vswitch.openflow.actions.base import Action
from vswitch.openflow.actions.output import Controller, Enqueue, Group, Output, OutputTrunc


def flattened(actions: Iterable[Action]) -> Iterator[Action]:
    """`actions` and those within them."""
    for action in actions:
        yield action
        yield from flattened(getattr(action, "actions", ()))


def output_ports(actions: Iterable[Action]) -> Iterator[int]:
    """The ports to which `actions` send packets by name."""
    for action in flattened(actions):
        if isinstance(action, (Output, OutputTrunc, Enqueue)):
            yield action.port
        elif isinstance(action, Controller):
            yield OFPP_CONTROLLER


def output_groups(actions: Iterable[Action]) -> set[int]:
    """The groups to which `actions` send packets."""
    return {action.group for action in flattened(actions) if isinstance(action, Group)}


@by_identity
def teaches(actions: tuple[Action, ...]) -> tuple[tuple[int, int], ...]:
    """Table and cookie of the rules that shall go with the last rule that has such `actions`."""
    return tuple(
        (action.table, action.cookie)
        for action in flattened(actions)
        if isinstance(action, learn.Learn) and action.delete_learned
    )
