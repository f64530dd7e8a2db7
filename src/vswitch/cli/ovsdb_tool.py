"""ovsdb-tool: databases in files, without a server.

What needs no database (the help, the version, a word too many) is answered here; the commands are in cli/dbtool.

Sources: ovsdb-tool(1).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vswitch.base.options import (
    HELP,
    LISTING,
    LOGGING,
    REQUIRED,
    SSL,
    Option,
    listing,
    parse_options,
    version_text,
)
from vswitch.cli.command import Program, guarded
from vswitch.cli.dbtool.defaults import PROGRAM, default_database, default_schema
from vswitch.linux.dirs import logdir

OPTIONS = (
    Option("more", short="m"),
    Option("rbac-role", REQUIRED),
    Option("cid", REQUIRED),
    Option("election-timer", REQUIRED),
    *SSL,
    *LOGGING,
    HELP[0],
    *LISTING,
    HELP[1],
)


def usage() -> str:
    """What --help prints."""
    return f"""{PROGRAM}: Open vSwitch database management utility
usage: {PROGRAM} [OPTIONS] COMMAND [ARG...]
  create [DB [SCHEMA]]         make an empty database
  create-cluster DB CONTENTS [LOCAL]  make a clustered database of a schema or a database
  join-cluster DB NAME [LOCAL REMOTE...]  prepare a server's file for joining a cluster
  cluster-to-standalone DB CLUSTERDB  make a standalone database of a clustered one
  check-cluster DB...          compare the files of a cluster's servers
  compact [DB [DST]]           drop DB's history, in place or into DST
  convert [DB [SCHEMA [DST]]]  give DB another schema, in place or into DST
  needs-conversion [DB [SCHEMA]]  say whether DB has another schema than SCHEMA
  db-name [DB]                 print the name of DB's schema
  db-version [DB]              print the version of DB's schema
  db-cksum [DB]                print the checksum of DB's schema
  db-cid DB                    print the ID of DB's cluster
  db-sid DB                    print the ID of the server whose file DB is
  db-local-address DB          print the address of that server
  db-is-standalone DB          succeed if DB is a file of a standalone database
  db-is-clustered DB           succeed if DB is a clustered database
  schema-name [SCHEMA]         print SCHEMA's name
  schema-version [SCHEMA]      print SCHEMA's version
  schema-cksum [SCHEMA]        print SCHEMA's checksum
  compare-versions A OP B      compare two schema versions; OP is <, <=, ==, >=, > or !=
  query [DB] TRNS              execute a transaction, but change nothing
  transact [DB] TRNS           execute a transaction
  [-m]... show-log [DB]        print DB's records
A clustered DB is a file of Open vSwitch's ovsdb-server, or etcd:HOST:PORT[,HOST:PORT]…/NAME.
The default DB is {default_database()}.
The default SCHEMA is {default_schema()}.
Options:
  --rbac-role=ROLE         query and transact as a client of this role
  -m, --more               let show-log tell more
  --election-timer=MS      with create-cluster, for a file: how long a leader may be silent
  --cid=UUID               with join-cluster: the ID that the cluster must have
  -p, --private-key=FILE, -c, --certificate=FILE, -C, --ca-cert=FILE   for TLS to etcd
  --ssl-protocols=PROTOS, --ssl-ciphers=CIPHERS   taken for the sake of scripts; no effect
  -vSPEC, --verbose=SPEC   what to log: [MODULE][:DESTINATION][:LEVEL]
  -v, --verbose            log everything
  --log-file[=FILE]        log to FILE (default: {logdir()}/{PROGRAM}.log)
  --syslog-method=(libc|null|unix:FILE|udp:IP:PORT), --syslog-target=HOST:PORT
  -o, --option             print the options, for scripts
  -h, --help               print this help
  -V, --version            print the version"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ovsdb-tool; its exit status."""
    words = sys.argv[1:] if argv is None else argv
    return guarded(PROGRAM, lambda: _run(words))


def _run(words: Sequence[str]) -> int:
    given, rest = parse_options(words, OPTIONS)
    for name, _ in given:
        if name in ("help", "version"):
            print(usage() if name == "help" else version_text(PROGRAM))
            return 0
        if name == "option":
            print(listing(OPTIONS))
            return 0
    if rest[:1] == ["help"]:
        print(usage())
        return 0
    from vswitch.cli.dbtool.commands import commands  # the database: 40 ms that --help does not need

    return Program(PROGRAM, commands, OPTIONS).perform(given, rest)
