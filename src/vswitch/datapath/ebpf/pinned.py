"""eBPF datapaths as they are pinned, whether their daemon lives or not: for ovs-dpctl, which is not that daemon.

What is read is true at the moment, also while the daemon changes it.  What is removed, packets no longer find, and come up
instead; the daemon, if there is one, puts it again when it is asked to.  All else is the daemon's to do.
"""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from vswitch.base.errors import KernelError
from vswitch.datapath.ebpf.compile import Target
from vswitch.datapath.ebpf.features import Features
from vswitch.datapath.ebpf.flows import FlowTable
from vswitch.datapath.ebpf.hooks import TcxHooks
from vswitch.datapath.ebpf.lists import ActionLists
from vswitch.datapath.ebpf.maps import Maps
from vswitch.datapath.ebpf.notes import Kind, Notes
from vswitch.datapath.ebpf.place import n_cpus
from vswitch.datapath.ebpf.programs import Programs
from vswitch.dpif.datapath import Datapath, DatapathError, DatapathStats, PortCounters, Support
from vswitch.dpif.megaflow import Execute, FlowStats, Megaflow, Ufid, Upcall
from vswitch.dpif.netdev import Netdev, NetdevStats
from vswitch.dpif.ports import DatapathPort, OdpPort

_TRIES = 5  # to read what a daemon is just changing


class PinnedDatapath(Datapath, PortCounters):
    """A datapath in the kernel, seen from outside of its daemon."""

    type = "ebpf"

    def __init__(self, name: str, directory: Path) -> None:
        """Read what is pinned in `directory`.  KernelError: another version wrote it, or it is just going."""
        self.name = name
        self.support = Support()
        self._directory = directory
        for left in range(_TRIES - 1, -1, -1):
            self._open()
            try:
                self._read()
                break
            except (KernelError, KeyError, ValueError) as error:
                self.close()
                if not left:
                    raise KernelError(errno.EINVAL, f"{directory}: {error}") from error

    def _open(self) -> None:
        self._maps = Maps.open(self._directory, n_cpus())
        self._notes = Notes(self._maps["notes"])
        target = Target(self._maps.n_groups, Features())
        self._programs = Programs(self._maps, TcxHooks(self._directory / "links"), target)
        self._lists = ActionLists(self._maps, self._notes)
        parts = self._maps, self._notes, self._programs, self._lists
        self._flows = FlowTable(*parts, self._directory / "subtables", lambda number: 0)

    def _read(self) -> None:
        notes = self._notes.read()
        ports = notes[Kind.PORT]
        self._ports = {
            OdpPort(id): DatapathPort(OdpPort(id), note["name"], note["type"]) for id, note in ports.items()
        }
        self._lists.restore(notes[Kind.LIST])
        numbers = {int(note["ifindex"]): OdpPort(id) for id, note in ports.items()}
        self._flows.restore(notes[Kind.MASK], notes[Kind.SUBTABLE], numbers)

    def ports(self) -> Mapping[OdpPort, DatapathPort]:
        """All ports by number."""
        return dict(sorted(self._ports.items()))

    def port_stats(self, number: OdpPort) -> NetdevStats:
        """What went past the counters of the port's device."""
        rx_packets, rx_bytes, tx_packets, tx_bytes = self._maps.port_totals(number)
        return NetdevStats(rx_packets=rx_packets, tx_packets=tx_packets, rx_bytes=rx_bytes, tx_bytes=tx_bytes)

    def flow_dump(self) -> Iterator[tuple[Megaflow, FlowStats]]:
        """All megaflows."""
        return self._flows.dump()

    def flow_del(self, ufids: Iterable[Ufid]) -> list[FlowStats | None]:
        """Let packets find megaflows no more."""
        return self._flows.hide(ufids)

    def flow_flush(self) -> None:
        """The same for all of them."""
        self._flows.hide([megaflow.ufid for megaflow, _ in self.flow_dump()])

    def stats(self) -> DatapathStats:
        """Counters."""
        self._programs.count_hits()
        missed, lost, *hits = self._maps.totals()
        n = len(self._flows)
        mask_hits, masks = self._programs.mask_hits, self._flows.n_masks
        return DatapathStats(sum(hits), missed, lost, n, mask_hits, masks)

    def close(self, keep: bool = True) -> None:
        """Let go; everything goes on."""
        self._flows.close()
        self._maps.close()

    # What the daemon does

    def port_add(self, netdev: Netdev, number: OdpPort | None = None) -> OdpPort:
        """The daemon attaches ports."""
        raise _refusal()

    def port_del(self, number: OdpPort) -> None:
        """The daemon detaches ports."""
        raise _refusal()

    def flow_put(self, flows: Sequence[Megaflow]) -> None:
        """The daemon puts megaflows."""
        raise _refusal()

    def execute(self, executes: Sequence[Execute]) -> None:
        """The daemon executes actions."""
        raise _refusal()

    def upcalls(self) -> AsyncIterator[list[Upcall]]:
        """The daemon takes upcalls."""
        raise _refusal()


def _refusal() -> DatapathError:
    return DatapathError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
