"""The programs that most hosts need, to be prepared when a package is built: those of a learning switch.

packaging/xenserver/prepare.py writes them, and prepared.py finds them.  A switch whose rules look at more has masks of
its own; its programs are generated when they are needed, as all are where nothing is prepared.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from vswitch.bpf.spec import ProgramSpec
from vswitch.datapath.ebpf.actions import UP, plan_actions
from vswitch.datapath.ebpf.features import Features
from vswitch.datapath.ebpf.keys import EVERYTHING, KeyMask
from vswitch.datapath.ebpf.prepared import prepare_main, prepare_shape
from vswitch.dpif.action import DatapathAction, Output, PopVlan, PushVlan
from vswitch.dpif.ports import OdpPort
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import ETH_TYPE, LAYOUT

MOST_MASKS = 3
MOST_PORTS = 16
_FRAGMENT = 3 << LAYOUT.offset("ip_frag")
_UNTAGGED = 0x1000 << LAYOUT.offset("vlan_tci")  # whether there is a tag
_TAGGED = LAYOUT.mask("vlan_tci", "vlan_tpid")
_ONE_TAG = 0x1000 << LAYOUT.offset("vlan2_tci")  # that there is no second
# What a learning switch looks at, besides ports, MAC addresses and tags, in packets that are not IP, in IP, and in ARP
# requests.
_KINDS = (0, _FRAGMENT, LAYOUT.mask("ip_src", "ip_dst", "ip_proto"))
_LEARNING = LAYOUT.mask("in_port", "eth_type", "eth_src", "eth_dst") | _ONE_TAG


def masks() -> tuple[KeyMask, ...]:
    """Those of a learning switch, for packets without a tag and with one."""
    return tuple(KeyMask(Mask(_LEARNING | tag | kind)) for tag in (_UNTAGGED, _TAGGED) for kind in _KINDS)


def action_lists() -> Iterator[list[DatapathAction]]:
    """Those of a learning switch: to one port by another tag than the packet has, to all, and to all of a VLAN.

    The host and the uplink take packets with their tags, and come before the ports of domains, which take them without.
    """
    push, pop = PushVlan(0), PopVlan()
    for n in range(1, MOST_PORTS):
        domains = _to(n)
        yield from ([*_to(1), *domains], [push, *domains], [pop, *domains])
        for tagged in (_to(1), _to(2)):
            yield from ([*tagged, pop, *domains], [push, *tagged, pop, *domains], [*domains, push, *tagged])


def _to(n: int) -> list[DatapathAction]:
    """Outputs to so many ports; which these are is no part of a program."""
    return [Output(OdpPort(1))] * n


def programs(features: Features) -> Iterator[tuple[str, str, ProgramSpec]]:
    """(name for people, digest, program) of each."""
    for from_host, side in ((False, "device"), (True, "host")):
        yield (
            f"everything-from-{side}",
            *prepare_main([EVERYTHING], from_host, features),
        )  # what the probe tries
        for n in range(MOST_MASKS + 1):
            for chosen in permutations(enumerate(masks(), 1), n):
                name = "-".join(["masks", *(str(number) for number, _ in chosen), "from", side])
                yield name, *prepare_main([mask for _, mask in chosen], from_host, features)
    shapes = [plan_actions(actions, Flow(0), ETH_TYPE.mask).shape for actions in action_lists()]
    for number, shape in enumerate(dict.fromkeys((UP, *shapes)), 1):
        yield f"actions-{number}", *prepare_shape(shape)
