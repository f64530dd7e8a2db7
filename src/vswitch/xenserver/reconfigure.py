"""interface-reconfigure: makes a PIF of a XenServer host a bridge, a bond, a VLAN; or takes it down.

XAPI calls it when it plugs and unplugs PIFs, the init script of the management interface at boot, and administrators
in an emergency.  A run reads records (from XAPI, or the copy that the last run kept) and the facts of the host, makes a
plan of them, which `--dry-run` prints, and carries it out.

Exit status: 0, done, or nothing to be done; 1, it failed, and the log says why; 2, the command line is wrong.

Sources: XenServer 5.6 to 6.0.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vswitch.base.errors import VswitchError
from vswitch.base.log import LOG, Level, Logger
from vswitch.base.options import CommandError, Given
from vswitch.cli.command import guarded
from vswitch.xenserver.actions import Planner, emergency
from vswitch.xenserver.arguments import PROGRAM, USAGE, Arguments, parse_arguments
from vswitch.xenserver.dbcache import CACHE, LATER_CACHE, emergency_records, read_cache, write_cache
from vswitch.xenserver.facts import STAND_IN, Facts
from vswitch.xenserver.host import DATABASE, Host
from vswitch.xenserver.ifcfg import NETWORK, SCRIPTS
from vswitch.xenserver.perform import Performer, SwitchFailure
from vswitch.xenserver.records import Pif, ReconfigureError, Records
from vswitch.xenserver.steps import Plan, SaveCache
from vswitch.xenserver.switchdb import SwitchDatabase
from vswitch.xenserver.topology import Topology

log = Logger(PROGRAM)

REWRITE = (
    "To have the management interface at the next boot: "
    f"{PROGRAM} --force BRIDGE rewrite --device DEVICE --mac MAC --mode dhcp"
)
ARDENCE = "/proc/ardence"
LET_GO_TIMEOUT = 5.0  # seconds


def main() -> int:
    """Run the program; return its exit status."""
    return guarded(PROGRAM, lambda: run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Do what a command line says; return the exit status."""
    arguments = parse_arguments(words)
    if arguments.wants_help:
        print(USAGE)
        return 0
    _start_logging(arguments)
    log.info("called as %s %s", PROGRAM, " ".join(words))
    host = Host(arguments.root)
    switch = SwitchDatabase(f"unix:{host.path(DATABASE)}", PROGRAM)
    try:
        return Reconfiguration(host, switch).run(arguments)
    except VswitchError as error:
        log.err("%s", error)
        raise CommandError(str(error)) from error
    except Exception:
        import traceback  # 8 ms that only a mistake of ours is worth

        for line in traceback.format_exc().splitlines():
            log.err("%s", line)
        raise CommandError("this is a mistake in the program; the log says more") from None


def _start_logging(arguments: Arguments) -> None:
    from vswitch.aio.sinks import start_logging

    start_logging(PROGRAM, Given())
    LOG.set_level(Level.OFF, destination="syslog" if not arguments.to_syslog else "console")
    LOG.set_level(Level.INFO, destination="console" if not arguments.to_syslog else "syslog")


class Reconfiguration:
    """One run on `host`."""

    def __init__(self, host: Host, switch: SwitchDatabase) -> None:
        self._host = host
        self._switch = switch

    def run(self, arguments: Arguments) -> int:
        """Plan, then print or carry out; raises ReconfigureError."""
        cache = self.cache()
        plan = self.plan(arguments, cache)
        if arguments.is_dry_run:
            for line in plan.lines():
                print(line)
            return 0
        try:
            Performer(self._host, self._switch, cache).perform(plan)
        except SwitchFailure as failure:
            raise ReconfigureError(f"{failure}{self._stand_in(arguments, cache)}") from failure
        return 0

    def _stand_in(self, arguments: Arguments, cache: str) -> str:
        """At boot, or in an emergency: have the host be reached without the switch.  What is to be said of it."""
        if not arguments.force or arguments.action != "up" or self._host.has_device(arguments.force):
            return ""  # a bridge that is there may well work as it is
        from vswitch.xenserver.standin import stand_in  # which few boots need

        topology = Topology(self._cached(cache))
        pif = _chosen(arguments, topology)
        if not (pif.management or arguments.management):
            return ""
        try:
            found = stand_in(topology, pif, self.facts(), lambda note: log.warn("%s", note))
            if found is None:
                return ""
            device, plan = found
            self._let_go(topology.bridge(topology.datapath(pif) or pif))
            Performer(self._host, self._switch, cache).perform(plan)
        except VswitchError as error:
            return f".  Nor could the network card take its place: {error}"
        return (
            f".  Until it works, {device} itself is the management interface; then start the switch, and call "
            f"{PROGRAM} --force {arguments.force} up"
        )

    def _let_go(self, bridge: str) -> None:
        """Should the switch come to life after all, it must not take the card."""
        try:
            self._switch.run(["--if-exists", "del-br", bridge], LET_GO_TIMEOUT, is_waiting=False)
        except VswitchError as error:
            log.info("%s", error)

    def cache(self) -> str:
        """Which file has the copy of XAPI's records on this host."""
        return LATER_CACHE if not self._host.has(CACHE) and self._host.has(LATER_CACHE) else CACHE

    def plan(self, arguments: Arguments, cache: str = CACHE) -> Plan:
        """What a command line makes of the present state."""
        if arguments.is_emergency:
            from uuid import uuid4  # 7 ms that only an emergency is worth

            refs = [f"OpaqueRef:{uuid4()}" for _ in range(2)]
            return emergency(cache, write_cache(emergency_records(arguments.force, arguments.address, *refs)))
        backend = self._host.backend()
        records = self._cached(cache) if arguments.force else self._from_xapi(arguments)
        topology = Topology(records)
        planner = Planner(topology, self.facts(), backend)
        plan = self._action(arguments, topology, planner)
        if arguments.force:
            return plan
        return Plan((*plan.steps, SaveCache(write_cache(records))))

    def _action(self, arguments: Arguments, topology: Topology, planner: Planner) -> Plan:
        if arguments.action == "rewrite":
            return planner.rewrite()
        pif = _chosen(arguments, topology)
        if arguments.action == "down":
            return planner.down(pif)
        management = pif if arguments.management else topology.management()
        return planner.up(pif, management, forced=bool(arguments.force))

    def facts(self) -> Facts:
        """What plans must know of the host."""
        return Facts(
            devices=self._host.devices(),
            booted_from=_hardware_address(self._host.read(ARDENCE)),
            network_file=self._host.read(NETWORK),
            programs=self._host.programs(),
            stand_ins=self._host.marked(f"{SCRIPTS}/ifcfg-", STAND_IN),
            has_switch=self._host.has(DATABASE),
            fail_mode_of=lambda bridge: self._switch.ask("get-fail-mode", bridge),
        )

    def _cached(self, cache: str) -> Records:
        text = self._host.read(cache)
        if not text.strip():
            raise ReconfigureError(f"{cache} is missing or empty, and --force needs it.  {REWRITE}")
        try:
            return read_cache(text, cache)
        except ReconfigureError as error:
            raise ReconfigureError(f"{error}.  {REWRITE}") from error

    def _from_xapi(self, arguments: Arguments) -> Records:
        from vswitch.xenserver.load import load_records  # 50 ms of XML-RPC, which --force does not need
        from vswitch.xenserver.xapi import Xapi

        with Xapi.local(self._host) as xapi:
            if arguments.session:
                xapi.adopt(arguments.session)
            else:
                xapi.login("root", "", "", f"ovs-{PROGRAM}")
            return load_records(xapi, self._host.host_uuid())


def _chosen(arguments: Arguments, topology: Topology) -> Pif:
    """The PIF that the command line selects."""
    if arguments.force:
        return topology.on_bridge(arguments.force)
    return topology.by_ref(arguments.pif) if arguments.pif else topology.by_uuid(arguments.pif_uuid)


def _hardware_address(text: str) -> str:
    """The MAC on the one HWaddr: line of /proc/ardence, which a host has whose root disk comes over the network."""
    lines = [line for line in text.splitlines() if line.strip().startswith("HWaddr:")]
    return lines[0].partition(":")[2].strip().lower() if len(lines) == 1 else ""
