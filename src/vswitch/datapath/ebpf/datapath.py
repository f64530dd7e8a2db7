"""The eBPF datapath: megaflows that the kernel runs, in programs made for them.

Everything is pinned on a bpffs: when the daemon dies, ports, programs and megaflows go on, and packets for which there
is no megaflow wait in the ring.  The next daemon that opens the datapath finds its ports and megaflows where they were.

    <bpffs>/vswitch/<name>-<netns>/     maps.py says what is there
    …/subtables/  …/links/              links: only with tcx (hooks.py)

What differs from a datapath that is a program of its own:
- A TAP device, the host's end of an internal port, has to be persistent to outlive the daemon (netdev/tap.py).
- Packets do not meet a megaflow with a new mask until the programs are made anew, which takes milliseconds.  So that
  the packets that wait for the daemon need not wait for that, too, it follows RENEW_AFTER later, or before a megaflow
  is removed: whatever took its place is there first.
- Packets that go straight to the other end of a veth pair (shortcuts.py), and those to and from the host, pass the
  devices' own counters; `PortCounters.port_stats` has them.

Sources: OVS lib/dpif-provider.h for the meaning of ports and megaflows.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import zlib
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from vswitch.base.errors import KernelError
from vswitch.base.log import Logger
from vswitch.datapath.ebpf import keys, maps
from vswitch.datapath.ebpf.claim import Claim
from vswitch.datapath.ebpf.compile import Target
from vswitch.datapath.ebpf.features import Features
from vswitch.datapath.ebpf.flows import FlowTable
from vswitch.datapath.ebpf.hooks import ClsactHooks, Hooks, TcxHooks
from vswitch.datapath.ebpf.lists import ActionLists
from vswitch.datapath.ebpf.maps import ACTION, EXECUTE, Maps
from vswitch.datapath.ebpf.notes import Kind, Notes
from vswitch.datapath.ebpf.place import directory_of, n_cpus
from vswitch.datapath.ebpf.ports import Ports
from vswitch.datapath.ebpf.prepared import Store
from vswitch.datapath.ebpf.probe import find_features
from vswitch.datapath.ebpf.programs import Programs
from vswitch.datapath.ebpf.shortcuts import Shortcuts
from vswitch.datapath.ebpf.upcalls import BATCH, Record, UpcallQueue
from vswitch.datapath.userspace.execute import execute
from vswitch.dpif.action import Cookie, DatapathAction, Userspace
from vswitch.dpif.datapath import Datapath, DatapathError, DatapathStats, PortCounters, Support
from vswitch.dpif.frame import HEADER_SIZE, frame_of, packet_of
from vswitch.dpif.megaflow import Execute, FlowStats, Megaflow, Ufid, Upcall
from vswitch.dpif.netdev import Netdev, NetdevStats
from vswitch.dpif.ports import DatapathPort, OdpPort
from vswitch.flow.extract import extract
from vswitch.flow.fields import IN_PORT
from vswitch.linux import bpffs
from vswitch.linux.bpf import Link, lift_memory_limit

log = Logger("dpif_ebpf")

_U64 = struct.Struct("=Q")
_FORMAT = 3  # of what notes, maps and parameters mean beyond their layout
_HOUSEKEEPING = 1.0  # seconds
RENEW_AFTER = 0.01  # seconds: two hosts that begin to talk have asked for addresses and answered within it
_ORDER_EVERY = 5  # times of housekeeping


class EbpfDatapath(Datapath, PortCounters):
    """A datapath in the kernel, in the network namespace of the thread that opens it."""

    type = "ebpf"

    def __init__(self, name: str, root: Path | None = None, features: Features | None = None) -> None:
        """Make the datapath, or take over what an earlier daemon left; `root` is the bpffs.  KernelError.

        `features` are those that a probe has found.
        """
        self.name = name
        lift_memory_limit()
        self._features = features or find_features()
        self._store = Store.of_this_kernel(self._features)
        self.support = Support()
        self._directory = directory_of(name, root or bpffs.root())
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None  # while somebody takes upcalls
        self._renewal: asyncio.TimerHandle | None = None
        self._local: deque[Upcall] = deque()  # of packets that passed this process
        self._wake = asyncio.Event()
        self._claim = Claim(self._directory)
        try:
            self._begin()
        except BaseException:
            with contextlib.suppress(OSError):  # something is pinned there
                self._directory.rmdir()
            self._claim.release()
            raise
        log.info("%s: %s; programs %s", name, self._features, self._store)
        self._shortcuts = Shortcuts(self._ports)

    def _begin(self) -> None:
        """Take over what is there, or make everything anew."""
        if not self._reopen():
            remove_orphans(self._directory.parent)
            bpffs.clear(self._directory)
            self._sweep()
            self._create()

    def _sweep(self) -> None:
        """Take away hooks that go on without a pin; an earlier daemon may have made some where there are links now."""
        hooks = ClsactHooks(self.name)
        hooks.sweep()
        hooks.close()

    def _create(self) -> None:
        for part in ("links", "subtables"):
            (self._directory / part).mkdir(mode=0o700)
        self._build(Maps.create(self._directory, n_cpus()))
        self._notes.write(Kind.FORMAT, 0, self._fingerprint())

    def _build(self, opened: Maps) -> None:
        """Put the parts together, empty."""
        self._maps = opened
        self._notes = Notes(opened["notes"])
        hooks: Hooks
        if self._features.tcx:
            hooks = TcxHooks(self._directory / "links")
        else:
            hooks = ClsactHooks(self.name)
        self._programs = Programs(opened, hooks, Target(opened.n_groups, self._features), self._store)
        self._lists = ActionLists(opened, self._notes, self._store)
        self._ports = Ports(opened, self._notes, self._programs, self._device_changed)
        subtables = self._directory / "subtables"
        parts = self._maps, self._notes, self._programs, self._lists, subtables
        self._flows = FlowTable(*parts, self._ports.ifindex_of)
        self._queue = UpcallQueue(opened)

    def _fingerprint(self) -> list[int]:
        """What has to be the same for us to take over what another daemon left."""
        return [*_layout(), int(self._features.tcx)]

    def _reopen(self) -> bool:
        """Take over what is pinned; whether there was something that this version understands."""
        if not (self._directory / "subtables").is_dir():
            return False
        try:
            self._build(Maps.open(self._directory, n_cpus()))
        except KernelError as error:
            log.warn("%s: what an earlier daemon left is of no use: %s", self.name, error)
            return False
        try:
            if self._restore():
                return True
            log.info("%s: an earlier version left this datapath: beginning anew", self.name)
        except (KernelError, KeyError, ValueError) as error:
            log.warn("%s: what an earlier daemon left is of no use: %s", self.name, error)
        self._let_go(keep=True)
        return False

    def _restore(self) -> bool:
        """Learn what an earlier daemon made of the maps; whether this version understands it."""
        notes = self._notes.read()
        if notes[Kind.FORMAT].get(0) != self._fingerprint():
            return False
        self._lists.restore(notes[Kind.LIST])
        self._ports.restore(notes[Kind.PORT])
        numbers = self._ports.numbers_by_ifindex()
        self._flows.restore(notes[Kind.MASK], notes[Kind.SUBTABLE], numbers)
        self._flows.forget_masks()
        self._lists.finish_restoring()
        self._queue.take_over()
        self._programs.rebuild()
        log.info("%s: took over %d ports and %d flows", self.name, len(self._ports.all()), len(self._flows))
        return True

    # Ports

    def port_add(self, netdev: Netdev, number: OdpPort | None = None) -> OdpPort:
        """Attach `netdev`; a port that an earlier daemon left is taken over, with its number."""
        added = self._ports.add(netdev, number)
        self._shortcuts.look()
        return added

    def port_del(self, number: OdpPort) -> None:
        """Detach a port."""
        self._ports.delete(number)

    def ports(self) -> Mapping[OdpPort, DatapathPort]:
        """All ports by number."""
        return {number: port.info for number, port in sorted(self._ports.all().items())}

    def port_stats(self, number: OdpPort) -> NetdevStats:
        """What went past the counters of the port's device."""
        return self._ports.stats(number)

    def _device_changed(self, number: OdpPort) -> None:
        self._flows.device_changed(number)

    # Megaflows

    def flow_put(self, flows: Sequence[Megaflow]) -> None:
        """Install or change megaflows."""
        try:
            self._flows.put(flows)
        except DatapathError:
            raise
        except KernelError as error:
            raise DatapathError(error.errno, error.what) from None
        finally:
            if self._programs.are_outdated:
                self._renew_soon()

    def _renew_soon(self) -> None:
        if self._loop is None:
            self._renew()
        elif self._renewal is None:
            self._renewal = self._loop.call_later(RENEW_AFTER, self._renew)

    def _renew(self) -> None:
        """Let packets meet all megaflows."""
        if self._renewal:
            self._renewal.cancel()
            self._renewal = None
        if self._programs.are_outdated and not self._closed:
            self._programs.rebuild()

    def flow_del(self, ufids: Iterable[Ufid]) -> list[FlowStats | None]:
        """Remove megaflows."""
        self._renew()
        return self._flows.delete(ufids)

    def flow_dump(self) -> Iterator[tuple[Megaflow, FlowStats]]:
        """All megaflows."""
        return self._flows.dump()

    def flow_flush(self) -> None:
        """Remove all megaflows."""
        self._flows.flush()

    # Packets

    def execute(self, executes: Sequence[Execute]) -> None:
        """Put packets through actions."""
        for one in executes:
            self._execute(frame_of(one.packet), one.actions, OdpPort(IN_PORT.get(one.flow)))

    def _execute(self, frame: bytes, actions: Sequence[DatapathAction], in_port: OdpPort) -> None:
        def output(number: OdpPort, frame: bytes) -> None:
            if port := self._ports.get(number):
                try:
                    port.send(frame)
                except KernelError as error:
                    log.dbg("%s: %s", port.info.name, error)

        def userspace(cookie: Cookie, frame: bytes) -> None:
            self._local.append(Upcall(packet_of(frame), extract(frame[HEADER_SIZE:], in_port), cookie))
            self._wake.set()

        execute(frame, actions, output, userspace)

    async def upcalls(self) -> AsyncIterator[list[Upcall]]:
        """Packets for the switch, in batches, as they come, until `close`."""
        loop = self._loop = asyncio.get_running_loop()
        fd = self._queue.ring.fd
        loop.add_reader(fd, self._wake.set)
        timer = loop.call_later(_HOUSEKEEPING, self._keep_house, loop, 1)
        try:
            while not self._closed:
                self._wake.clear()
                if batch := self.take_upcalls():
                    yield batch
                    await asyncio.sleep(0)
                else:
                    await self._wake.wait()
        finally:
            loop.remove_reader(fd)
            timer.cancel()
            self._loop = None
            self._renew()

    def take_upcalls(self) -> list[Upcall]:
        """Upcalls that wait, a batch at most; packets that userspace is to handle alone are handled."""
        batch = [self._local.popleft() for _ in range(min(len(self._local), BATCH))]
        for record in self._queue.take():
            if record.kind == EXECUTE:
                self._execute_record(record)
            elif record.kind == ACTION:
                batch.extend(self._action_upcall(record))
            else:
                batch.append(Upcall(record.packet, record.flow))
        return batch

    def _execute_record(self, record: Record) -> None:
        actions = self._lists.actions(record.list)
        if actions is not None:
            self._execute(frame_of(record.packet), actions, record.port)

    def _action_upcall(self, record: Record) -> Iterator[Upcall]:
        actions = self._lists.actions(record.list)
        if actions is not None and isinstance(action := actions[record.action], Userspace):
            yield Upcall(record.packet, record.flow, action.cookie)

    def _keep_house(self, loop: asyncio.AbstractEventLoop, times: int) -> None:
        """Now and then: see who listens at the ports, and put busy subtables first."""
        if self._closed:
            return
        self._shortcuts.look()
        if times % _ORDER_EVERY == 0:
            self._flows.improve()
        loop.call_later(_HOUSEKEEPING, self._keep_house, loop, times + 1)

    def stats(self) -> DatapathStats:
        """Counters."""
        self._programs.count_hits()
        missed, lost, *hits = self._maps.totals()
        return DatapathStats(
            hit=sum(hits),
            missed=missed,
            lost=lost,
            flows=len(self._flows),
            mask_hits=self._programs.mask_hits,
            masks=self._flows.n_masks,
        )

    def close(self, keep: bool = False) -> None:
        """Let go; without `keep`, nothing of the datapath stays."""
        if self._closed:
            return
        self._renew()
        self._closed = True
        self._wake.set()
        if not keep:
            self._ports.release()
            bpffs.remove_tree(self._directory)
        else:
            self._shortcuts.leave()
        self._shortcuts.close()
        self._let_go(keep)
        self._claim.release()

    def _let_go(self, keep: bool) -> None:
        """Close every part; with `keep`, what is attached goes on."""
        self._queue.close()
        self._ports.close()
        self._programs.close(keep)
        self._flows.close()
        self._maps.close()


def remove_orphans(pinned: Path) -> None:
    """Remove what datapaths left whose devices have all gone, as those of a network namespace do when it goes.

    One without ports may be about to get some, and stays.
    """
    for directory in pinned.iterdir():
        with contextlib.suppress(OSError):  # it is being made, or somebody else removes it, too
            links = list((directory / "links").iterdir())
            if links and not any(map(_holds_device, links)):
                bpffs.remove_tree(directory)


def _holds_device(pin: Path) -> bool:
    """Whether the device of a pinned link is there, as far as one can tell."""
    try:
        link = Link.open(str(pin))
    except KernelError:
        return True
    try:
        return link.ifindex() != 0
    finally:
        link.close()


def _layout() -> list[int]:
    """What has to be the same for one daemon to understand what another one pinned."""
    layout = repr((keys.PARTS, maps.MEGAFLOW, maps.STATS, maps.NAME, maps.PORT, maps.UPCALL, maps.COUNTERS))
    sizes = maps.MAX_FLOWS, maps.MAX_PORTS, maps.RING_SIZE, maps.PARAMETERS_SIZE, n_cpus()
    return [_FORMAT, zlib.crc32(layout.encode()), *sizes, os.sysconf("SC_PAGE_SIZE")]
