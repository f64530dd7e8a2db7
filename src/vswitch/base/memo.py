"""What functions have answered before for the very same object.

The actions of a flow are a tuple of records, slow to hash and to compare; but tables hold few different ones, and
readers give out the same tuple for the same bytes or words.  So functions of actions remember by identity: 0.15 us.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

MAX_REMEMBERED = 1024  # answers of one function; then it forgets them all
F = TypeVar("F", bound=Callable[..., Any])


def by_identity(function: F) -> F:
    """Make `function(obj, *rest)` remember its answers for `obj`, an immutable object, and hashable `rest`."""
    answers: dict[Hashable, tuple[object, Any]] = {}

    def ask_of_one(obj: object) -> Any:
        known = answers.get(id(obj))
        if known is not None:
            return known[1]
        return remember(id(obj), obj, function(obj))

    def ask(obj: object, *rest: Hashable) -> Any:
        key = id(obj), rest
        known = answers.get(key)
        if known is not None:
            return known[1]
        return remember(key, obj, function(obj, *rest))

    def remember(key: Hashable, obj: object, answer: Any) -> Any:
        if len(answers) >= MAX_REMEMBERED:
            answers.clear()
        answers[key] = obj, answer  # with the object, whose id no other can have meanwhile
        return answer

    return cast(F, ask_of_one if function.__code__.co_argcount == 1 else ask)  # the former in half the time
