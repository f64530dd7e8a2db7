"""A match on every field, exact and with a mask, under what the field needs."""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.flow.codes import codes_of
from vswitch.flow.field import Field
from vswitch.flow.fields import FIELDS, REG, XREG, XXREG
from vswitch.flow.match import Match, parse_match
from vswitch.openflow.message import encode
from vswitch.openflow.messages.flow import FlowMod
from vswitch.openflow.version import ALL_VERSIONS

# What makes a prerequisite hold.
NEEDS = {
    "none": "",
    "Ethernet": "",
    "VLAN VID": "dl_vlan=5",
    "ARP": "arp",
    "IPv4": "ip",
    "IPv6": "ipv6",
    "IPv4/IPv6": "ip",
    "MPLS": "mpls",
    "NSH": "dl_type=0x894f",
    "TCP": "tcp",
    "UDP": "udp",
    "SCTP": "sctp",
    "ICMPv4": "icmp",
    "ICMPv6": "icmp6",
    "ND": "icmp6,icmp_type=135,icmp_code=0",
    "ND solicit": "icmp6,icmp_type=135,icmp_code=0",
    "ND advert": "icmp6,icmp_type=136,icmp_code=0",
    "CT": "ct_state=+trk+est,ip",
}
SPECIAL = {
    "packet_type": 0x10800,
    "eth_type": 0x0800,
    "in_port": 3,
    "in_port_oxm": 3,
    "actset_output": 3,
    "ct_state": 0x25,
    "vlan_tci": 0xDDEF,  # of a tag
    "nsh_mdtype": 1,
    "nsh_ttl": 63,
}


# What Open vSwitch 3.7 added: the peer of the recordings knows less.
ADDED = frozenset((*REG[16:], *XREG[8:], *XXREG[4:]))


def on_the_wire() -> Iterator[Field]:
    """The fields that have a type which the peer knows."""
    return (field for field in FIELDS if codes_of(field) and field not in ADDED)


def matches(field: Field) -> Iterator[Match]:
    """The field with a value, and with a mask if it can have one."""
    needs = NEEDS[field.needs.name].replace("ip", "ipv6" if field.name.startswith("ct_ipv6") else "ip")
    base = parse_match(needs) if needs else Match()
    value = SPECIAL.get(field.name, 0x1234567890ABCDEF1234567890ABCDEF & field.ones)
    if field.name.startswith("tun_metadata"):
        value &= (1 << 64) - 1
        yield base.where(field, value, (1 << 64) - 1)
        return
    if field.name == "vlan_vid":
        value |= 0x1000
    yield base.where(field, value)
    mask = field.ones & ~1
    if field.maskable and mask and field.name not in ("vlan_vid", "tun_erspan_dir"):
        yield base.where(field, value & mask, mask)


def flow_mods() -> Iterator[tuple[Field, int, bytes]]:
    """Each match in each version's NXM or OXM."""
    for field in on_the_wire():
        for match in matches(field):
            for version in sorted(ALL_VERSIONS):
                if version != 2:  # OpenFlow 1.1 has neither
                    yield field, version, encode(FlowMod(match=match), version, 2, nxm=True, table_ids=False)
