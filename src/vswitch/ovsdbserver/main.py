"""ovsdb-server: the database daemon.

Sources: ovsdb-server(1).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vswitch.base.options import (
    BOOTSTRAP,
    COMMON,
    DAEMON,
    REQUIRED,
    SSL,
    CommandError,
    Option,
    parse_options,
    version_text,
)
from vswitch.linux.console import answer
from vswitch.linux.dirs import dbdir, logdir, rundir

PROGRAM = "ovsdb-server"
OPTIONS = (
    Option("remote", REQUIRED),
    Option("unixctl", REQUIRED),
    Option("run", REQUIRED),
    Option("no-dbs"),
    Option("config-file", REQUIRED),
    Option("cluster", REQUIRED),
    Option("cluster-private-key", REQUIRED),
    Option("cluster-certificate", REQUIRED),
    Option("cluster-ca-cert", REQUIRED),
    Option("sync-from", REQUIRED),
    Option("sync-exclude-tables", REQUIRED),
    Option("active"),
    Option("disable-file-column-diff"),
    *DAEMON,
    *SSL,
    *BOOTSTRAP,
    *COMMON,
)


def usage() -> str:
    """What --help prints."""
    return f"""{PROGRAM}: Open vSwitch database server
usage: {PROGRAM} [OPTIONS] [DATABASE...]
DATABASE is a file that ovsdb-tool made (default: {dbdir()}/conf.db), or relay:DB:REMOTE[,REMOTE]….
Where to talk to clients:
  --remote=REMOTE          listen at, or connect to, REMOTE:
    punix:FILE               listen on a Unix socket
    ptcp:[PORT][:HOST]       listen on TCP
    pssl:[PORT][:HOST]       listen on TLS over TCP
    unix:FILE, tcp:HOST:PORT, ssl:HOST:PORT   connect
    db:DB,TABLE,COLUMN       whatever that column says
What to serve, and where, from a file:
  --config-file=FILE       read remotes and databases from FILE, which is JSON
Copying another server's databases:
  --sync-from=REMOTE       be the backup of the server at REMOTE
  --sync-exclude-tables=DB:TABLE,…   without these tables
  --active                 be active for now, and a backup only when told to be
Sharing a database with other servers:
  --cluster=etcd:HOST:PORT[,HOST:PORT]…/NAME   serve the database that ovsdb-tool put there
  --cluster-private-key=FILE, --cluster-certificate=FILE, --cluster-ca-cert=FILE   for TLS to etcd
Keys and certificates (for ssl: and pssl:):
  -p, --private-key=FILE   our private key
  -c, --certificate=FILE   our certificate
  -C, --ca-cert=FILE       who must have signed the other side's certificate
  --bootstrap-ca-cert=FILE as --ca-cert, and fetched from the first peer if it does not exist
  --peer-ca-cert=FILE      certificates to send with ours, for peers that bootstrap
  --ssl-protocols=PROTOS   TLS versions to allow
  --ssl-ciphers=CIPHERS    ciphers to allow
Running as a daemon:
  --detach                 go to the background once clients are served
  --monitor                start it again if it crashes
  --user=USER[:GROUP]      run as somebody else
  --no-chdir               stay in the current directory
  --pidfile[=FILE]         write the process id to FILE (default: {rundir()}/{PROGRAM}.pid)
  --overwrite-pidfile      even if another one is running
Logging:
  -vSPEC, --verbose=SPEC   what to log: [MODULE][:DESTINATION][:LEVEL]
  -v, --verbose            log everything
  --log-file[=FILE]        log to FILE (default: {logdir()}/{PROGRAM}.log)
  --syslog-method=METHOD   libc, null, unix:FILE or udp:IP:PORT
  --syslog-target=HOST:PORT  log to a syslog server, too
Other options:
  --run=COMMAND            run COMMAND in a shell, and exit when it does
  --disable-file-column-diff   write whole columns to the file, for servers before 2.15
  --no-dbs                 serve no database for the time being
  --unixctl=SOCKET         where ovs-appctl reaches us
  -h, --help               print this help
  -V, --version            print the version"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ovsdb-server; its exit status."""
    try:
        given, words = parse_options(sys.argv[1:] if argv is None else argv, OPTIONS)
    except CommandError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return error.status
    if "help" in given or "version" in given:
        return answer(usage() if "help" in given else version_text(PROGRAM))
    from vswitch.ovsdbserver.run import run  # the whole server: 100 ms that --version does not need

    return run(PROGRAM, given, words)
