"""The daemon's life: follow the database and the devices, reconfigure, write back.

Three things wake it: news from the database, news from the kernel about devices, and time.  Whatever it was, the next
round does what there is to do: reconfigure if what is wanted has changed, then tell the database what is different.

Sources: ovs-vswitchd(8); ovs-vswitchd.conf.db(5), Open_vSwitch: next_cfg, cur_cfg, other_config:stats-update-interval.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Mapping

from vswitch.aio.daemon import Service
from vswitch.aio.database import Database
from vswitch.aio.garbage import collect_garbage
from vswitch.aio.tls import Tls
from vswitch.base.log import Logger
from vswitch.base.options import version_line
from vswitch.linux.later import use_what_waits
from vswitch.linux.program import loading
from vswitch.linux.uuids import new_uuid
from vswitch.netdev.monitor import DeviceMonitor
from vswitch.ovsdb.change import FAILED, TRY_AGAIN, Transaction
from vswitch.ovsdb.column import Layout
from vswitch.ovsdb.replica import Change, Replica
from vswitch.vswitchd.bonds import Bonds
from vswitch.vswitchd.bridge import Config, read_config
from vswitch.vswitchd.commands import add_commands
from vswitch.vswitchd.platform import Platform
from vswitch.vswitchd.status import write_bonds, write_configuration, write_statistics, write_status
from vswitch.vswitchd.unsupported import unsupported
from vswitch.vswitchd.vswitch import Vswitch

log = Logger("bridge")
limited = log.limited(rate=1, burst=1)

RETRY = 1.0  # seconds after which what another process held may be free
TABLES = ("Open_vSwitch", "Bridge", "Port", "Interface", "Controller", "SSL", "Flow_Table", "Manager")
STATUS_COLUMNS: Mapping[str, Collection[str]] = {  # what we write ourselves
    "Open_vSwitch": {
        "cur_cfg", "statistics", "datapath_types", "iface_types", "dpdk_initialized", "dpdk_version"
    },
    "Bridge": {"datapath_id", "datapath_version", "status", "rstp_status"},
    "Port": {"bond_active_slave", "status", "rstp_status", "rstp_statistics", "statistics"},
    "Interface": {
        "mac_in_use", "ifindex", "ofport", "statistics", "status", "admin_state", "link_state", "link_resets",
        "link_speed", "duplex", "mtu", "error", "bfd_status", "lacp_current", "cfm_fault",
    },
    "Controller": {"is_connected", "role", "status"},
    "Manager": {"is_connected", "status"},  # which ovsdb-server writes
}  # fmt: skip


class SwitchDaemon:
    """A switch that does what a database says."""

    def __init__(self, service: Service, platform: Platform, remote: str, tls: Tls) -> None:
        self.service = service
        self.platform = platform
        self.vswitch = Vswitch(platform, tls)
        self._bonds = Bonds(self.vswitch, self._tell)
        self.replica = Replica("Open_vSwitch", _wanted, lock="ovs_vswitchd")
        self.database = Database(remote, self.replica, self._wake_up, tls)
        self._wake = asyncio.Event()
        self._reconfigure = self._status = self._statistics = False
        self._configured = False
        self._ignored: frozenset[str] = frozenset()  # wishes that were warned of

    async def run(self) -> None:
        """Live until the service is told to stop."""
        add_commands(self.service, self.vswitch, self._bonds)
        self.service.memory.append(self._memory)
        self.vswitch.on_change = self._status_changed
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(work)
                    for work in (
                        *(self.database.run(), self._follow(), self._watch_devices(), self._sample()),
                        self._load_the_rest(),
                        collect_garbage(lambda: self.vswitch.n_removed),
                    )
                ]
                await self.service.stopping.wait()
                for task in tasks:
                    task.cancel()
        finally:
            await self.vswitch.close(self.service.cleanup)
            self.platform.close()

    def _wake_up(self) -> None:
        self._wake.set()

    def _status_changed(self) -> None:
        self._bonds.look()
        self._tell()

    def _tell(self) -> None:
        """Have the database told what is different."""
        self._status = True
        self._wake.set()

    async def _follow(self) -> None:
        """Do what there is to do, whenever there is something."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if any(map(_matters, self.replica.changes())):
                self._reconfigure = True
            if not self.replica.is_synchronized:
                continue
            if not self.replica.has_lock:
                await self._stand_by()
                continue
            if self._reconfigure or not self._configured:
                await self._apply()
            if self._status or self._statistics:
                await self._write()
            if not self._configured:
                self._configured = True
                log.info("%s", version_line(self.service.program))
                self.service.ready()

    async def _load_the_rest(self) -> None:
        """Import what had to wait until the switch works, before somebody waits for it: 50 ms in small steps."""
        await self.service.started.wait()
        with loading():
            for _ in use_what_waits():
                await asyncio.sleep(0)

    async def _apply(self) -> None:
        self._reconfigure = False
        ignored = frozenset(unsupported(self.replica.rows))
        for line in sorted(ignored - self._ignored):
            log.warn("%s", line)
        self._ignored = ignored
        await self.vswitch.apply(read_config(self.replica.rows))
        self._bonds.look()
        self._status = self._statistics = True
        if self.vswitch.is_waiting:
            asyncio.get_running_loop().call_later(RETRY, self._try_again)

    def _try_again(self) -> None:
        self._reconfigure = True
        self._wake.set()

    async def _stand_by(self) -> None:
        """Another daemon has the lock: leave everything to it until it goes away."""
        limited.err(
            "another ovs-vswitchd process is running, disabling this process (pid %d) until it goes away",
            os.getpid(),
        )
        if self.vswitch.bridges:
            await self.vswitch.apply(Config())
        self._reconfigure = True

    async def _write(self) -> None:
        """Tell the database what is different."""
        transaction = Transaction(self.replica, new_uuid)
        status, statistics = self._status, self._statistics
        self._status = self._statistics = False
        if status:
            write_configuration(transaction, self.vswitch)
            write_status(transaction, self.vswitch, asyncio.get_running_loop().time())
            write_bonds(transaction, self.vswitch, self._bonds.active_macs())
        if statistics:
            write_statistics(transaction, self.vswitch)
        outcome = await self.database.send(transaction)
        match outcome.status:
            case str(status_) if status_ == TRY_AGAIN:
                self._status, self._statistics = self._status or status, self._statistics or statistics
                self._wake.set()
            case str(status_) if status_ == FAILED:
                limited.warn("failed to update the database: %s", outcome.error)

    async def _watch_devices(self) -> None:
        """Follow devices that come, go, change, and are renamed."""
        monitor = DeviceMonitor()
        try:
            async for changes in monitor.changes():
                for change in changes:
                    if self.vswitch.device_changed(change.name):
                        self._reconfigure = True
                self._wake.set()
        finally:
            monitor.close()

    async def _sample(self) -> None:
        """Have statistics written every now and then."""
        while True:
            await asyncio.sleep(self.vswitch.config.stats_interval)
            self._status = self._statistics = True
            self._wake.set()

    def _memory(self) -> Mapping[str, int]:
        cells = sum(len(row.__dict__) for rows in self.replica.rows.values() for row in rows.values())
        return {"idl-cells-Open_vSwitch": cells, **self.vswitch.memory()}


def _wanted(layout: Layout) -> dict[str, list[str]]:
    """All columns of the tables that a switch reads or writes."""
    return {name: list(layout.tables[name]) for name in TABLES if name in layout.tables}


def _matters(change: Change) -> bool:
    """Whether a change is one of what is wanted, and not of what we wrote ourselves."""
    if change.old is None or change.gone:
        return True
    return bool(change.old.keys() - STATUS_COLUMNS.get(change.table, ()))
