"""The datapaths that ovs-dpctl finds: those that are pinned on the bpffs, with what their devices have carried."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from vswitch.base.errors import KernelError
from vswitch.datapath.ebpf.pinned import PinnedDatapath
from vswitch.dpif.netdev import NetdevStats
from vswitch.linux.rtnetlink import Rtnetlink
from vswitch.vswitchd.dpctl import DatapathView

HOST_TYPES = ("internal", "tap")  # of ports whose device counts for the host


def pinned_views(places: Iterable[tuple[str, Path]]) -> list[DatapathView]:
    """The datapaths at `places`, each with its name.  KernelError: one cannot be read."""
    found = [PinnedDatapath(name, directory) for name, directory in places]
    return [DatapathView(each, partial(_stats, each)) for each in found]


def _stats(datapath: PinnedDatapath, name: str) -> NetdevStats | None:
    """What the port `name` has carried, through its device and past it; None: the device has gone."""
    port = next(port for port in datapath.ports().values() if port.name == name)
    rtnetlink = Rtnetlink()
    try:
        stats = NetdevStats(*rtnetlink.link(name, stats=True).counters)
    except KernelError:
        return None
    finally:
        rtnetlink.close()
    return (stats.swapped() if port.type in HOST_TYPES else stats).plus(datapath.port_stats(port.number))
