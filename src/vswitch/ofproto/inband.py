"""In-band control: what a switch needs to forward whatever its controllers say, so that it can reach them through itself.

    180000  DHCP from the local port            180005  ARP replies that tell of a remote
    180001  ARP replies to the local port       180006  ARP requests of a remote
    180002  ARP requests of the local port      180007  TCP to a remote
                                                180008  TCP from a remote

The rules are above those of controllers, which do not see them.  (180003 and 180004, ARP of the next hop on the way to a
remote behind a router, are not made: the host's own ARP is covered by those before.)

Sources: OVS Documentation/topics/design.rst, "In-Band Control"; ovs-vswitchd.conf.db(5), Bridge: other_config:
disable-in-band, in-band-queue; `bridge/dump-flows` of the peer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vswitch.flow.match import parse_match
from vswitch.flow.ports import OFPP_NORMAL
from vswitch.ofproto.rule import Rule
from vswitch.openflow.actions.base import Action
from vswitch.openflow.actions.output import Output, SetQueue

Remote = tuple[str, int]  # an IPv4 address and a TCP port


def in_band_rules(local_mac: str, remotes: Iterable[Remote], queue: int | None, now: float) -> list[Rule]:
    """The rules for a bridge with `local_mac`, by descending priority; none without remotes."""
    known = sorted(set(remotes))
    if not known:
        return []
    actions: tuple[Action, ...] = (Output(OFPP_NORMAL),)
    if queue is not None:
        actions = (SetQueue(queue), *actions)
    return [
        Rule(0, parse_match(match), priority, actions, created=now, modified=now, used=now)
        for priority, match in (
            *_for_all(local_mac),
            *(each for remote in known for each in _for_one(*remote)),
        )
    ]


def _for_all(mac: str) -> Iterator[tuple[int, str]]:
    yield 180000, f"udp,in_port=LOCAL,dl_src={mac},tp_src=68,tp_dst=67"
    yield 180001, f"arp,dl_dst={mac},arp_op=2"
    yield 180002, f"arp,dl_src={mac},arp_op=1"


def _for_one(address: str, port: int) -> Iterator[tuple[int, str]]:
    yield 180005, f"arp,arp_tpa={address},arp_op=2"
    yield 180006, f"arp,arp_spa={address},arp_op=1"
    yield 180007, f"tcp,nw_dst={address},tp_dst={port}"
    yield 180008, f"tcp,nw_src={address},tp_src={port}"
