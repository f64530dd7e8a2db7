"""The start of every program: milliseconds from its call to its end, with the command that it is most called with.

Ours beside the peer's same program where it has one, each against daemons of its own make, in turn.  What a command is
to take is said of ours alone, and of an idle machine, on which the interpreter takes some 12 ms to do nothing; on a busy one
what a processor was needed for tells more.  A daemon is measured until it serves, too (serving.py).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bench.report import Row, in_turn
from bench.serving import Serving, Up, server
from tests.interop.daemons import PEER_SCHEMA, Daemons, Make

ROUNDS = 15
LIMIT = 60.0  # milliseconds
VTEP_SCHEMA = PEER_SCHEMA.with_name("vtep.ovsschema")
EMPTY_CAPTURE = bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000")
FLOW = "table=1,priority=5,tcp,nw_dst=10.0.0.0/8,tp_dst=80 actions=output:1"
SELECT = '["Open_vSwitch",{"op":"select","table":"Bridge","where":[]}]'
INSERT = '["hardware_vtep",{"op":"insert","table":"Manager","row":{"target":"ptcp:1"}}]'

# DB is a database, SOCK where it is served, VTEP another database that is served by nobody.
COMMANDS: Sequence[tuple[str, ...]] = (
    ("ovs-vsctl", "show"),
    ("ovs-vsctl", "list-br"),
    ("ovs-vsctl", "get", "bridge", "br0", "datapath_type"),
    ("ovs-vsctl", "--no-wait", "set", "bridge", "br0", "external_ids:a=b"),
    ("ovs-vsctl", "--may-exist", "add-port", "br0", "p1"),
    ("ovs-ofctl", "show", "br0"),
    ("ovs-ofctl", "dump-ports", "br0"),
    ("ovs-ofctl", "dump-flows", "br0"),
    ("ovs-ofctl", "dump-aggregate", "br0"),
    ("ovs-ofctl", "add-flow", "br0", FLOW),
    ("ovs-ofctl", "-OOpenFlow13", "dump-groups", "br0"),
    ("ovs-ofctl", "parse-flow", FLOW),
    ("ovs-appctl", "version"),
    ("ovs-appctl", "fdb/show", "br0"),
    ("ovs-dpctl", "dump-dps"),
    ("ovsdb-client", "list-dbs", "SOCK"),
    ("ovsdb-client", "transact", "SOCK", SELECT),
    ("ovsdb-client", "dump", "SOCK", "Bridge"),
    ("ovsdb-tool", "db-version", "DB"),
    ("ovsdb-tool", "query", "DB", SELECT),
    ("ovsdb-tool", "transact", "VTEP", INSERT),
    ("ovsdb-tool", "show-log", "-m", "DB"),
    ("ovsdb-tool", "compact", "VTEP"),
    ("vtep-ctl", "--db=SOCK", "list-ps"),
    ("ovs-pcap", "CAPTURE"),
    ("ovs-tcpundump",),
    ("ovs-pki", "--help"),
    ("ovs-testcontroller", "--version"),
    ("ovsdb-server", "--version"),
    ("ovs-vswitchd", "--version"),
    ("vswitch", "db", "--file=DB", "log"),
    ("vswitch", "db", "--file=DB", "show", "1"),
    ("vswitch", "--help"),
    ("ovs-ctl", "status"),
    ("ovs-ctl", "--help"),
    ("interface-reconfigure", "--help"),
    ("setup-vif-rules",),
)
FAILING = (
    "ovs-dpctl",
    "vtep-ctl",
    "setup-vif-rules",
    "ovs-ctl",
)  # without a datapath, that schema, a domain, pid files
ONLY_OURS = ("vswitch", "ovs-ctl", "interface-reconfigure", "setup-vif-rules", "ovs-dpctl")
XENSERVER = Path(__file__).parents[1] / "packaging/xenserver/root"


def run() -> Iterator[Row]:
    """Each command."""
    nothing = Call([sys.executable, "-c", "pass"], {})
    yield _row("(the interpreter, to do nothing)", {"ours": nothing}, None)
    with contextlib.ExitStack() as stack:
        makes: tuple[Make, ...] = ("ours", "peer")
        callers = {make: stack.enter_context(_caller(make)) for make in makes}
        for command in COMMANDS:
            calls: dict[str, Call] = {
                make: call
                for make, caller in callers.items()
                if (make == "ours" or command[0] not in ONLY_OURS) and (call := caller(command))
            }
            shown = " ".join(word if len(word) < 25 else "..." for word in command)
            yield _row(shown, calls, LIMIT)
    yield from _daemons()


def _daemons() -> Iterator[Row]:
    """Each daemon, from its call until it serves."""
    with contextlib.ExitStack() as stack:
        makes: tuple[Make, ...] = ("ours", "peer")
        places = {
            make: Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"start-{make}-")))
            for make in makes
        }

        def serving(name: str, *words: str) -> dict[str, Serving]:
            return {
                make: Serving(
                    [*program, *(word.replace("DIR", str(place)) for word in words)],
                    place / "daemon.pid",
                    _at(place),
                )
                for make, place in places.items()
                if (program := _program(make, name))
            }

        for make, place in places.items():
            for database in ("conf.db", "other.db"):
                _run(make, place, "ovsdb-tool", "create", f"{place}/{database}", str(PEER_SCHEMA))
        yield _row(
            "ovsdb-server, serving",
            serving("ovsdb-server", "DIR/other.db", "--remote=punix:DIR/other"),
            LIMIT,
        )
        for make, place in places.items():
            words = [
                *(_program(make, "ovsdb-server") or ()),
                f"{place}/conf.db",
                f"--remote=punix:{place}/db.sock",
            ]
            stack.enter_context(server(words, place / "server.pid", _at(place)))
            _run(make, place, "ovs-vsctl", "--no-wait", "init")
        dummy = ("--enable-dummy", "--disable-system", "--disable-system-route")
        yield _row("ovs-vswitchd, serving", serving("ovs-vswitchd", *dummy), LIMIT)
        yield _row("the same, with the system's datapaths", serving("ovs-vswitchd"), LIMIT)
        for make, place in places.items():
            bridge = ("br0", "--", "set", "bridge", "br0", "datapath_type=dummy")
            _run(make, place, "ovs-vsctl", "--no-wait", "add-br", *bridge)
        yield _row("the same, with a bridge in memory", serving("ovs-vswitchd", *dummy), None)
        yield _row("ovs-testcontroller, serving", serving("ovs-testcontroller", "punix:DIR/c"), LIMIT)
        up = [*(_program("ours", "vswitch") or ()), "up", f"--dir={places['ours']}/up", *dummy[:2]]
        yield _row("vswitch up, serving", {"ours": Up(up, _at(places["ours"]))}, None)


def _at(place: Path) -> dict[str, str]:
    """An environment in which programs have all that they have at `place`."""
    return {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"} | {
        f"OVS_{what}DIR": str(place) for what in ("RUN", "LOG", "DB", "SYSCONF")
    }


def _run(make: Make, place: Path, name: str, *words: str) -> None:
    subprocess.run([*(_program(make, name) or ()), *words], env=_at(place), check=True)


def _row(
    what: str, calls: Mapping[str, Call] | Mapping[str, Serving] | Mapping[str, Up], limit: float | None
) -> Row:
    taken = in_turn(calls, ROUNDS)
    others = {"processor": statistics.median(calls["ours"].computed)}
    if "peer" in taken:
        others["peer"] = taken["peer"]
    return Row(what, "ms", taken["ours"], others, more_is_better=False, target=limit)


class Call:
    """A command line that can be measured."""

    def __init__(
        self, words: Sequence[str], environment: Mapping[str, str], *, may_fail: bool = False
    ) -> None:
        self.words = words
        self.environment = environment
        self.may_fail = may_fail
        self.computed: list[float] = []  # milliseconds of a processor, each time

    def __call__(self) -> float:
        """Milliseconds from the call to the end."""
        began = time.perf_counter()
        _, status, usage = os.wait4(_spawn(self.words, self.environment), 0)
        taken = time.perf_counter() - began
        if status and not self.may_fail:
            done = subprocess.run(
                self.words, env=dict(self.environment), capture_output=True, text=True, check=False
            )
            raise RuntimeError(f"{' '.join(self.words)}: {done.stderr}")
        self.computed.append((usage.ru_utime + usage.ru_stime) * 1000)
        return taken * 1000


@contextlib.contextmanager
def _caller(make: Make) -> Iterator[Callable[[Sequence[str]], Call | None]]:
    """What makes of a command the function that measures it, with daemons of one make to talk to."""
    with (
        tempfile.TemporaryDirectory(prefix=f"start-{make}-") as name,
        Daemons(Path(name), make, make) as daemons,
    ):
        directory = Path(name)
        daemons.run(make, "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy")
        daemons.run(make, "ovs-ofctl", "add-flow", "br0", FLOW)
        daemons.run(make, "ovsdb-tool", "create", f"{name}/vtep.db", str(VTEP_SCHEMA))
        (directory / "capture").write_bytes(EMPTY_CAPTURE)
        places = {
            "SOCK": f"unix:{daemons.socket}",
            "DB": f"{name}/conf.db",
            "VTEP": f"{name}/vtep.db",
            "CAPTURE": f"{name}/capture",
        }
        environment = {key: value for key, value in daemons.environment.items() if key[:6] != "PYTHON"}

        def caller(command: Sequence[str]) -> Call | None:
            program = _program(make, command[0])
            if program is None:
                return None
            words = [*program, *(_placed(word, places) for word in command[1:])]
            return Call(words, environment, may_fail=command[0] in FAILING)

        yield caller


def _placed(word: str, places: Mapping[str, str]) -> str:
    option, equals, value = word.rpartition("=")
    return option + equals + places.get(value, value)


def _program(make: Make, name: str) -> list[str] | None:
    """How to call a program; None if this make has none."""
    if make == "peer":
        found = shutil.which(name, path="/usr/bin:/usr/sbin:/usr/share/openvswitch/scripts")
        return [found] if found else None
    if found := shutil.which(name, path=str(Path(sys.executable).parent)):
        return [found]
    return [
        sys.executable,
        str(next(XENSERVER.rglob(name))),
    ]  # on a host, a script of the package's interpreter


def _spawn(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Start a program that nobody reads from."""
    nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    mute = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    return os.posix_spawn(words[0], list(words), dict(environment), file_actions=[nothing, *mute])
