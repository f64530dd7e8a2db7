"""The simplest switch that a datapath can serve, to test datapaths without the daemon: it learns, forwards, floods.

    python -m tests.e2e.hub TYPE PORT[=VLAN] …        PORT: a device, or internal:NAME; no VLAN: a trunk of all

Every miss becomes a megaflow.  It prints `ready` when the ports are there.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from vswitch.base.errors import KernelError
from vswitch.datapath.ebpf.datapath import EbpfDatapath
from vswitch.datapath.ebpf.features import Features
from vswitch.datapath.userspace.datapath import UserspaceDatapath
from vswitch.dpif.action import DatapathAction, Output, PopVlan, PushVlan
from vswitch.dpif.datapath import Datapath
from vswitch.dpif.megaflow import Execute, Megaflow, Upcall
from vswitch.dpif.ports import OdpPort
from vswitch.dpif.registry import Registry
from vswitch.dpif.ufid import ufid_of
from vswitch.flow.field import Mask
from vswitch.flow.fields import ETH_DST, ETH_SRC, ETH_TYPE, IN_PORT, RECIRC_ID, VLAN_TCI
from vswitch.netdev.types import register_linux

DATAPATHS: dict[str, Callable[[], Datapath]] = {
    "userspace": lambda: UserspaceDatapath("ovs-netdev", time.monotonic),
    "ebpf": lambda: EbpfDatapath("ovs-ebpf"),
    "clsact": lambda: EbpfDatapath("ovs-ebpf", features=Features.all_but(["tcx"])),
}
MASK = Mask(IN_PORT.mask | RECIRC_ID.mask | ETH_SRC.mask | ETH_DST.mask | ETH_TYPE.mask | VLAN_TCI.mask)


@dataclass
class Hub:
    """The ports with their VLANs (None: trunk), and where each address was last seen."""

    datapath: Datapath
    vlans: dict[OdpPort, int | None] = field(default_factory=dict)
    stations: dict[tuple[int, int], OdpPort] = field(default_factory=dict)

    def handle(self, upcall: Upcall) -> None:
        """Learn from a packet, and send it and those like it on."""
        flow = upcall.flow
        source = OdpPort(IN_PORT.get(flow))
        tag = VLAN_TCI.get(flow)
        own = self.vlans[source]
        vlan = own if own is not None else tag & 0xFFF
        if self.stations.get((vlan, ETH_SRC.get(flow))) != source:
            self.stations[vlan, ETH_SRC.get(flow)] = source
            self.datapath.flow_flush()
        known = self.stations.get((vlan, ETH_DST.get(flow)))
        targets = [known] if known is not None else list(self.vlans)
        actions = self.outputs(source, vlan, bool(tag), targets)
        self.datapath.flow_put([Megaflow(ufid_of(flow, MASK, b""), flow, MASK, actions)])
        self.datapath.execute([Execute(upcall.packet, flow, actions)])

    def outputs(
        self, source: OdpPort, vlan: int, tagged: bool, targets: list[OdpPort]
    ) -> tuple[DatapathAction, ...]:
        """Untagged copies to the access ports of `vlan`, tagged ones to trunks; nothing back to the source."""
        others = [port for port in targets if port != source]
        access = [Output(port) for port in others if self.vlans[port] == vlan]
        trunks = [Output(port) for port in others if self.vlans[port] is None]
        if vlan and tagged:
            return (*trunks, PopVlan(), *access) if access else tuple(trunks)
        if vlan:
            return (*access, PushVlan(0x1000 | vlan), *trunks) if trunks else tuple(access)
        return (*access, *trunks)


async def main(type: str, *ports: str) -> None:
    """Run until somebody ends us."""
    registry = Registry()
    register_linux(registry)
    hub = Hub(DATAPATHS[type]())
    for word in ports:
        name, _, vlan = word.partition("=")
        kind, _, device = name.rpartition(":")
        netdev = registry.netdevs[kind](device, {})
        hub.vlans[hub.datapath.port_add(netdev)] = int(vlan) if vlan else None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, hub.datapath.close)
    print("ready", flush=True)  # noqa: T201
    async for batch in hub.datapath.upcalls():
        for upcall in batch:
            try:
                hub.handle(upcall)
            except KernelError as error:
                print(error, flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
