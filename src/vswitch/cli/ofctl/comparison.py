"""Commands that compare flows: what is in a switch with what a file says, either with either.

Flows are the same that have the same table, priority and match; they differ if cookie, timeouts, importance or actions
do.

Sources: ovs-ofctl(8): replace-flows, diff-flows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from vswitch.base.errors import TextError
from vswitch.base.namedtuple import NamedTuple
from vswitch.base.options import CommandError, Given
from vswitch.cli.ofctl.channel import Channel
from vswitch.cli.ofctl.coloring import colored
from vswitch.cli.ofctl.flows import Lines, check_formats, prepare, read, send, use_nxm
from vswitch.cli.ofctl.garbage import uncollected
from vswitch.cli.ofctl.lines import opened
from vswitch.cli.ofctl.naming import accepted, shown
from vswitch.cli.ofctl.settings import Settings
from vswitch.cli.ofctl.table import command
from vswitch.cli.ofctl.unchanged import Dump, Rank, differing, interned
from vswitch.flow.field import Flow, Mask
from vswitch.flow.match import Match, format_match
from vswitch.openflow.actions.base import Action, format_actions
from vswitch.openflow.flowlines import FlowLine, flow_mod
from vswitch.openflow.messages.flow import OFPFC_DELETE_STRICT, FlowMod
from vswitch.openflow.messages.flowstats import FlowStats, FlowStatsRequest
from vswitch.openflow.names import NO_NAMES, OFPTT_ALL, Names
from vswitch.openflow.usable import ALL_PROTOCOLS, usable_protocols

DIFFERENT = 2  # exit status: nothing is wrong, but there are differences


# What makes a flow the same flow: table, priority (negative: the highest comes first), mask and value of its match.
Key = tuple[int, int, int, int]


class Rest(NamedTuple):
    """In what versions of a flow differ."""

    cookie: int
    idle_timeout: int
    hard_timeout: int
    importance: int
    actions: tuple[Action, ...]


Flows = dict[Key, Rest]


@command("diff-flows", "SOURCE1 SOURCE2")
def diff_flows(given: Given, first: str, second: str) -> Iterator[str]:
    """The flows that two sources, files or switches, do not have in common."""
    settings = Settings(given)
    sources: list[list[FlowLine] | Dump] = []
    names = NO_NAMES
    with uncollected():
        for source in (first, second):
            if is_file(source):
                sources.append(lines_of_file(source, NO_NAMES).lines)
            else:
                names = Names(shown(source, settings).ports)  # tables stay numbers
                sources.append(dump_of(Channel(source, settings), settings))
        one, other = differences(*sources)
    same = True
    for key in sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key)):
        before, after = one.get(key), other.get(key)
        lines = [
            (sign, format_flow(key, rest, names)) for sign, rest in (("-", before), ("+", after)) if rest
        ]
        if len(lines) == 1 or lines[0][1] != lines[1][1]:
            same = False
            yield from (colored(sign + line, settings) for sign, line in lines)
    if not same:
        raise CommandError("", DIFFERENT)


def is_file(source: str) -> bool:
    """Whether a source is a file: by its first character, or because it exists."""
    if source.startswith(("/", ".")):
        return True
    return ":" not in source and os.path.exists(source)  # noqa: PTH110 - pathlib takes 8 ms to import


def format_flow(key: Key, rest: Rest, names: Names) -> str:
    """A flow in a line, of what it has only what is not the default."""
    table, rank, mask, value = key
    words = [f"table={names.format_table(table)}"] if table else []
    words += filter(None, [format_match(Match(Flow(value), Mask(mask)), names.port_names, -rank)])
    words += [f"cookie={rest.cookie:#x}"] if rest.cookie else []
    words += [f"idle_timeout={rest.idle_timeout}"] if rest.idle_timeout else []
    words += [f"hard_timeout={rest.hard_timeout}"] if rest.hard_timeout else []
    words += [f"importance={rest.importance}"] if rest.importance else []
    return " ".join([*words, f"actions={format_actions(rest.actions, names)}"])


def differences(first: list[FlowLine] | Dump, second: list[FlowLine] | Dump) -> tuple[Flows, Flows]:
    """The flows of two sources, but for some that are the same."""
    if isinstance(first, Dump):
        if isinstance(second, Dump):
            return _of_switch(differing([], first).others), _of_switch(differing([], second).others)
        found = differing(second, first)
        return _of_switch(found.others + found.changes), _rests(_by_key(found.unseen + _all(found.changed)))
    if isinstance(second, Dump):
        found = differing(first, second)
        return _rests(_by_key(found.unseen + _all(found.changed))), _of_switch(found.others + found.changes)
    return _rests(_by_key(first)), _rests(_by_key(second))


def _all(lines: Mapping[Rank, list[FlowLine]]) -> list[FlowLine]:
    return [line for some in lines.values() for line in some]


def lines_of_file(file: str, names: Names) -> Lines:
    """The flows that a file says."""
    try:
        with opened(file, "open") as lines:
            return read(lines, names, "add", file, checked=False)
    except TextError as error:
        raise CommandError(str(error)) from None


def _by_key(lines: list[FlowLine]) -> dict[Key, tuple[FlowMod, FlowLine]]:
    """Flow-mods, each with its line; of those about the same flow, the last."""
    return {_key(mod): (mod, line) for mod, line in zip(map(flow_mod, lines), lines, strict=True)}


def _key(mod: FlowMod) -> Key:
    match = mod.match
    return 0 if mod.table_id == OFPTT_ALL else mod.table_id, -mod.priority, match.mask, match.value


def _rests(mods: dict[Key, tuple[FlowMod, FlowLine]]) -> Flows:
    return {
        key: Rest(
            mod.new_cookie or 0, mod.idle_timeout, mod.hard_timeout, mod.importance, interned(mod.actions)
        )
        for key, (mod, _) in mods.items()
    }


def _of_switch(flows: list[FlowStats]) -> Flows:
    return {
        (flow.table_id, -flow.priority, flow.match.mask, flow.match.value): Rest(
            flow.cookie, flow.idle_timeout, flow.hard_timeout, flow.importance, interned(flow.actions)
        )
        for flow in flows
    }


def dump_of(channel: Channel, settings: Settings) -> Dump:
    """The flows of a switch, which is asked at once."""
    use_nxm(channel, settings)
    return Dump(channel.version, channel.reply_bytes(FlowStatsRequest()))


@command("replace-flows", "SWITCH FILE")
def replace_flows(given: Given, switch: str, file: str) -> None:
    """Make the flows of a switch those of a file: delete, add and change what differs, or with --readd add all."""
    settings = Settings(given)
    with uncollected():
        lines, usable = lines_of_file(file, accepted(switch, settings))
        check_formats(settings, usable)
        channel = Channel(switch, settings)
        dump = dump_of(channel, settings)
        readd = "readd" in given
        found = differing([] if readd else lines, dump, with_changes=False)
        mods, present = _by_key(lines if readd else found.unseen), _of_switch(found.others)
        wanted = _rests(mods)
    deletions = {key: _deletion(key) for key in present if key not in wanted}
    changes: dict[Rank, list[FlowLine]] = {}
    for key, deletion in deletions.items():
        changes.setdefault(key[:2], []).append(deletion)
    for key, (_, line) in mods.items():
        if readd or present.get(key) != wanted[key]:
            changes.setdefault(key[:2], []).append(line)
    for rank, some in found.changed.items():
        changes.setdefault(rank, []).extend(some)
    if changes:
        usable &= ALL_PROTOCOLS.intersection(*map(usable_protocols, deletions.values()))
        prepare(channel, settings, usable)
        send(channel, settings, _all(dict(sorted(changes.items()))))  # table by table, as the peer


def _deletion(key: Key) -> FlowMod:
    table, rank, mask, value = key
    match = Match(Flow(value), Mask(mask))
    return FlowMod(OFPFC_DELETE_STRICT, match, priority=-rank, table_id=table, new_cookie=None)
