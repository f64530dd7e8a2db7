"""ovs-ctl: starts and stops the daemons, for the host's start-up scripts.

Sources: ovs-ctl(8).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from vswitch.base.errors import VswitchError
from vswitch.base.options import version_text
from vswitch.cli.startup.settings import Settings
from vswitch.linux.dirs import dbdir, logdir, rundir, sysconfdir

METHODS = {
    "start": "start",
    "stop": "stop",
    "restart": "restart",
    "status": "status",
    "version": "version",
    "load-kmod": "load_kmod",
    "force-reload-kmod": "force_reload_kmod",
    "enable-protocol": "enable_protocol",
    "delete-transient-ports": "delete_transient_ports",
    "record-hostname-if-not-set": "record_hostname",
}  # of Lifecycle, by command
SYNOPSIS = """usage: {program} [OPTIONS] COMMAND
Commands:
  start                   start the daemons
  stop                    stop the daemons
  restart                 stop and start the daemons; flows are saved and restored
  status                  say whether the daemons run; succeed if all do
  version                 print the daemons' versions
  load-kmod               load the kernel's openvswitch module if there is one
  force-reload-kmod       restart with the kernel module loaded anew
  enable-protocol         let a protocol through the host's packet filter
  delete-transient-ports  delete ports that have other_config:transient=true
  record-hostname-if-not-set  note the host's name in the database
  help                    print this help
Options of start, restart and force-reload-kmod:
  --system-id=UUID        what this system is known by; "random" makes one and keeps it
  --system-type=TYPE, --system-version=VERSION   (default: from /etc/os-release)
  --external-id=KEY=VALUE also note this in external-ids; may be given again
  --delete-bridges        delete all bridges before ovs-vswitchd starts
  --delete-transient-ports  delete transient ports before ovs-vswitchd starts
  --ovs-user=USER[:GROUP] whom the daemons run as
  --daemon-cwd=DIR        where the daemons run, and core files land (default: /)
  --no-force-corefiles    leave the limit of core files as it is
  --no-mlockall           let the daemons' memory be swapped out
  --no-monitor            do not start a daemon again that has crashed
  --no-self-confinement   accepted for the sake of scripts
  --no-full-hostname      note the host's name without its domain
  --no-record-hostname    do not note the host's name
  --no-ovsdb-server, --no-ovs-vswitchd           leave that daemon alone (stop, too)
  --ovsdb-server-priority=NICE, --ovs-vswitchd-priority=NICE   (default: -10)
  --ovsdb-server-options=OPTIONS, --ovs-vswitchd-options=OPTIONS
  --ovsdb-server-wrapper=WRAPPER, --ovs-vswitchd-wrapper=WRAPPER   valgrind or strace
  --no-save-flows         (restart) let the flows go
Where files are:
  --db-file=FILE          the database (default: {dbdir}/conf.db)
  --db-fallback=FILE      serve a copy in FILE for the time being if the database cannot be written where it is
  --db-sock=SOCKET        its socket (default: {rundir}/db.sock)
  --db-schema=FILE        its schema (default: that of this release)
  --extra-dbs=FILE        further databases to serve, in {dbdir} unless absolute
Options of enable-protocol:
  --protocol=PROTOCOL     as in /etc/protocols (default: gre)
  --sport=PORT, --dport=PORT
Other options:
  -h, --help              print this help
  -V, --version           print the version
Directories, which the environment may change: logs {logdir} (OVS_LOGDIR), sockets and pid files
{rundir} (OVS_RUNDIR), database {dbdir} (OVS_DBDIR), configuration {sysconfdir} (OVS_SYSCONFDIR)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ovs-ctl; its exit status."""
    words = sys.argv[1:] if argv is None else argv
    program = sys.argv[0]
    if "-h" in words or "--help" in words or list(words) == ["help"]:
        print(usage(program))
        return 0
    if "-V" in words or "--version" in words:
        print(version_text("ovs-ctl"))
        return 0
    settings = Settings.parse(words)
    for word in settings.unknown:
        _complain(program, f'unknown option "{word}" (use --help for help)')
    if len(settings.commands) > 1:
        _complain(program, "exactly one non-option argument required (use --help for help)")
        return 1
    if not settings.commands:
        _complain(program, "missing command name (use --help for help)")
        return 1
    [name] = settings.commands
    if name not in METHODS:
        _complain(program, f'unknown command "{name}" (use --help for help)')
        return 1
    from vswitch.cli.startup.host import Host  # the database's tools, which --help does not need
    from vswitch.cli.startup.lifecycle import Lifecycle

    try:
        run: Callable[[], int] = getattr(Lifecycle(settings, Host()), METHODS[name])
        return run()
    except (VswitchError, OSError) as error:
        _complain(program, str(error))
        return 1


def usage(program: str) -> str:
    """What --help prints."""
    return SYNOPSIS.format(
        program=program, dbdir=dbdir(), rundir=rundir(), logdir=logdir(), sysconfdir=sysconfdir()
    )


def _complain(program: str, text: str) -> None:
    sys.stderr.write(f"{program}: {text}\n")
