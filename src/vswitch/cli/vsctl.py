"""ovs-vsctl: configures ovs-vswitchd through its database.

Sources: ovs-vsctl(8).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence

from vswitch.base.options import (
    BOOTSTRAP,
    HELP,
    LOGGING,
    NONE,
    REQUIRED,
    SSL,
    TIMEOUT,
    Given,
    Option,
    find_option,
    parse_options,
    version_text,
)
from vswitch.cli.command import guarded, inform, set_timeout, set_up_logging
from vswitch.cli.ctl import database
from vswitch.cli.ctl.context import Commands, Context, Wanting
from vswitch.cli.ctl.names import RowId
from vswitch.cli.ctl.session import Hooks, Session, Settings, parse_commands
from vswitch.cli.ctl.show import Shown, Tree
from vswitch.cli.switch import datapaths, ports, settings
from vswitch.cli.switch.model import root
from vswitch.cli.table import TABLE, Style
from vswitch.linux.dirs import default_database, logdir
from vswitch.linux.sockets import TlsOptions

NAME = "ovs-vsctl"
OPTIONS = (
    Option("db", REQUIRED),
    Option("no-syslog"),
    Option("no-wait"),
    Option("dry-run"),
    Option("oneline"),
    *TIMEOUT,
    Option("retry"),
    HELP[0],
    Option("commands"),
    Option("options"),
    Option("leader-only"),
    Option("no-leader-only"),
    Option("shuffle-remotes"),
    Option("no-shuffle-remotes"),
    HELP[1],
    *LOGGING,
    *TABLE,
    *SSL,
    *BOOTSTRAP,
)
ROW_IDS = {
    "AutoAttach": RowId("Bridge", "name", "auto_attach"),
    "Bridge": RowId("Bridge", "name"),
    "Controller": RowId("Bridge", "name", "controller"),
    "Flow_Sample_Collector_Set": RowId("Flow_Sample_Collector_Set", "id"),
    "Flow_Table": RowId("Flow_Table", "name"),
    "IPFIX": RowId("Bridge", "name", "ipfix"),
    "Interface": RowId("Interface", "name"),
    "Manager": RowId("Manager", "target"),
    "Mirror": RowId("Mirror", "name"),
    "NetFlow": RowId("Bridge", "name", "netflow"),
    "Open_vSwitch": RowId("Open_vSwitch"),
    "Port": RowId("Port", "name"),
    "QoS": RowId("Port", "name", "qos"),
    "SSL": RowId("SSL"),
    "sFlow": RowId("Bridge", "name", "sflow"),
}
TREE = Tree(
    {
        "Open_vSwitch": Shown("", "manager_options", "bridges", "ovs_version"),
        "Bridge": Shown("name", "controller", "fail_mode", "datapath_type", "ports"),
        "Port": Shown("name", "tag", "trunks", "interfaces"),
        "Interface": Shown("name", "type", "options", "error"),
        "Controller": Shown("target", "is_connected"),
        "Manager": Shown("target", "is_connected"),
    }
)

commands = Commands()
for table in (database.commands, ports.commands, settings.commands, datapaths.commands):
    commands.include(table)


@commands("show", "", needs=TREE.needs)
def show(context: Context) -> Iterator[str]:
    """Print an overview of the configuration."""
    return TREE.lines(context)


class SwitchHooks(Hooks):
    """The root row exists; the switch counts the configurations that it has taken over."""

    def __init__(self, *, is_waiting: bool) -> None:
        self._is_waiting = is_waiting

    def needs(self, wanting: Wanting) -> None:
        """The counters."""
        wanting.want("Open_vSwitch", *(["next_cfg", "cur_cfg"] if self._is_waiting else []))

    def begin(self, context: Context) -> None:
        """Make the root row if there is none; count."""
        transaction = context.transaction
        if not any(transaction.rows("Open_vSwitch")):
            transaction.insert("Open_vSwitch")
        if self._is_waiting:
            transaction.increment(root(transaction), "next_cfg")

    def finished(self, context: Context, target: int) -> bool:
        """Whether the switch has got there."""
        rows = context.transaction.replica.table("Open_vSwitch").values()
        return any(row["cur_cfg"] >= target for row in rows)

    def complaints(self, context: Context) -> Iterator[str]:
        """The new interfaces that could not be set up."""
        interfaces = context.transaction.replica.table("Interface")
        errors = 0
        for expected in context.expected:
            row = interfaces.get(context.transaction.uuids.get(expected.uuid, ""))
            if row is None or (not row["error"] and row["ofport"] != -1):
                continue
            errors += 1
            reason = f": {row['error']}" if row["error"] else ""
            yield f"Error detected while setting up '{row['name']}'{reason}.  See ovs-vswitchd log for details."
        if errors:
            yield f'The default log directory is "{logdir()}".'


def main() -> int:
    """Run the program; return its exit status."""
    return guarded(NAME, lambda: _run(sys.argv[1:]))


def _run(words: Sequence[str]) -> int:
    given, rest = _split(words)
    if _answer(given):
        return 0
    set_up_logging(NAME, given)
    set_timeout(given.get("timeout"))
    configuration = _settings(given, words)
    invocations = parse_commands(rest, commands)
    if any(invocation.syntax.changes for invocation in invocations):
        _log_call(given, command_line([NAME, *words]))
    Session(configuration, invocations, SwitchHooks(is_waiting=configuration.is_waiting)).run()
    return 0


def _split(words: Sequence[str]) -> tuple[Given, list[str]]:
    """The program's options and the rest.  Options of the first command may stand among the program's."""
    own, rest = list(words), []
    local = {name.rstrip("="): name[-1] for syntax in commands.by_name.values() for name in syntax.options}
    options = [*OPTIONS, *(Option(name[2:], REQUIRED if end == "=" else NONE) for name, end in local.items())]
    given, after = parse_options(own, options, permute=False)
    mine = [
        (name, value)
        for name, value in given
        if find_option(name, OPTIONS) is not None and f"--{name}" not in local
    ]
    theirs = [(name, value) for name, value in given if (name, value) not in mine]
    rest = [f"--{name}" if value is None else f"--{name}={value}" for name, value in theirs]
    return Given(mine), rest + after


def _answer(given: Given) -> bool:
    """Print what --help, --version, --commands or --options, whichever comes first, asks for."""
    for name, _ in given:
        match name:
            case "help":
                from vswitch.cli.switch.help import help_text

                print(help_text(ROW_IDS))
            case "version":
                print(version_text(NAME, "DB Schema 8.8.0"))
            case "commands":
                for syntax in commands.by_name.values():
                    options = "".join(f"[{option}] " for option in syntax.options)
                    print(f"{options},{syntax.name},{syntax.usage}")
            case "options":
                for option in OPTIONS:
                    argument = "" if option.argument == NONE else "=ARG"
                    print(f"--{option.name}{argument}")
                    if option.short:
                        print(f"-{option.short}{argument.replace('=', ' ')}")
            case _:
                continue
        return True
    return False


def command_line(words: Sequence[str]) -> str:
    """Words as one would type them, nearly: what logs show."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if word and not any(letter in word for letter in " \t\n\v\f\r\\\"'"):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _invoker() -> str:
    """Which program has started us, for the database's log."""
    try:
        with open(f"/proc/{os.getppid()}/comm", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return f" (invoked by {file.read().strip()})"
    except OSError:
        return ""


def _log_call(given: Given, line: str) -> None:
    """Say in the system's log who changes the configuration."""
    if "verbose" in given or "log-file" in given:
        inform("vsctl", f"Called as {line}")
    elif "no-syslog" not in given:
        import syslog

        syslog.openlog(NAME, 0, syslog.LOG_DAEMON)
        text = line.encode(errors="replace").decode()
        syslog.syslog(syslog.LOG_INFO, f"ovs|00001|vsctl|INFO|Called as {text}")


def _settings(given: Given, words: Sequence[str]) -> Settings:
    tls = TlsOptions(
        *(given.get(name) for name in ("private-key", "certificate", "ca-cert", "bootstrap-ca-cert"))
    )
    server = given.get("db") or default_database()
    result = Settings(program=NAME, database="Open_vSwitch", server=server, tls=tls, row_ids=ROW_IDS)
    result.comment = f"{NAME}{_invoker()}: {command_line([NAME, *words])}"
    result.style = Style.from_options(given, "list")
    result.is_one_line = "oneline" in given
    result.is_dry_run = "dry-run" in given
    result.is_waiting = "no-wait" not in given
    result.retries = "retry" in given
    return result
