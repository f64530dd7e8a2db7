"""Which function translates which action.

Actions without one are refused when a rule is made (flowmod.py), so a translation meets none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from vswitch.ofproto.narration import Kind
from vswitch.ofproto.xlate.context import Translation
from vswitch.openflow.actions.base import Action, format_actions

A = TypeVar("A", bound=Action)
Translator = Callable[[Translation, A], bool | None]  # True: the rest of this list is skipped

TRANSLATORS: dict[type[Action], Translator[Action]] = {}


def translates(*kinds: type[A]) -> Callable[[Translator[A]], Translator[A]]:
    """Declare the function that translates actions of these types."""

    def declare(function: Translator[A]) -> Translator[A]:
        for kind in kinds:
            TRANSLATORS[kind] = function  # type: ignore[assignment]
        return function

    return declare


def run_actions(xlate: Translation, actions: Iterable[Action]) -> None:
    """Translate `actions` in order, until something ends the list."""
    for action in actions:
        if xlate.error or xlate.exit:
            return
        if xlate.trace is not None:
            xlate.report(Kind.ACTION, format_actions((action,), xlate.names))
        if TRANSLATORS[type(action)](xlate, action):
            return
