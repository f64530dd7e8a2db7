"""Histories of concurrent clients, and whether there is an order of events that explains them.

An operation takes effect at one instant between its call and its return (linearizability, Herlihy and Wing 1990).  One
whose outcome is not known may take effect at any time after its call, or never.

Two kinds of object are checked:

- `TokenSet`: each operation reads a set of tokens and then, unless it only reads, adds one of its own.  What it saw tells
  who came before it, so that the order is known and the check takes time n log n.
- `Register`: read, write, compare-and-set.  The order is searched for (Wing and Gong 1993; Lowe 2017), with what has
  been tried remembered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Add:
    """Read the tokens, and add one."""

    call: float
    end: float  # NEVER: no answer came
    token: str = ""  # nothing: it only read
    saw: frozenset[str] = frozenset()  # if an answer came


def explain_tokens(history: Iterable[Add], final: frozenset[str]) -> str:
    """What is wrong with a history at whose end the set was `final`; nothing if it is linearizable."""
    history = list(history)
    known = [each for each in history if each.end != NEVER]
    open_tokens = {each.token for each in history if each.end == NEVER and each.token}
    by_token = {each.token: each for each in history if each.token}
    if lost := [each.token for each in known if each.token and each.token not in final]:
        return f"acknowledged and gone: {sorted(lost)}"
    if alien := final - by_token.keys():
        return f"nobody added {sorted(alien)}"
    # The order of additions, from what each saw; the token itself tells a reader before from a writer at the same place.
    known.sort(key=lambda each: (len(each.saw), bool(each.token)))
    before: frozenset[str] = frozenset()
    for each in known:
        if not before <= each.saw:
            return f"{each} does not see {sorted(before - each.saw)}, which others saw before"
        if strangers := each.saw - by_token.keys():
            return f"{each} saw what nobody added: {sorted(strangers)}"
        if each.token in each.saw:
            return f"{each} saw its own token: it was done twice"
        if new := [token for token in each.saw - before if token not in open_tokens]:
            return f"{each} saw {sorted(new)} too early"
        before = each.saw | {each.token} if each.token else each.saw
    if not before <= final:
        return f"seen and gone: {sorted(before - final)}"
    return _out_of_time(known, by_token)


def _out_of_time(known: list[Add], by_token: dict[str, Add]) -> str:
    """Whether somebody saw the future, or missed the past.  What they saw is known to be a chain: sizes tell."""
    for each in known:
        if late := [token for token in each.saw if by_token[token].call > each.end]:
            return f"{each} saw {sorted(late)}, added later"
    ended = sorted(known, key=lambda each: each.end)
    n_ended, newest = 0, ended[0] if ended else None
    for each in sorted(known, key=lambda each: each.call):
        while ended[n_ended].end < each.call:
            newest = max(newest, ended[n_ended], key=_size_after) if n_ended else ended[0]
            n_ended += 1
        if n_ended and newest is not None and _size_after(newest) > len(each.saw):
            return f"{each} did not see what was there after {newest}"
    return ""


def _size_after(add: Add) -> int:
    return len(add.saw) + bool(add.token)


@dataclass(frozen=True, slots=True)
class Access:
    """An operation on a register: ("read",), ("write", new), ("cas", old, new), and what it returned."""

    call: float
    end: float  # NEVER: no answer came
    what: tuple[object, ...]
    result: object = None  # of a read, the value; of a compare-and-set, whether it was set


def explain_register(history: Iterable[Access], initial: object) -> str:
    """What is wrong with a history; nothing if it is linearizable."""
    operations = sorted(history, key=lambda each: each.call)
    must = frozenset(number for number, each in enumerate(operations) if each.end != NEVER)
    tried: set[tuple[frozenset[int], object]] = set()
    stack: list[tuple[frozenset[int], object]] = [(frozenset(range(len(operations))), initial)]
    deepest = len(must)
    while stack:
        left, value = stack.pop()
        if not left & must:
            return ""
        deepest = min(deepest, len(left & must))
        first_end = min(operations[number].end for number in left)
        for number in left:
            if operations[number].call > first_end:
                continue  # somebody else had finished before it began
            possible, after = step(operations[number], value)
            state = (left - {number}, after)
            if possible and state not in tried:
                tried.add(state)
                stack.append(state)
    return f"no order explains more than {len(must) - deepest} of {len(must)} operations"


def step(access: Access, value: object) -> tuple[bool, object]:
    """Whether an operation can have returned what it did if the register held `value`, and what it holds then."""
    is_known = access.end != NEVER
    match access.what:
        case ("read",):
            return not is_known or access.result == value, value
        case ("write", new):
            return True, new
        case ("cas", old, new):
            done = value == old
            return not is_known or access.result == done, new if done else value
    raise AssertionError(access.what)
