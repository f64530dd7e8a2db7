"""ovs-appctl: ask a running daemon something, or tell it.

No asyncio, no msgspec, and of `socket` only its C part: scripts call this program hundreds of times.

Sources: ovs-appctl(8).
"""

from __future__ import annotations

import _socket
import os
import sys
from collections.abc import Sequence

from vswitch.base import lightjson
from vswitch.base.digits import parse_decimal
from vswitch.base.errors import TextError
from vswitch.base.options import (
    HELP,
    LISTING,
    LOGGING,
    NONE,
    REQUIRED,
    CommandError,
    Given,
    Option,
    listing,
    parse_options,
    version_text,
)
from vswitch.cli.command import guarded, set_timeout, set_up_logging, warn
from vswitch.linux.dirs import in_rundir
from vswitch.linux.unixpath import Fitting

PROGRAM = "ovs-appctl"
OPTIONS = (
    Option("target", REQUIRED, "t"),
    Option("execute", NONE, "e"),  # of old: what follows is a command, as it is anyway
    HELP[0],
    *LISTING,
    HELP[1],
    Option("timeout", REQUIRED, "T"),
    *LOGGING,
)
USAGE = """ovs-appctl: send a command to a running Open vSwitch daemon and print the answer
usage: ovs-appctl [TARGET] COMMAND [ARG...]
Targets:
  -t, --target=TARGET  name of a daemon, or path of its control socket (default: ovs-vswitchd)
Commands that every daemon has:
  list-commands        what the daemon answers to
  version              which program and release it is
  vlog/list            log levels, by module and destination
  vlog/list-pattern    how log lines look, by destination
  vlog/set [SPEC]      change what is logged: [MODULE][:DESTINATION][:LEVEL], where
                       DESTINATION is console, syslog or file (all of them unless given)
                       and LEVEL is off, emer, err, warn, info or dbg (dbg unless given)
  vlog/reopen          open the log file anew, after it was rotated
  exit                 end the daemon
Other options:
  -T, --timeout=SECS   wait for an answer for SECS seconds at most
  -e, --execute        of old: what follows is a command anyway
  -v, --verbose[=SPEC] what to log: [MODULE][:DESTINATION][:LEVEL]; without SPEC, everything
  --log-file[=FILE]    log to FILE
  --syslog-method=(libc|null|unix:FILE|udp:IP:PORT), --syslog-target=HOST:PORT
  -o, --option         print the options, for scripts
  -h, --help           print this help
  -V, --version        print the version of ovs-appctl"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; the exit status is 2 when the daemon answers with an error."""
    words = sys.argv[1:] if argv is None else argv
    return guarded(PROGRAM, lambda: _run(words))


def _run(words: Sequence[str]) -> int:
    given, rest = parse_options(words, OPTIONS, permute=False)
    for name, _ in given:
        if name in ("help", "version"):
            print(USAGE if name == "help" else version_text(PROGRAM))
            return 0
        if name == "option":
            print(listing(OPTIONS))
            return 0
    set_up_logging(PROGRAM, given)
    set_timeout(given.get("timeout"), "-T")
    if not rest:
        raise CommandError("at least one non-option argument is required (use --help for help)")
    return _ask(given, rest[0], rest[1:])


def _ask(given: Given, command: str, arguments: Sequence[str]) -> int:
    target = given.get("target") or "ovs-vswitchd"
    try:
        result, error = ask(socket_of(target), command, arguments)
    except TextError as problem:
        raise CommandError(f"{target}: transaction error ({problem})") from problem
    if error is not None:
        sys.stderr.write(str(error))
        raise CommandError(f"{target}: server returned an error", 2)
    sys.stdout.write(str(result or ""))
    return 0


def socket_of(target: str) -> str:
    """The control socket of `target`: a path, or the name of a daemon that has a pid file."""
    if target.startswith("/"):
        return target
    pidfile = in_rundir(f"{target}.pid")
    try:
        with open(pidfile, encoding="ascii", errors="replace") as file:  # noqa: PTH123 - pathlib costs 10 ms here
            pid = file.readline().strip()
    except OSError as error:
        warn("daemon_unix", f"{pidfile}: open: {error.strerror}")
        raise CommandError(f'cannot read pidfile "{pidfile}" ({error.strerror})') from error
    if parse_decimal(pid) is None or not os.path.exists(f"/proc/{pid}"):  # noqa: PTH110 - likewise
        raise CommandError(f'cannot read pidfile "{pidfile}" ({os.strerror(3)})')
    return in_rundir(f"{target}.{pid}.ctl")


def ask(path: str, command: str, arguments: Sequence[str]) -> tuple[object, object]:
    """The result and the error, one of them None, with which the daemon at `path` answers."""
    endpoint = _socket.socket(_socket.AF_UNIX)
    try:
        with Fitting(path) as fitting:
            endpoint.connect(fitting)
    except OSError as error:
        endpoint.close()
        warn("unixctl", f"failed to connect to {path}")
        raise CommandError(f'cannot connect to "{path}" ({error.strerror})') from error
    request = lightjson.encode({"id": 0, "method": command, "params": list(arguments)})
    try:
        endpoint.sendall(request.encode("utf-8", "surrogateescape"))
        return _answer(endpoint)
    except OSError as error:
        raise TextError(error.strerror or str(error)) from error
    finally:
        endpoint.close()


def _answer(endpoint: _socket.socket) -> tuple[object, object]:
    """Read one JSON-RPC reply: the members of one object, however many pieces it comes in."""
    received = bytearray()
    while chunk := endpoint.recv(1 << 20):
        received += chunk
        if chunk.rstrip().endswith(b"}"):
            try:
                reply = lightjson.decode(received.decode("utf-8", "replace"))
            except TextError:
                continue
            return reply.get("result"), reply.get("error")
    raise TextError("End of file")
