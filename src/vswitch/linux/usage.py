"""What --help says about the options that all daemons share, and those that all clients of a database share.

Sources: the groups of options in vswitch.base.options.
"""

from __future__ import annotations

from vswitch.linux.dirs import logdir, rundir

KEYS_HELP = """\
Keys and certificates (for ssl: and pssl:):
  -p, --private-key=FILE   our private key
  -c, --certificate=FILE   our certificate
  -C, --ca-cert=FILE       who must have signed the other side's certificate
  --bootstrap-ca-cert=FILE as --ca-cert, and fetched from the first peer if it does not exist
  --peer-ca-cert=FILE      certificates to send with ours, for peers that bootstrap
  --ssl-protocols=PROTOS   TLS versions to allow
  --ssl-ciphers=CIPHERS    ciphers to allow
"""

CLIENT_KEYS_HELP = """\
TLS:
  -p, --private-key=FILE      our private key
  -c, --certificate=FILE      our certificate
  -C, --ca-cert=FILE          the server's authority, or "none"
  --bootstrap-ca-cert=FILE    the same, taken from the server if FILE is missing
  --peer-ca-cert=FILE         taken for the sake of scripts; no effect
  --ssl-protocols=PROTOS      TLS versions to allow
  --ssl-ciphers=CIPHERS       ciphers to allow
"""

COMMON_HELP = """\
  --unixctl=SOCKET         where ovs-appctl reaches us
  -h, --help               print this help
  -V, --version            print the version"""


def daemon_help(program: str, ready: str) -> str:
    """The options about the process; it goes to the background `ready`."""
    return f"""\
Running as a daemon:
  --detach                 go to the background {ready}
  --monitor                start it again if it crashes
  --user=USER[:GROUP]      run as somebody else
  --no-chdir               stay in the current directory
  --no-self-confinement    taken for the sake of scripts; no effect
  --pidfile[=FILE]         write the process id to FILE (default: {rundir()}/{program}.pid)
  --overwrite-pidfile      even if another one is running
Logging:
  -vSPEC, --verbose=SPEC   what to log: [MODULE][:DESTINATION][:LEVEL]
  -v, --verbose            log everything
  --log-file[=FILE]        log to FILE (default: {logdir()}/{program}.log)
  --syslog-method=METHOD   libc, null, unix:FILE or udp:IP:PORT
  --syslog-target=HOST:PORT  log to a syslog server, too
"""
