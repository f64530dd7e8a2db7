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
_ALONE = {
    "drop": "dr",
    "exit": "sp",
    "dec_nsh_ttl": "sp",
    "ingress": "pm",
    "egress": "pm",
    "src": "pm",
    "dst": "pm",
    "dec_ttl": "pr",
    "nat": "pr",
}
_LONE = frozenset(
    (
        *("strip_vlan", "pop_vlan", "pop_queue", "ct_clear", "clear_actions", "dec_mpls_ttl"),
        *("commit", "force", "random", "hash", "persistent", "pause", "send_flow_rem", "delete_learned"),
    )
)
_PLAIN = re.compile(
    r"tun_gbp_flags|gtpu_(msgtype|flags)|tun_erspan_ver|erspan_(dir|hwid)|tun_metadata\d+"
)  # without a colour in Open vSwitch
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_MATCH_WORD = re.compile(rf"{_QUOTED}|(?<![\w=/:.|+-])([A-Za-z_]\w*)(=?)")
_ACTION = re.compile(
    "|".join(
        (
            rf"(?P<quoted>{_QUOTED})",
            r"(?P<arrow>->|,priority=)",
            r"(?P<later>,fin_hard_timeout=)",
            r"(?P<count>(?<![\w:=.])(?:dec_ttl|nat))(?P<counts>\()",
            r"(?P<nsh>nsh)\((?P<inside>md_type=\d+(?:,tlv\([^)]*\))*)",
            r"(?P<plain>packet_type\([^)]*\))",
            r"(?P<short>output)(?P<ends>\(port=[^)]*\))",
            r"(?P<larger>check_pkt_larger\()(?P<size>\d+\)->)",
            r"(?P<open>(?<![\w:=.])[a-z_]\w*\()",
            r"(?P<close>\))",
            r"(?P<alone>(?<=,)\w+\[[^\]]*\](?=[,)]))",
            r"(?P<part>\w+\[[^\]]*\](?==[A-Za-z])|(?<!\w)(?:src|dst)(?==))(?P<equals>=)",
            r"(?P<name>(?<![\w:=.\[\]-])(?!CONTROLLER)[A-Za-z_]\w*(?:\[[^\]]*\](?==))?[:=])",
            r"(?P<word>(?<![\w:=.>\[])[a-z_]+(?![\w:=(\[]))",
        )
    )
)
# Lines besides flow statistics: what is before a match, the match, what is between, and the actions.
_TEXT = r'(?:"[^"]*"|[^\s"])+'
_GROUP = re.compile(r" (?:[A-Z_]+ )?(?:command_bucket_id:\w+,)?group_id=")
_STATISTICS = " cookie="  # of a flow
_BUCKET_ACTIONS = re.compile(r"(?<=[,=]actions=).*?(?=,bucket=|$)")
_MOD = re.compile(
    rf"((?:OFPT|NXT)_FLOW_MOD [^:]*: [A-Z_]+ (?:table:{_TEXT} )?)((?!cookie:|idle:|hard:|importance:|actions=){_TEXT})?"
    r"( ?.*?actions=)(.*)"
)
_UPDATE = re.compile(rf"( event=.*? cookie=\S+ ?)({_TEXT})?( actions=)?(.*)")
_MONITOR = re.compile(rf"( id=\d+ flags=\S*(?: (?:out_port|out_group|table)=\S+)* )({_TEXT})()()")
_PACKET = re.compile(rf"((?:OFPT|NXT)_(?:PACKET_IN2?|RESUME) .* total_len=\S+ )({_TEXT})( \(via .*)()")
_HEADERS = re.compile(r"()((?:[a-z]\w*,)?(?:packet_type|dl_vlan|vlan_tci)=\S+)((?: \w+_csum:.*)?)()")
_PACKET_OUT = re.compile(rf"(OFPT_PACKET_OUT [^:]*: )({_TEXT})( actions=)(.*)( (?:data_len|buffer)=\S+)")
_LATER = re.compile(r"()()( continuation\.action(?:s|_set)=)(.*)")
_REMOVED = re.compile(rf"((?:OFPT|NXT)_FLOW_REMOVED [^:]*: )({_TEXT})( reason=.*)()")
_REQUEST = re.compile(
    rf"((?:OFPST|NXST)_(?:FLOW|AGGREGATE) request [^:]*:(?: (?:out_port|out_group|table)=\S+)* )({_TEXT})()()"
)
_DIFFERENCE = re.compile(
    rf"([-+](?:table={_TEXT} )?)((?!cookie=|idle_timeout=|hard_timeout=|importance=|actions=){_TEXT})?( ?.*?actions=)(.*)"
)
_LINES = (_MOD, _UPDATE, _DIFFERENCE, _MONITOR, _PACKET, _HEADERS, _PACKET_OUT, _LATER, _REMOVED, _REQUEST)


def parse_colors(text: str) -> dict[str, str]:
    """What $OVS_COLORS says, `pm=36:dr=34`, on top of the defaults."""
    colors = dict(DEFAULTS)
    for item in text.split(":"):
        name, equals, code = item.partition("=")
        if equals and name in colors and all(c in "0123456789;" for c in code):
            colors[name] = code
    return colors


Colors = Mapping[str, str]


def color_flow(text: str, colors: Colors) -> str:
    """A flow as dump-flows prints it, coloured."""
    before, actions_word, actions = text.partition("actions=")
    painted = _paint(colors, "ac", actions_word) if actions_word else ""
    return color_match(before, colors) + painted + color_actions(actions, colors)


def color_line(line: str, colors: Colors) -> str:
    """Any other line, in which matches and actions are coloured, and no more."""
    if _GROUP.match(line):
        return _BUCKET_ACTIONS.sub(lambda found: color_actions(found[0], colors), line)
    if line.startswith(_STATISTICS):
        return color_flow(line, colors)
    for pattern in _LINES:
        if found := pattern.fullmatch(line):
            head, match, middle, actions, *tail = (part or "" for part in found.groups())
            return (
                f"{head}{color_match(match, colors)}{middle}{color_actions(actions, colors)}{''.join(tail)}"
            )
    return line


def color_match(text: str, colors: Colors) -> str:
    """A match, or all that is before the actions of a flow."""

    def word(found: re.Match[str]) -> str:
        name, equals = found.groups()
        if name is None or _PLAIN.fullmatch(name):
            return found[0]
        if name == "conj_id":
            return _paint(colors, "pm", name) + equals
        if equals:
            return _paint(colors, "sp" if name in _SPECIAL else "pm", name + equals)
        return name if name in _FLAGS else _paint(colors, "vl", name)

    return _MATCH_WORD.sub(word, text)


def color_actions(text: str, colors: Colors) -> str:
    """Actions."""
    opened: list[str] = []

    def action(found: re.Match[str]) -> str:
        part = found[0]
        match found.lastgroup:
            case "quoted" | "plain":
                return part
            case "arrow":
                return _paint(colors, "sp", part)
            case "open":
                opened.append("le" if part == "learn(" else "pr")
                return _paint(colors, opened[-1], part)
            case "size":
                return _paint(colors, "pm", found["larger"]) + found["size"]
            case "inside":
                opened.append("pr")
                return found["nsh"] + _paint(colors, "pr", "(") + found["inside"]
            case "ends":
                return _paint(colors, "sp", found["short"]) + found["ends"]
            case "counts":
                opened.append("pr")
                return _paint(colors, "pr", found["count"]) + _paint(colors, "pr", "(")
            case "close":
                return _paint(colors, opened.pop() if opened else "pr", part)
            case "equals":
                return _paint(colors, "pm", found["part"]) + _paint(colors, "pm", "=")
            case "alone" if opened[-1:] != ["le"]:
                return part
            case "later" | "alone":
                return _paint(colors, "pm", part)
            case "name":
                return _paint(colors, "sp" if part[:-1] in _SPECIAL else "pm", part)
            case _:
                kind = _ALONE.get(part) or ("vl" if part in _LONE else "")
                return _paint(colors, kind, part) if kind else part

    return _ACTION.sub(action, text)


def _paint(colors: Colors, kind: str, part: str) -> str:
    return f"\033[{colors[kind]}m\033[K{part}\033[m\033[K"
