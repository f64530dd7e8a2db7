"""Which function translates which action.

Actions without one are refused when a rule is made (flowmod.py), so a translation meets none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from vswitch.ofproto.narration import Kind
from vswitch.ofproto.xlate.context import Translation
from vswitch.openflow.actions.base import Action, format_actions
from vswitch.openflow.messages.continuation import Frame

A = TypeVar("A", bound=Action)
Translator = Callable[[Translation, A], bool | None]  # True: the rest of this list is skipped

TRANSLATORS: dict[type[Action], Translator[Action]] = {}


def translates(*kinds: type[A]) -> Callable[[Translator[A]], Translator[A]]:
    """Declare the function that translates actions of these types."""

    def declare(function: Translator[A]) -> Translator[A]:
        for kind in kinds:
            TRANSLATORS[kind] = function  # type: ignore[assignment]  # of that kind alone
        return function

    return declare


def run_actions(xlate: Translation, actions: Sequence[Action]) -> None:
    """Translate `actions` in order, until something ends the list; what a pause leaves is noted."""
    for at, action in enumerate(actions, 1):
        if xlate.error or xlate.exit:
            return
        if xlate.trace is not None:
            xlate.report(Kind.ACTION, format_actions((action,), xlate.names))
        if TRANSLATORS[type(action)](xlate, action):
            return
        if xlate.frames is not None:
            if at < len(actions):
                cookie = xlate.rule.cookie if xlate.rule is not None else 0
                xlate.frames.append(Frame(xlate.table_id, cookie, tuple(actions[at:])))
            return
