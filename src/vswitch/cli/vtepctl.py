"""vtep-ctl: configures a hardware VXLAN tunnel end point through its database.

Sources: vtep-ctl(8), vtep(5).
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
from vswitch.cli.table import TABLE
from vswitch.cli.vtep import macs, switches

NAME = "vtep-ctl"
OPTIONS = (
    Option("db", REQUIRED),
    Option("no-syslog"),
    Option("dry-run"),
    Option("oneline"),
    *TIMEOUT,
    *HELP,
    *LOGGING,
    *TABLE,
    *SSL,
    *BOOTSTRAP,
)
ROW_IDS = {
    "Global": RowId("Global"),
    "Logical_Router": RowId("Logical_Router", "name"),
    "Logical_Switch": RowId("Logical_Switch", "name"),
    "Manager": RowId("Manager", "target"),
    "Physical_Port": RowId("Physical_Port", "name"),
    "Physical_Switch": RowId("Physical_Switch", "name"),
}
TREE = Tree(
    {
        "Global": Shown("", "managers", "switches"),
        "Manager": Shown("target", "is_connected"),
        "Physical_Switch": Shown("name", "management_ips", "tunnel_ips", "ports"),
        "Physical_Port": Shown("name", "vlan_bindings"),
        "Logical_Switch": Shown("name"),
    }
)

commands = Commands()
managers = manager_commands("Global", "managers", "vtep_ctl")
for table in (database.commands, managers, switches.commands, macs.commands):
    commands.include(table)


@commands("show", "", needs=TREE.needs)
def show(context: Context) -> Iterator[str]:
    """Print an overview of the database."""
    return TREE.lines(context)


class VtepHooks(Hooks):
    """The root row exists."""

    def needs(self, wanting: Wanting) -> None:
        """The root row."""
        wanting.want("Global")

    def begin(self, context: Context) -> None:
        """Make the root row if there is none."""
        if not any(context.transaction.rows("Global")):
            context.transaction.insert("Global")


def _help() -> str:
    from vswitch.cli.vtep.help import help_text

    return help_text(ROW_IDS)


def main() -> int:
    """Run the program; return its exit status."""
    return ControlProgram(
        NAME,
        "hardware_vtep",
        "1.7.0",
        commands=commands,
        options=OPTIONS,
        row_ids=ROW_IDS,
        help=_help,
        hooks=lambda settings: VtepHooks(),
        module="vtep_ctl",
    ).main()
