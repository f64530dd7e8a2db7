"""Flows in text: what `ovs-ofctl add-flow` accepts and what `dump-flows` prints.

Sources: ovs-ofctl(8), "Flow Syntax" and dump-flows; messages are those of ovs-ofctl.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from vswitch.base.errors import TextError
from vswitch.base.namedtuple import NamedTuple
from vswitch.base.remarks import remark
from vswitch.base.text import key_values, parse_u16, parse_u64
from vswitch.flow.match import DEFAULT_PRIORITY, Match, format_match, read_match_word
from vswitch.flow.ports import OFPP_ANY
from vswitch.openflow.actions.base import Action, format_actions
from vswitch.openflow.actions.check import CheckError, check_actions
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.errors import BadAction, OpenFlowError
from vswitch.openflow.messages.flow import (
    KEEP_COOKIE,
    NO_BUFFER,
    OFPFC_ADD,
    OFPFC_DELETE,
    OFPFC_DELETE_STRICT,
    OFPFC_MODIFY,
    OFPFC_MODIFY_STRICT,
    OFPFF_CHECK_OVERLAP,
    OFPFF_NO_BYT_COUNTS,
    OFPFF_NO_PKT_COUNTS,
    OFPFF_RESET_COUNTS,
    OFPFF_SEND_FLOW_REM,
    FlowMod,
)
from vswitch.openflow.messages.flowstats import UNKNOWN_COUNT, FlowQuery, FlowStats
from vswitch.openflow.names import NO_NAMES, Names, parse_group
from vswitch.openflow.usable import ALL_PROTOCOLS, Protocols, for_actions, for_field, for_ipv6, for_settings

# Words for the commands: in files of flows (`add`, `modify_strict` …), and in what is printed.
COMMANDS: Mapping[str, int] = {
    "add": OFPFC_ADD,
    "modify": OFPFC_MODIFY,
    "modify_strict": OFPFC_MODIFY_STRICT,
    "delete": OFPFC_DELETE,
    "delete_strict": OFPFC_DELETE_STRICT,
}
COMMAND_NAMES = ("ADD", "MOD", "MOD_STRICT", "DEL", "DEL_STRICT")
FLAGS: Mapping[str, int] = {
    "send_flow_rem": OFPFF_SEND_FLOW_REM,
    "check_overlap": OFPFF_CHECK_OVERLAP,
    "reset_counts": OFPFF_RESET_COUNTS,
    "no_packet_counts": OFPFF_NO_PKT_COUNTS,
    "no_byte_counts": OFPFF_NO_BYT_COUNTS,
}

# Which words make sense in which command; a query takes what a deletion takes.
_ADDS = frozenset((OFPFC_ADD,))
_CHANGES = frozenset((OFPFC_ADD, OFPFC_MODIFY, OFPFC_MODIFY_STRICT))
_DELETES = frozenset((OFPFC_DELETE, OFPFC_DELETE_STRICT))
_RANKED = _CHANGES | {OFPFC_DELETE_STRICT}
_TOLERATED = frozenset(
    ("duration", "n_packets", "n_bytes", "idle_age", "hard_age")
)  # a dump can be read back
_QUERY = -1


class _Reader:
    """The fields of a flow-mod, as the words of a flow set them."""

    def __init__(self, command: int, names: Names) -> None:
        self.command = command
        self.names = names
        self.match = Match()
        self.usable = ALL_PROTOCOLS
        self.fields: dict[str, int | None] = {}

    def take(self, name: str, value: str) -> None:
        """Read `name=value`."""
        if name in FLAGS and self.command in _CHANGES:
            self.fields["flags"] = (self.fields.get("flags") or 0) | FLAGS[name]
            return
        if name in ("no_readonly_table", "allow_hidden_fields"):
            return
        found = read_match_word(self.match, name, value, self.names.ports)
        if found is not None:
            self.match, field, mask = found
            if field is not None:
                self.usable &= for_field(field, mask)
        elif not value:
            raise TextError(f"field {name} missing value", name)
        elif not self._setting(name, value) and name not in _TOLERATED:
            raise TextError(f"unknown keyword {name}", name)

    def _setting(self, name: str, value: str) -> bool:
        """Whether `name` is a setting that the command takes; if so, it is set."""
        known = name in ("table", "cookie") or self.command in _TAKES.get(name, ())
        if not known:
            return False
        match name:
            case "table":
                table = self.names.table(value)
                if table is None:
                    raise TextError(f'unknown table "{value}"', value)
                self.fields["table_id"] = table
            case "cookie":
                self._cookie(value)
            case "out_port":
                self.fields["out_port"] = _port(value, self.names)
            case "out_group":
                self.fields["out_group"] = _group(value)
            case _:
                self.fields[name] = parse_u16(value, name)
        return True

    def _cookie(self, text: str) -> None:
        value, slash, mask = text.partition("/")
        if slash:
            if self.command == OFPFC_ADD:
                raise TextError("flow additions cannot use a cookie mask", text)
            self.fields["cookie"], self.fields["cookie_mask"] = parse_u64(value), parse_u64(mask)
        else:
            if self.command not in _CHANGES:
                raise TextError(
                    f"cannot set cookie (to match on a cookie, specify a mask, e.g. cookie={text}/-1)", text
                )
            self.fields["new_cookie"] = parse_u64(value)


_TAKES: Mapping[str, frozenset[int]] = {
    "out_port": _DELETES | {_QUERY},
    "out_group": _DELETES | {_QUERY},
    "priority": _RANKED,
    "idle_timeout": _CHANGES,
    "hard_timeout": _CHANGES,
    "importance": _ADDS,
}


def _port(text: str, names: Names) -> int:
    try:
        return names.port(text)
    except TextError:
        raise TextError(f"{text} is not a valid OpenFlow port", text) from None


def _group(text: str) -> int:
    group = parse_group(text)
    if group is None:
        raise TextError(f"{text} is not a valid OpenFlow group", text)
    return group


class ReadFlow(NamedTuple):
    """A flow-mod, and the flow formats in which all can be told that its text said."""

    mod: FlowMod
    usable: Protocols


def parse_flow_mod(text: str, command: int | None = OFPFC_ADD, names: Names = NO_NAMES) -> FlowMod:
    """The flow-mod with `command` that `text` means; None: `text` begins with the command's word, or means addition."""
    return read_flow_mod(text, command, names).mod


def read_flow_mod(text: str, command: int | None = OFPFC_ADD, names: Names = NO_NAMES) -> ReadFlow:
    """The same, and how it can be told: a word that a later one takes back counts, too."""
    if command is None:
        command, text = split_command(text)
    reader = _Reader(command, names)
    actions_text: str | None = None
    if command in _CHANGES:
        text, actions_text = _split_actions(text)
    for name, value in key_values(text):
        reader.take(name, value)
    if command in (OFPFC_MODIFY, OFPFC_MODIFY_STRICT) and not reader.fields.get("cookie_mask"):
        reader.fields.setdefault("new_cookie", 0)  # the flow that a modification adds where it finds none
    elif command != OFPFC_ADD:
        reader.fields.setdefault("new_cookie", None)
    fields: dict[str, Any] = reader.fields
    mod = FlowMod(command, reader.match, **fields)
    usable = reader.usable & for_settings(mod) & for_ipv6(mod.match)
    if actions_text is None:
        return ReadFlow(mod, usable)
    actions = _actions(actions_text, names)
    try:
        mod = mod.replace(actions=check_actions(actions, mod.match, mod.table_id, sent=False))
        usable &= for_actions(mod)
        if not usable:
            raise OpenFlowError(BadAction.MATCH_INCONSISTENT)
    except OpenFlowError as error:
        if isinstance(error, CheckError):
            remark(error.module, error.why)
        raise TextError(
            f"actions are invalid with specified match ({error.code.name})", actions_text
        ) from None
    return ReadFlow(mod, usable)


@lru_cache(1024)
def _actions(text: str, names: Names) -> tuple[Action, ...]:
    """The actions of a flow: the flows of a file have few different ones."""
    return parse_actions(text, names)


def split_command(text: str) -> tuple[int, str]:
    """The command that the first word of `text` is (addition, if it is none), and the rest."""
    stripped = text.lstrip(", \t\r\n")
    word = stripped.split(maxsplit=1)[0] if stripped else ""
    word, _, _ = word.partition(",")
    if word in COMMANDS:
        return COMMANDS[word], stripped[len(word) :]
    return OFPFC_ADD, text


def _split_actions(text: str) -> tuple[str, str]:
    """What is before and after `actions=`."""
    before, found, after = text.partition("action")
    _, equals, actions = after.partition("=")
    if not found or not equals:
        raise TextError("must specify an action", text)
    return before, actions


def parse_query(text: str, names: Names = NO_NAMES) -> FlowQuery:
    """What the argument of `dump-flows` asks for; give its fields to a FlowStatsRequest or AggregateStatsRequest."""
    return read_query(text, names)[0]


def read_query(text: str, names: Names = NO_NAMES) -> tuple[FlowQuery, Protocols]:
    """The same, and the flow formats that can tell it."""
    reader = _Reader(_QUERY, names)
    for name, value in key_values(text):
        reader.take(name, value)
    query = FlowQuery(match=reader.match).replace(**reader.fields)
    # Queries name tables in every version, so which one it is does not matter.
    asked = FlowMod(cookie_mask=query.cookie_mask, out_group=query.out_group)
    return query, reader.usable & for_settings(asked) & for_ipv6(query.match)


def format_duration(sec: int, nsec: int) -> str:
    """`5s`, `5.120s`, `5.00000025s`: milliseconds, or as many digits as it takes."""
    if not nsec:
        return f"{sec}s"
    if nsec % 1_000_000 == 0:
        return f"{sec}.{nsec // 1_000_000:03d}s"
    return f"{sec}.{nsec:09d}".rstrip("0") + "s"


def format_flags(flags: int) -> str:
    """The words of OFPFF_*, each with a space after it."""
    return "".join(f"{name} " for name, bit in FLAGS.items() if flags & bit)


def format_flow_stats(flow: FlowStats, names: Names = NO_NAMES, show_stats: bool = True) -> str:
    """A flow as `ovs-ofctl dump-flows` prints it, without the space at the beginning of the line."""
    text = _stats_text(flow, names) if show_stats else _settings_text(flow, names)
    if flow.idle_timeout:
        text += f"idle_timeout={flow.idle_timeout}, "
    if flow.hard_timeout:
        text += f"hard_timeout={flow.hard_timeout}, "
    if flow.flags:
        text += format_flags(flow.flags)
    if flow.importance:
        text += f"importance={flow.importance}, "
    if show_stats and flow.idle_age is not None:
        text += f"idle_age={flow.idle_age}, "
    if show_stats and flow.hard_age is not None and flow.hard_age != flow.duration_sec:
        text += f"hard_age={flow.hard_age}, "
    match = format_match(flow.match, names.port_names, flow.priority)
    return f"{text}{match}{' ' if match else ''}actions={format_actions(flow.actions, names)}"


def _stats_text(flow: FlowStats, names: Names) -> str:
    packets = "?" if flow.packet_count == UNKNOWN_COUNT else flow.packet_count
    n_bytes = "?" if flow.byte_count == UNKNOWN_COUNT else flow.byte_count
    return (
        f"cookie={flow.cookie:#x}, duration={format_duration(flow.duration_sec, flow.duration_nsec)}, "
        f"table={names.format_table(flow.table_id)}, n_packets={packets}, n_bytes={n_bytes}, "
    )


def _settings_text(flow: FlowStats, names: Names) -> str:
    """What is not the default, of what statistics say always."""
    text = f"cookie={flow.cookie:#x}, " if flow.cookie else ""
    return text + (f"table={names.format_table(flow.table_id)}, " if names.tells_table(flow.table_id) else "")


def format_flow_mod(
    flow_mod: FlowMod, names: Names = NO_NAMES, reset_is_implied: bool = False, raw_match: str | None = None
) -> str:
    """A flow-mod as ovs-ofctl prints it: `ADD table:1 priority=5,tcp cookie:0x7 actions=drop`.

    `reset_is_implied`: it came in a version in which additions always reset counters, and nobody says so.  `raw_match` is
    the match as it came, if that is wanted; the priority is no part of it.
    """
    words = [COMMAND_NAMES[flow_mod.command]]
    if flow_mod.table_id:
        words.append(f"table:{names.format_table(flow_mod.table_id)}")
    match = raw_match
    if match is None:
        match = format_match(flow_mod.match, names.port_names, flow_mod.priority)
    if match:
        words.append(match)
    if flow_mod.new_cookie and flow_mod.new_cookie != KEEP_COOKIE:
        words.append(f"cookie:{flow_mod.new_cookie:#x}")
    if flow_mod.cookie_mask:
        words.append(f"cookie:{flow_mod.cookie:#x}/{flow_mod.cookie_mask:#x}")
    if flow_mod.idle_timeout:
        words.append(f"idle:{flow_mod.idle_timeout}")
    if flow_mod.hard_timeout:
        words.append(f"hard:{flow_mod.hard_timeout}")
    if flow_mod.importance:
        words.append(f"importance:{flow_mod.importance}")
    if raw_match is not None and flow_mod.priority != DEFAULT_PRIORITY:
        words.append(f"pri:{flow_mod.priority}")
    if flow_mod.buffer_id != NO_BUFFER:
        words.append(f"buf:{flow_mod.buffer_id:#x}")
    if flow_mod.out_port != OFPP_ANY:
        words.append(f"out_port:{names.format_port(flow_mod.out_port)}")
    hidden = OFPFF_RESET_COUNTS if reset_is_implied else 0
    flags = format_flags(flow_mod.flags & ~hidden)
    return f"{' '.join(words)} {flags}actions={format_actions(flow_mod.actions, names)}"
