"""Flows in colours, for terminals: the text of a flow, with what a reader looks for marked.

    ac actions=   dr drop   le learn(…)   pm names of fields   pr name(…)   sp table=, output:, -> …   vl tcp, strip_vlan

Sources: ovs-ofctl(8), --color and OVS_COLORS; ECMA-48, 8.3.117 (SGR).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

DEFAULTS: Mapping[str, str] = {
    "ac": "1;31",
    "dr": "34",
    "le": "31",
    "pm": "36",
    "pr": "35",
    "sp": "33",
    "vl": "32",
}
_SPECIAL = frozenset(("table", "priority", "output", "load", "move", "group", "resubmit", "set_field"))
_FLAGS = frozenset(("send_flow_rem", "check_overlap", "reset_counts", "no_packet_counts", "no_byte_counts"))
_ALONE = {"drop": "dr", "exit": "sp", "dec_ttl": "pr"}
_LONE = frozenset(
    (
        *("strip_vlan", "pop_vlan", "pop_queue", "ct_clear", "clear_actions", "dec_mpls_ttl"),
        *("commit", "force", "random", "hash", "persistent", "pause"),
    )
)
_PLAIN = frozenset(("tun_gbp_flags", "gtpu_msgtype"))  # without a colour in Open vSwitch
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_MATCH_WORD = re.compile(rf"{_QUOTED}|(?<![\w=/:.|+-])([A-Za-z_]\w*)(=?)")
_ACTION = re.compile(
    rf"(?P<quoted>{_QUOTED})|(?P<arrow>->)|(?P<count>(?<![\w:=.])dec_ttl)(?P<counts>\()"
    r"|(?P<open>(?<![\w:=.])[a-z_]\w*\()|(?P<close>\))|(?P<part>\w+\[[^\]]*\])(?P<equals>=)(?=[A-Za-z])"
    r"|(?P<name>(?<![\w:=.\]])(?!CONTROLLER)[A-Za-z_]\w*(?:\[[^\]]*\](?==))?[:=])|(?P<word>(?<![\w:=.>\[])[a-z_]+(?![\w:=(\[]))"
)


def parse_colors(text: str) -> dict[str, str]:
    """What $OVS_COLORS says, `pm=36:dr=34`, on top of the defaults."""
    colors = dict(DEFAULTS)
    for item in text.split(":"):
        name, equals, code = item.partition("=")
        if equals and name in colors and all(c in "0123456789;" for c in code):
            colors[name] = code
    return colors


def color_flow(text: str, colors: Mapping[str, str]) -> str:
    """A flow as dump-flows prints it, coloured."""
    before, actions_word, actions = text.partition("actions=")

    def paint(kind: str, part: str) -> str:
        return f"\033[{colors[kind]}m\033[K{part}\033[m\033[K"

    def match_word(found: re.Match[str]) -> str:
        name, equals = found.groups()
        if name is None or name in _PLAIN:
            return found[0]
        if equals:
            return paint("sp" if name in _SPECIAL else "pm", name + equals)
        return name if name in _FLAGS else paint("vl", name)

    opened: list[str] = []

    def action(found: re.Match[str]) -> str:
        part = found[0]
        match found.lastgroup:
            case "quoted":
                return part
            case "arrow":
                return paint("sp", part)
            case "open":
                opened.append("le" if part == "learn(" else "pr")
                return paint(opened[-1], part)
            case "counts":
                opened.append("pr")
                return paint("pr", found["count"]) + paint("pr", "(")
            case "close":
                return paint(opened.pop() if opened else "pr", part)
            case "equals":
                return paint("pm", found["part"]) + paint("pm", "=")
            case "name":
                return paint("sp" if part[:-1] in _SPECIAL else "pm", part)
            case _:
                kind = _ALONE.get(part) or ("vl" if part in _LONE else "")
                return paint(kind, part) if kind else part

    head = _MATCH_WORD.sub(match_word, before)
    return head + (paint("ac", actions_word) if actions_word else "") + _ACTION.sub(action, actions)
