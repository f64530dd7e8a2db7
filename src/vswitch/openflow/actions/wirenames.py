"""What the log calls actions that are on the wire, and how many bytes they can have.

Sources: OVS lib/ofp-actions.c (enum ofp_raw_action_type); what ovs-ofctl logs of actions of wrong lengths.
"""

from __future__ import annotations

from vswitch.base.namedtuple import NamedTuple
from vswitch.openflow.codec import VENDORS
from vswitch.openflow.version import OF10

_LONGEST = 65528


class WireAction(NamedTuple):
    """The name of an action, and its least and greatest length in bytes, header and padding included."""

    name: str
    least: int
    greatest: int


# By number; those that + follows can have more bytes.
_OFPAT10 = (
    "0 OUTPUT 8, 1 SET_VLAN_VID 8, 2 SET_VLAN_PCP 8, 3 STRIP_VLAN 8, 4 SET_DL_SRC 16, 5 SET_DL_DST 16, 6 SET_NW_SRC 8, "
    "7 SET_NW_DST 8, 8 SET_NW_TOS 8, 9 SET_TP_SRC 8, 10 SET_TP_DST 8, 11 ENQUEUE 16"
)
_OFPAT11 = (
    "0 OUTPUT 16, 1 SET_VLAN_VID 8, 2 SET_VLAN_PCP 8, 3 SET_DL_SRC 16, 4 SET_DL_DST 16, 5 SET_NW_SRC 8, 6 SET_NW_DST 8, "
    "7 SET_NW_TOS 8, 8 SET_NW_ECN 8, 9 SET_TP_SRC 8, 10 SET_TP_DST 8, 13 SET_MPLS_LABEL 8, 14 SET_MPLS_TC 8, "
    "15 SET_MPLS_TTL 8, 16 DEC_MPLS_TTL 8, 17 PUSH_VLAN 8, 18 POP_VLAN 8, 19 PUSH_MPLS 8, 20 POP_MPLS 8, 21 SET_QUEUE 8, "
    "22 GROUP 8, 23 SET_NW_TTL 8, 24 DEC_NW_TTL 8, 25 SET_FIELD 8+, 28 COPY_FIELD 16+, 29 METER 8"
)
_NXAST = (
    "1 RESUBMIT 16, 2 SET_TUNNEL 16, 5 POP_QUEUE 16, 6 REG_MOVE 16+, 7 REG_LOAD 24, 8 NOTE 16+, 9 SET_TUNNEL64 24, "
    "10 MULTIPATH 32, 12 BUNDLE 32+, 13 BUNDLE_LOAD 32+, 14 RESUBMIT_TABLE 16, 15 OUTPUT_REG 24, 16 LEARN 32+, 17 EXIT 16, "
    "19 FIN_TIMEOUT 16, 20 CONTROLLER 16, 21 DEC_TTL_CNT_IDS 16+, 22 WRITE_METADATA 32, 27 STACK_PUSH 24, 28 STACK_POP 24, "
    "29 SAMPLE 24, 32 OUTPUT_REG2 24, 33 REG_LOAD2 16+, 34 CONJUNCTION 16, 35 CT 24+, 36 NAT 16+, 37 CONTROLLER2 16+, "
    "38 SAMPLE2 32, 39 OUTPUT_TRUNC 16, 41 SAMPLE3 32, 42 CLONE 16+, 43 CT_CLEAR 16, 44 RESUBMIT_TABLE_CT 16, 45 LEARN2 40+, "
    "46 ENCAP 16+, 47 DECAP 16+, 48 DEC_NSH_TTL 16, 49 CHECK_PKT_LARGER 24+, 50 DELETE_FIELD 24, 254 DEBUG_SLOW 16, "
    "255 DEBUG_RECIRC 16"
)
# Nicira's numbers, in OpenFlow 1.0, for what later versions have.
_NXAST_LATER = (
    "4 SET_QUEUE 16, 18 DEC_NW_TTL 16, 23 PUSH_MPLS 16, 24 POP_MPLS 16, 25 SET_MPLS_TTL 16, 26 DEC_MPLS_TTL 16, "
    "30 SET_MPLS_LABEL 16, 31 SET_MPLS_TC 16, 40 GROUP 16"
)
_ONFACT = "3200 COPY_FIELD 24+"


def wire_action(version: int, vendor: int, number: int) -> WireAction | None:
    """What an action that a version has is called, and how long it can be."""
    if vendor == VENDORS["NX"]:
        return _found("NXAST", _NXAST, number) or _found("OFPAT", _NXAST_LATER, number)
    if vendor:
        return _found("ONFACT", _ONFACT, number)
    return _found("OFPAT", _OFPAT10 if version == OF10 else _OFPAT11, number)


def _found(kind: str, table: str, number: int) -> WireAction | None:
    for entry in table.split(", "):
        key, name, size = entry.split()
        if int(key) == number:
            least = int(size.rstrip("+"))
            return WireAction(f"{kind}_{name}", least, _LONGEST if size.endswith("+") else least)
    return None
