"""ovs-xapi-sync: keeps in the switch's database what controllers want to know and only XAPI knows.

The daemon watches bridges and interfaces.  When something is new, it asks XAPI for it and writes what follows, by the
rules of sync_rules.py.  It waits until XAPI has started: before that, XAPI would make everybody wait.

Sources: ovs-vswitchd(8) for the options; XenServer 6.0.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import MutableMapping

from vswitch.aio.daemon import Service, run_daemon
from vswitch.aio.database import Database
from vswitch.base.log import Logger
from vswitch.base.options import Given
from vswitch.ovsdb.record import AnyRecord
from vswitch.ovsdb.replica import Replica
from vswitch.ovsdb.rows import Changes
from vswitch.xenserver.daemon import PROGRAM
from vswitch.xenserver.host import Host
from vswitch.xenserver.lookups import Lookups, Wanted
from vswitch.xenserver.sync_rules import DEVICE, Change, bridge_id, bridge_settings, interface_ids

log = Logger("sync")

COOKIE = "/var/run/xapi_init_complete.cookie"
COLUMNS = {
    "Bridge": ["name", "external_ids", "other_config", "fail_mode"],
    "Interface": ["name", "external_ids"],
}
PAUSE = 1.0  # seconds between two looks at XAPI while it is not there


def run(given: Given, remote: str) -> int:
    """Be the daemon on the database at `remote`."""
    host = Host(given.get("root-prefix") or "")
    return run_daemon(PROGRAM, given, lambda service: Sync(host, remote).run(service))


class Sync:
    """The daemon on `host`."""

    def __init__(self, host: Host, remote: str) -> None:
        self._host = host
        self._remote = remote
        self._replica = Replica("Open_vSwitch", COLUMNS)
        self._lookups = Lookups(host)
        self._settled: set[str] = set()  # the bridges whose settings have been written once
        self._again = asyncio.Event()
        self._is_stale = False  # whether what is known is to be forgotten
        self._is_current = host.is_current()

    async def run(self, service: Service) -> None:
        """Serve until told to stop."""
        service.commands.add("flush-cache", "", 0, 0, lambda words: self.flush())
        service.on_signal[signal.SIGHUP] = self.flush
        service.ready()  # whoever has started us must not wait for the database
        async with asyncio.TaskGroup() as tasks:
            work = tasks.create_task(self._serve())
            await service.stopping.wait()
            work.cancel()
        self._lookups.close()

    def flush(self) -> None:
        """Ask XAPI for everything anew, when the pass that may be going on is over."""
        self._is_stale = True
        self._again.set()

    async def _serve(self) -> None:
        async with Database(self._remote, self._replica, self._again.set) as database:
            await self._work(database)

    async def _work(self, database: Database) -> None:
        while not self._host.has(COOKIE):  # noqa: ASYNC110 - a file appears; nobody tells us
            await asyncio.sleep(PAUSE)
        log.info("XAPI has started")
        self._again.set()
        while True:
            if self._lookups.is_complete:
                await self._again.wait()
            else:
                await asyncio.sleep(PAUSE)
            self._again.clear()
            if self._replica.is_synchronized:
                await self._pass(database)

    async def _pass(self, database: Database) -> None:
        """Bring the database to what XAPI says."""
        if self._is_stale:
            self._is_stale = False
            self._lookups.flush()
            self._settled.clear()
        await asyncio.to_thread(self._lookups.gather, self._wanted())
        bridges = {row["name"] for row in self._replica.table("Bridge").values()}
        self._settled &= bridges
        await database.commit(self._write)
        self._settled |= bridges & self._lookups.networks.keys()

    def _wanted(self) -> Wanted:
        ids = [
            row["external_ids"]
            for row in self._replica.table("Interface").values()
            if DEVICE.match(row["name"])
        ]
        return Wanted(
            bridges=frozenset(row["name"] for row in self._replica.table("Bridge").values()),
            vifs=frozenset(uuid for each in ids if (uuid := each.get("xs-vif-uuid"))),
            vms=frozenset(uuid for each in ids if (uuid := each.get("xs-vm-uuid")) and not self._is_current),
        )

    def _write(self, changes: Changes) -> None:
        """What becomes different.  All that it follows from is relied on."""
        for bridge in changes.rows("Bridge"):
            self._write_bridge(bridge)
        interfaces = {record.name: record for record in changes.rows("Interface")}
        ids = {name: dict(record.external_ids) for name, record in interfaces.items()}
        lookups = self._lookups
        wanted = interface_ids(ids, lookups.vifs, lookups.vms, is_current=self._is_current)
        for name, change in wanted.items():
            _apply(interfaces[name].external_ids, change)
        changes.comment(f"{PROGRAM}: XAPI's names")

    def _write_bridge(self, bridge: AnyRecord) -> None:
        name = bridge.name
        known = self._lookups.networks.get(name)
        if known is not None and name not in self._settled:
            settings = bridge_settings(
                known, is_current=self._is_current, tell=lambda note: log.warn("%s: %s", name, note)
            )
            if settings.fail_mode is not None and settings.fail_mode != bridge.fail_mode:
                bridge.fail_mode = settings.fail_mode
            _apply(bridge.other_config, settings.other_config)
        ids = dict(bridge.external_ids)
        _apply(bridge.external_ids, bridge_id(known, ids, is_current=self._is_current))


def _apply(column: MutableMapping[str, str], change: Change) -> None:
    """Write the keys that are to differ from what they are."""
    for key, value in change.items():
        if value is None:
            column.pop(key, None)
        elif column.get(key) != value:
            column[key] = value
