"""ovs-vsctl: configures ovs-vswitchd through its database.

Sources: ovs-vsctl(8).
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.options import BOOTSTRAP, HELP, LOGGING, REQUIRED, SSL, TIMEOUT, Option
from vswitch.cli.ctl import database
from vswitch.cli.ctl.context import Commands, Context, Wanting
from vswitch.cli.ctl.names import RowId
from vswitch.cli.ctl.program import ControlProgram
from vswitch.cli.ctl.session import Hooks
from vswitch.cli.ctl.show import Shown, Tree
from vswitch.cli.ctl.targets import manager_commands
from vswitch.cli.switch import datapaths, ports, settings
from vswitch.cli.switch.model import root
from vswitch.cli.table import TABLE
from vswitch.linux.dirs import logdir

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
managers = manager_commands("Open_vSwitch", "manager_options", "vsctl")
for table in (database.commands, ports.commands, settings.commands, managers, datapaths.commands):
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
            if row is None or (not row["error"] and row["ofport"] not in (None, -1)):
                continue
            errors += 1
            reason = f": {row['error']}" if row["error"] else ""
            yield f"Error detected while setting up '{row['name']}'{reason}.  See ovs-vswitchd log for details."
        if errors:
            yield f'The default log directory is "{logdir()}".'


def _help() -> str:
    from vswitch.cli.switch.help import help_text

    return help_text(ROW_IDS)


def main() -> int:
    """Run the program; return its exit status."""
    return ControlProgram(
        NAME,
        "Open_vSwitch",
        "8.8.0",
        commands=commands,
        options=OPTIONS,
        row_ids=ROW_IDS,
        help=_help,
        hooks=lambda settings: SwitchHooks(is_waiting=settings.is_waiting),
        module="vsctl",
        names_invoker=True,
    ).main()
