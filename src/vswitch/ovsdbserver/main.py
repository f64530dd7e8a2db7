"""ovsdb-server: the database daemon.

Sources: ovsdb-server(1).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vswitch.aio.detach import detach
from vswitch.base.options import (
    BOOTSTRAP,
    COMMON,
    DAEMON,
    REPLAY,
    REQUIRED,
    SSL,
    CommandError,
    Given,
    Option,
    parse_options,
    refuse_replay,
    version_text,
)
from vswitch.linux.console import answer
from vswitch.linux.dirs import dbdir
from vswitch.linux.program import loading
from vswitch.linux.usage import COMMON_HELP, KEYS_HELP, daemon_help

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
    *REPLAY,
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
{KEYS_HELP}{daemon_help(PROGRAM, "once clients are served")}Other options:
  --run=COMMAND            run COMMAND in a shell, and exit when it does
  --disable-file-column-diff   write whole columns to the file, for servers before 2.15
  --no-dbs                 serve no database for the time being
{COMMON_HELP}"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ovsdb-server; its exit status."""
    try:
        given, words = parse_options(sys.argv[1:] if argv is None else argv, OPTIONS)
        refuse_replay(given)
        _refuse_mixture(given, words)
    except CommandError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return error.status
    if "help" in given or "version" in given:
        return answer(usage() if "help" in given else version_text(PROGRAM))
    detach(PROGRAM, given)
    with loading():
        from vswitch.ovsdbserver.run import run  # the whole server: 30 ms that --version does not need

    return run(PROGRAM, given, words)


CONFIGURED = ("remote", "sync-from", "sync-exclude-tables", "active", "cluster")


def _refuse_mixture(given: Given, words: Sequence[str]) -> None:
    """What is served, one says in a file or on the command line; CommandError: in both."""
    mixed = [*(f"--{name}" for name in CONFIGURED if name in given), *words]
    if "config-file" in given and mixed:
        raise CommandError(f"--config-file says all that is served, and cannot go with {', '.join(mixed)}")
