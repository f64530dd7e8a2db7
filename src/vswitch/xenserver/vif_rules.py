"""Locking modes: which packets a domain's card may send, as flows of the bridge.

`unlocked`: any.  `disabled`: none, and the card is on no bridge.  `locked`: from its own MAC address, and from the
IP addresses that XAPI lists for it; and DHCP, ARP and neighbour discovery that tell the truth.  All flows of a card have
the cookie 1 and its port, by which they are found again.

Sources: XenServer Administrator's Guide, "Switch port locking"; RFC 4861, RFC 4443; ovs-fields(7).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vswitch.base.dataclass import dataclass
from vswitch.base.jsontype import Json
from vswitch.xenserver.records import ReconfigureError

COOKIE = 1
NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT = 135, 136
FORBIDDEN_ICMP6 = (134, 137, 146, 147, 151, 152, 153)  # what routers and proxies say, not hosts


@dataclass(frozen=True, slots=True)
class Rules:
    """What XAPI's metadata says of one card."""

    bridge: str
    mac: str
    mode: str = "unlocked"  # unlocked, disabled or locked
    ipv4: tuple[str, ...] = ()  # of locked: the addresses
    ipv6: tuple[str, ...] = ()


def parse_rules(metadata: Json) -> Rules:
    """The rules in a card's metadata; raises ReconfigureError, for who cannot read a lock must not open it."""
    try:
        kind, bridge = metadata["backend"]
        mode, addresses = _mode(metadata["locking_mode"])
        rules = Rules(
            str(bridge),
            str(metadata["mac"]).lower(),
            mode,
            tuple(map(str, addresses.get("ipv4", ()))),
            tuple(map(str, addresses.get("ipv6", ()))),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReconfigureError(f"the card's metadata is not understood: {error!r}") from None
    if kind != "Local":
        raise ReconfigureError(f"the card's backend is '{kind}', not in this domain")
    if rules.mode not in ("unlocked", "disabled", "locked"):
        raise ReconfigureError(f"unknown locking mode '{rules.mode}'")
    return rules


def _mode(value: Json) -> tuple[str, dict[str, Json]]:
    """A mode alone, or a mode with its addresses."""
    if isinstance(value, str):
        return value.lower(), {}
    mode, addresses = value
    return str(mode).lower(), addresses


def locked_flows(rules: Rules, port: str) -> list[str]:
    """The flows of a locked card at `port`, as ovs-ofctl reads them."""
    return [f"cookie={COOKIE},in_port={port},{flow}" for flow in _flows(rules)]


def _flows(rules: Rules) -> Iterator[str]:
    own = f"dl_src={rules.mac}"
    yield f"priority=8000,{own},udp,tp_src=68,tp_dst=67,actions=normal"
    for address in ("0.0.0.0", *rules.ipv4):
        yield f"priority=7000,{own},arp,arp_sha={rules.mac},nw_src={address},actions=normal"
    for address in rules.ipv4:
        yield f"priority=6000,{own},ip,nw_src={address},actions=normal"
    yield from _ipv6(rules.mac, own, rules.ipv6)
    for type in (NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT):
        yield f"priority=7000,icmp6,icmp_type={type},actions=drop"
    for type in FORBIDDEN_ICMP6:
        yield f"priority=6000,icmp6,icmp_type={type},actions=drop"
    yield "priority=4000,actions=drop"


def _ipv6(mac: str, own: str, addresses: Sequence[str]) -> Iterator[str]:
    for address in addresses:
        asks = f"priority=8000,{own},icmp6,icmp_type={NEIGHBOUR_SOLICITATION}"
        yield f"{asks},ipv6_src={address},nd_sll={mac},actions=normal"
        yield f"{asks},ipv6_src=::,nd_target={address},actions=normal"  # is anybody using my address?
        answers = f"priority=8000,{own},icmp6,icmp_type={NEIGHBOUR_ADVERTISEMENT}"
        yield f"{answers},nd_target={address},nd_tll={mac},actions=normal"
        for protocol in ("tcp6", "udp6", "icmp6"):
            yield f"priority=5000,{own},{protocol},ipv6_src={address},actions=normal"
