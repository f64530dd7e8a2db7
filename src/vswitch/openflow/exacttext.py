"""Packets' flows in text, every field exact: `tcp,nw_src=10.0.0.1,tp_dst=80`; what is not said is 0.

Stricter than the text of matches: types come before what depends on them, and nothing is said twice.

Sources: `ovs-ofctl compose-packet`; ovs-fields(7) for prerequisites.
"""

from __future__ import annotations

from vswitch.base.errors import TextError
from vswitch.base.text import key_values
from vswitch.flow.field import Flow, PortNames
from vswitch.flow.fields import ETH_TYPE, FIELDS, IN_PORT, IP_PROTO
from vswitch.flow.match import WORDS, Match
from vswitch.flow.ports import OFPP_ANY

_PROTOCOLS = {word: key for key, word in WORDS.items()}
_PROTOCOLS |= {"ipv4": _PROTOCOLS["ip"], "ip4": _PROTOCOLS["ip"], "ip6": _PROTOCOLS["ipv6"]}
_NO_PORTS: PortNames = {}


def parse_exact_flow(text: str, port_names: PortNames = _NO_PORTS) -> Flow:
    """The flow that `text` describes; without an input port, that is "none"."""
    flow = parse_exact_match(text, port_names).value
    return flow if IN_PORT.get(flow) else IN_PORT.put(flow, OFPP_ANY)


def parse_exact_match(text: str, port_names: PortNames = _NO_PORTS) -> Match:
    """The same, and which fields it says something of."""
    match = Match()
    for key, value in key_values(text):
        try:
            match = _with(match, key, value, port_names)
        except TextError as error:
            raise TextError(f"{text}: {error}", error.text) from None
    return match


def _with(match: Match, key: str, value: str, port_names: PortNames) -> Match:
    """`match` with what one word says."""
    flow = match.value
    if key in _PROTOCOLS:
        eth_type, proto = _PROTOCOLS[key]
        if ETH_TYPE.get(flow):
            raise TextError("Ethernet type set multiple times", key)
        if proto and IP_PROTO.get(flow):
            raise TextError("network protocol set multiple times", key)
        match = match.where(ETH_TYPE, eth_type)
        return match.where(IP_PROTO, proto) if proto else match
    field = FIELDS.get(key)
    if field is None:
        raise TextError(f"unknown field {key}", key)
    if not field.needs.holds(flow):
        raise TextError(f"prerequisites not met for setting {key}", key)
    if field.get(flow):
        raise TextError(f"field {key} set multiple times", key)
    try:
        number, mask = field.text.parse(field, value, port_names)
        if mask & field.ones != field.ones:
            raise TextError(f"{value}: wildcards not allowed here", value)
    except TextError as error:
        raise TextError(f"bad value for {key} ({error})", value) from None
    return match.where(field, number)
