"""Flow monitors in text: what `ovs-ofctl monitor` accepts after `watch:`.

Sources: ovs-ofctl(8), monitor; messages are those of ovs-ofctl.
"""

from __future__ import annotations

from collections.abc import Mapping

from vswitch.base.digits import parse_decimal
from vswitch.base.errors import TextError
from vswitch.base.text import key_values, parse_u32
from vswitch.flow.match import Match, parse_match_word
from vswitch.flow.ports import OFPP_ANY, OfPort
from vswitch.openflow.messages.monitor import (
    OFPFMF_ADD,
    OFPFMF_INITIAL,
    OFPFMF_INSTRUCTIONS,
    OFPFMF_MODIFY,
    OFPFMF_ONLY_OWN,
    OFPFMF_REMOVED,
    FlowMonitor,
)
from vswitch.openflow.names import NO_NAMES, OFPG_ANY, OFPTT_ALL, Names

_WORDS: Mapping[str, int] = {
    "!initial": OFPFMF_INITIAL,
    "!add": OFPFMF_ADD,
    "!delete": OFPFMF_REMOVED,
    "!modify": OFPFMF_MODIFY,
    "!actions": OFPFMF_INSTRUCTIONS,
    "!own": OFPFMF_ONLY_OWN,
}
_EVERYTHING = sum(_WORDS.values())


def parse_flow_monitor(text: str, id: int = 0, names: Names = NO_NAMES) -> FlowMonitor:
    """The monitor that `text` asks for: of everything, but for what its words leave out."""
    flags, match, table, out_port, out_group = _EVERYTHING, Match(), OFPTT_ALL, OFPP_ANY, OFPG_ANY
    for name, value in key_values(text):
        if name in _WORDS:
            flags &= ~_WORDS[name]
            continue
        changed = parse_match_word(match, name, value, names.ports)
        if changed is not None:
            match = changed
        elif not value:
            raise TextError(f"{text}: field {name} missing value", name)
        elif name == "table":
            number = names.table(value)
            if number is None:
                raise TextError(f'unknown table "{value}"', value)
            table = number
        elif name == "out_port":
            number = parse_decimal(value)
            out_port = names.port(value) if number is None else OfPort(number)
        elif name == "out_group":
            out_group = parse_u32(value)
        else:
            raise TextError(f"{text}: unknown keyword {name}", name)
    return FlowMonitor(id, flags, match, table, out_port, out_group)
