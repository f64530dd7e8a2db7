"""`vswitch up`: a database and a switch in one process, with no set-up.

Everything that it needs is in one directory: the database, which stays, and the sockets and pid files by which
ovs-vsctl, ovs-ofctl and ovs-appctl find it.  It stays in the foreground; when it ends, the devices, the datapath and
the sockets that it made are gone, and the next `up` in the same directory makes them again from the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from vswitch.aio import unixctl
from vswitch.aio.clock import SteerableLoop
from vswitch.aio.daemon import PidFile, Service, run_daemon
from vswitch.aio.tls import Tls
from vswitch.base.errors import VswitchError
from vswitch.base.jsontype import Json
from vswitch.base.log import LOG, Level
from vswitch.base.options import (
    COMMON,
    OPTIONAL,
    REQUIRED,
    CommandError,
    Given,
    Option,
    parse_options,
    version_line,
)
from vswitch.base.version import OVS_VERSION
from vswitch.linux.dirs import default_database, in_rundir, rundir
from vswitch.linux.uuids import new_uuid
from vswitch.ovsdb.journal import JournalError, read_records
from vswitch.ovsdb.jsontext import decode
from vswitch.ovsdb.schemafiles import schema_path
from vswitch.ovsdbserver.daemon import DatabaseDaemon
from vswitch.ovsdbserver.storage import create_journal
from vswitch.vswitchd.daemon import SwitchDaemon
from vswitch.vswitchd.machine import build_platform
from vswitch.vswitchd.platform import Platform

SWITCH, DATABASE = "ovs-vswitchd", "ovsdb-server"
SCHEMA = Path(schema_path("vswitch"))
DIRECTORIES = ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR")
OPTIONS = (
    Option("dir", REQUIRED),
    Option("enable-dummy", OPTIONAL),
    Option("disable-system"),
    *COMMON,
)
USAGE = """usage: vswitch up [OPTIONS]
Run a database and a switch in this process, until ctrl-C.
  --dir=DIR                where the database and the sockets are (default: {default})
  --enable-dummy[=override|system]  offer devices and a datapath in memory
  --disable-system         no default datapath: only netdev, and dummy if it is enabled
  -vSPEC, --verbose=SPEC   what to log: [MODULE][:DESTINATION][:LEVEL]
  --log-file[=FILE]        log to FILE (default: DIR/ovs-vswitchd.log)
  --syslog-method=METHOD   libc, null, unix:FILE or udp:IP:PORT
  --syslog-target=HOST:PORT  log to a syslog server, too
  -h, --help               print this help
  -V, --version            print the version"""


def main(words: Sequence[str], system: Callable[[], str]) -> int:
    """Run a switch until told to stop.  `system` says what probe() found."""
    given, rest = parse_options(words, OPTIONS)
    default = default_directory()
    if "help" in given:
        print(USAGE.format(default=default))
        return 0
    if "version" in given:
        print(version_line("vswitch"))
        return 0
    if rest:
        raise CommandError(f"up takes no arguments, but there is '{rest[0]}'")
    directory = Path(given.get("dir") or default).absolute()
    prepare(directory, shared=bool(given.get("dir")))
    usual = directory == Path(rundir())
    for name in DIRECTORIES:
        os.environ[name] = str(directory)
    # Unless asked to say more, the console has what `up` itself prints, and what went wrong.
    found = None if "disable-system" in given else system
    settings = Given([("pidfile", None), ("verbose", "console:warn"), *given])
    return run_daemon(SWITCH, settings, lambda service: _up(service, settings, usual, found), SteerableLoop)


def default_directory() -> str:
    """Open vSwitch's own run directory for those who may write there, else the user's."""
    if "OVS_RUNDIR" in os.environ or os.geteuid() == 0:
        return rundir()
    own = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
    return f"{own}/vswitch" if os.access(own, os.W_OK) else f"/tmp/vswitch-{os.geteuid()}"


def prepare(directory: Path, shared: bool = True) -> None:
    """Make the directory and, in it, a database that has what ovs-vswitchd wants to find.

    One that is not meant to be `shared` must be ours: in /tmp, anybody could have made it.
    """
    try:
        directory.mkdir(mode=0o755 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        owner = directory.lstat().st_uid
    except OSError as error:
        raise CommandError(
            f"{directory}: cannot be made ({error.strerror}); --dir=DIR takes another"
        ) from error
    if not shared and owner not in (0, os.geteuid()):
        raise CommandError(f"{directory}: belongs to another user; --dir=DIR takes another directory")
    path = directory / "conf.db"
    if path.exists():
        _check_database(path)
    else:
        layout = decode(SCHEMA.read_bytes())
        create_journal(path, [layout, first_transaction(layout)])


def _check_database(path: Path) -> None:
    """See that the database which is there is a switch's."""
    way_out = "move it away, and a new one is made, or take another directory with --dir=DIR"
    try:
        with path.open("rb") as file:
            schema = next(read_records(file, str(path)), None)
    except (OSError, JournalError) as error:
        text = f"{path}: {error.strerror}" if isinstance(error, OSError) else str(error)
        raise CommandError(f"{text}: {way_out}") from error
    name = schema.json.get("name") if schema is not None and isinstance(schema.json, dict) else None
    if name != "Open_vSwitch":
        what = f"the database {name}" if name else "no database"
        raise CommandError(f"{path}: this is {what}, not Open_vSwitch: {way_out}")


def first_transaction(layout: Json) -> Mapping[str, Json]:
    """The row of Open_vSwitch that ovs-vsctl and start-up scripts would make."""
    columns = {
        "ovs_version": OVS_VERSION,
        "db_version": layout["version"],
        "external_ids": ["map", [["hostname", os.uname().nodename], ["system-id", new_uuid()]]],
    }
    return {"Open_vSwitch": {new_uuid(): columns}, "_comment": "vswitch up"}


async def _up(service: Service, given: Given, usual: bool, system: Callable[[], str] | None) -> None:
    """Run both daemons, the database for as long as the switch needs it."""
    service.cleanup = True
    LOG.set_level(Level.ERR, "fatal_signal", "console")  # ctrl-C is how this program is meant to end
    platform = build_platform(
        dummy=(given.get("enable-dummy") or "on") if "enable-dummy" in given else "",
        system=system,
    )
    pidfile = PidFile(in_rundir(f"{DATABASE}.pid"))
    pidfile.create(overwrite=False)
    database = Service(
        DATABASE, Given([("remote", f"punix:{rundir()}/db.sock")]), service.log_file, started=service.started
    )
    serving = asyncio.Event()
    database.on_ready = serving.set
    database.commands = unixctl.common_commands(
        DATABASE, service.log_file, lambda: service.stop(True), database.memory_usage
    )
    listener = await unixctl.serve(database.commands, DATABASE)
    path = Path(rundir()) / "conf.db"

    def started() -> None:
        _say(platform, usual)
        service.started.set()

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(DatabaseDaemon(database, [str(path)], path.parent).run())
            await serving.wait()
            service.on_ready = started
            try:
                await SwitchDaemon(service, platform, default_database(), Tls()).run()
            finally:
                database.stop()
    except* VswitchError as errors:
        hint = ": is another server at work there?  --dir=DIR takes another directory"
        raise VswitchError(f"{errors.exceptions[0]}{'' if serving.is_set() else hint}") from None
    finally:
        if listener:
            listener.close()
        pidfile.remove()
        service.signal = 0
        if serving.is_set():
            with contextlib.suppress(BrokenPipeError):  # whoever read our output has gone
                print("down", flush=True)


def _say(platform: Platform, usual: bool) -> None:
    """What a person wants to know."""
    types = platform.datapath_types
    print(f"{version_line('vswitch')}")
    print(f"database   {rundir()}/conf.db, served at unix:{rundir()}/db.sock")
    print(f"datapath   {platform.default_datapath}")
    print(f"types      {', '.join(types)}")
    if os.geteuid() and platform.dummies is None:
        print("devices    none, because they need root; --enable-dummy offers some in memory")
    if not usual:
        print(f"To talk to it: export OVS_RUNDIR={rundir()}")
    print("Up.  ctrl-C takes everything down.", flush=True)
