"""Where what we say of a message may differ from what the peer says, and why: fuzzing passes over these and no others.

Each exception is a function of the message, the peer's text and ours.  docs/compat.md has a line for each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

_Says = Callable[[bytes, str, str], bool]
_ERROR = re.compile(r"\*\*\*decode error: (\S+?)\*\*\*")


class Exempt(NamedTuple):
    """A difference that is known: `reason` says why there is none to remove."""

    reason: str
    says: _Says


def _has(*texts: str) -> _Says:
    """Whether the message has one of `texts`, a regular expression of hexadecimal digits."""
    pattern = re.compile("|".join(texts))
    return lambda message, theirs, ours: bool(pattern.search(message.hex()))


def _errors(theirs: str, ours: str) -> tuple[str | None, str | None]:
    """The last error that either names."""
    found = [_ERROR.findall(text) for text in (theirs, ours)]
    return found[0][-1] if found[0] else None, found[1][-1] if found[1] else None


def _set_unknown(message: bytes, theirs: str, ours: str) -> bool:
    return set(_errors(theirs, ours)) == {"OFPBAC_BAD_SET_LEN", "OFPBAC_BAD_SET_TYPE"}


def _bundle_load(message: bytes, theirs: str, ours: str) -> bool:
    return "00002320000d" in message.hex() and _errors(theirs, ours)[1] == "OFPBAC_BAD_ARGUMENT"


def _masked_beyond(message: bytes, theirs: str, ours: str) -> bool:
    """Texts that are the same but for masks, or for fields of which only such a mask is said."""
    wide = re.compile(r",?(ipv6_label|tcp_flags)=[^ ,]*")
    return not any(_errors(theirs, ours)) and wide.sub("", theirs) == wide.sub("", ours)


def _raw_options(message: bytes, theirs: str, ours: str) -> bool:
    """Texts that are the same but for the values of tunnel options in their types."""
    values = re.compile(r"(TUN_METADATA\d+(?:_W)?)\([0-9a-f/]*\)")
    return values.sub(r"\1", theirs) == values.sub(r"\1", ours)


EXEMPT = {
    "raw_options": Exempt(
        "-m: the peer prints zeros for the values of tunnel options in NXT_FLOW_MOD", _raw_options
    ),
    "set_unknown": Exempt(
        "set_field of an unknown field: whether the peer says that the type or that the length is wrong depends on "
        "which other fields its hash table has in the same bucket",
        _set_unknown,
    ),
    "newer": Exempt(
        "registers 16 to 31, sample with fields as ids, and marks and labels in CT_FLUSH are younger than Open vSwitch 3.1",
        _has("0023200033", "80011[0-9a-f][01]", "0001e[6-9a-d][12]0", "0000232000000020.*000[3-6]00"),
    ),
    "erspan": Exempt(
        "the peer takes ERSPAN's fields with more bits than they have", _has("ffff1[6-9a-d]0[4-9a-c]00002320")
    ),
    "bundle_load": Exempt(
        "the peer forgets that an algorithm or a hash is unknown when the action is bundle_load, and prints <unknown>",
        _bundle_load,
    ),
    "mask": Exempt(
        "bits of a mask that are beyond the field's width are kept and printed by the peer", _masked_beyond
    ),
}


# Lines that the peer logs of messages and that we do not.
UNSAID = {
    "deprecated": "INFO.*is deprecated in OpenFlow1[1-5] ",
    "features": "ofp_table.WARN.table features message",
    "async": "ofp_connection.WARN.",
    "formats": "ofp_packet.WARN.NXT_SET_PACKET_IN_FORMAT",
    "actions": "ofp_actions.WARN.(unsupported|reserved field|bundle action|Nicira action|ct action|Cannot have|too many|unknown NXAST_RAW)",
    "versions": "ofp_util.WARN.",
    "widths": "meta_flow.WARN.bit offset",
    "monitors": "ofp_monitor.WARN.[A-Z]+_FLOW_MONITOR has bad flags",
}
_UNSAID = re.compile("|".join(UNSAID.values()))


def unsaid(line: str) -> bool:
    """Whether a line of the peer's log is one that we do not write."""
    return bool(_UNSAID.search(line))


def exempt(message: bytes, theirs: str, ours: str) -> str | None:
    """The name of the exception that a difference is, if it is one."""
    return next((name for name, item in EXEMPT.items() if item.says(message, theirs, ours)), None)
