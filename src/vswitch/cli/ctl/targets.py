"""Targets, of managers or controllers: rows that exist only because some column refers to them.

Sources: ovs-vsctl(8), "Manager Connectivity", "OpenFlow Controller Connectivity"; vtep-ctl(8), "Manager Connectivity".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vswitch.cli.command import warn
from vswitch.cli.ctl.context import Commands, Context, Wanting
from vswitch.cli.ctl.numbers import leading_integer
from vswitch.ovsdb.replica import Row

STREAMS = ("tcp", "unix", "ssl", "ptcp", "punix", "pssl")


def list_targets(context: Context, row: Row, column: str, table: str) -> list[str]:
    """The targets of the rows of `table` that `row[column]` refers to."""
    get = context.transaction.get
    return sorted(get(each, "target") for each in _referenced(context, row, column, table))


def replace_targets(
    context: Context, row: Row, column: str, table: str, targets: Sequence[str], module: str
) -> None:
    """Let `row[column]` refer to new rows of `table`, one for each target, and to nothing else."""
    for old in _referenced(context, row, column, table):
        context.transaction.delete(old)
    probe = context.options.get("--inactivity-probe")
    new = []
    for target in targets:
        if target.partition(":")[0] not in STREAMS or ":" not in target:
            warn(module, f'target type "{target}" is possibly erroneous')
        added = context.transaction.insert(table, target=target)
        if probe is not None:
            context.transaction.set(added, "inactivity_probe", leading_integer(probe))
        new.append(added.uuid)
    context.transaction.set(row, column, tuple(sorted(new)))


def manager_commands(root_table: str, column: str, module: str) -> Commands:
    """get-manager, del-manager, set-manager, for databases whose only row of `root_table` lists managers in `column`."""
    commands = Commands()

    def needs(wanting: Wanting, *words: str) -> None:
        wanting.want(root_table, column)
        wanting.want("Manager", "target", "inactivity_probe")

    def replace(context: Context, targets: Sequence[str]) -> None:
        root = next(context.transaction.rows(root_table))
        replace_targets(context, root, column, "Manager", targets, module)

    @commands("get-manager", "", needs=needs)
    def get_manager(context: Context) -> Iterator[str]:
        """Print the targets of the database's managers."""
        root = next(context.transaction.rows(root_table))
        yield from list_targets(context, root, column, "Manager")

    @commands("del-manager", "", needs=needs, changes=True)
    def del_manager(context: Context) -> None:
        """Leave the database without managers."""
        replace(context, [])

    @commands("set-manager", "+TARGET", "--inactivity-probe=", needs=needs, changes=True)
    def set_manager(context: Context, *targets: str) -> None:
        """Give the database these managers and no others."""
        replace(context, targets)

    return commands


def _referenced(context: Context, row: Row, column: str, table: str) -> list[Row]:
    """The rows that a set of references holds."""
    context.transaction.verify(row, column)
    uuids = context.transaction.get(row, column)
    return [found for uuid in uuids if (found := context.transaction.row(table, uuid))]
