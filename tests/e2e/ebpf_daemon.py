"""A daemon to be killed: an eBPF datapath `test` with ports h1, h2 and br0, and megaflows between them.

python -m tests.e2e.ebpf_daemon; it prints `ready` and waits.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator

from vswitch.datapath.ebpf.datapath import EbpfDatapath
from vswitch.dpif.action import Output
from vswitch.dpif.megaflow import Megaflow, Ufid
from vswitch.dpif.ports import OdpPort
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import ETH_DST, ETH_TYPE, IN_PORT
from vswitch.netdev.internal import InternalDevice
from vswitch.netdev.linux import Kernel, LinuxDevice

MASK = Mask(IN_PORT.mask | ETH_TYPE.mask | ETH_DST.mask)
BROADCAST = (1 << 48) - 1


def megaflows(macs: list[int]) -> Iterator[Megaflow]:
    """What joins the ports from 1 on that have `macs`."""
    ports = range(1, len(macs) + 1)
    targets = [(mac, (to,)) for to, mac in zip(ports, macs, strict=True)] + [(BROADCAST, tuple(ports))]
    for port in ports:
        for type in (0x0800, 0x0806):
            for mac, to in targets:
                flow = ETH_DST.put(ETH_TYPE.put(IN_PORT.put(Flow(0), port), type), mac)
                actions = tuple(Output(OdpPort(other)) for other in to if other != port)
                yield Megaflow(Ufid(hash((port, type, mac)) & (1 << 64) - 1), flow, MASK, actions)


def main() -> None:
    """Set up, and wait."""
    kernel = Kernel()
    datapath = EbpfDatapath("test")
    for name in ("h1", "h2"):
        datapath.port_add(LinuxDevice(name, kernel))
    internal = InternalDevice("br0", kernel)
    datapath.port_add(internal)
    internal.set_up(True)
    subprocess.run(["ip", "address", "add", "10.0.0.3/24", "dev", "br0"], check=True)
    datapath.flow_put(list(megaflows([0x020000000001, 0x020000000002, internal.state().mac])))
    print("ready", flush=True)  # noqa: T201 - for the test that started us
    signal.pause()


if __name__ == "__main__":
    main()
