"""Physical and logical switches, ports and MAC bindings as vtep-ctl speaks of them: each found by name.

Sources: vtep-ctl(8); vtep(5).
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.options import CommandError
from vswitch.cli.ctl.context import Context, Wanting
from vswitch.ovsdb.change import Transaction
from vswitch.ovsdb.replica import Row


def needs_switches(wanting: Wanting, *words: str) -> None:
    """What the replica must hold to find switches, routers and ports."""
    wanting.want("Global", "switches")
    wanting.want("Physical_Switch", "name", "ports")
    wanting.want("Physical_Port", "name", "vlan_bindings")
    wanting.want("Logical_Switch", "name", "replication_mode")
    wanting.want("Logical_Router", "name")


def root(transaction: Transaction) -> Row:
    """The row of table Global."""
    return next(transaction.rows("Global"))


class Kind:
    """A kind of thing with a name of its own: the table of its rows, and what people call it."""

    __slots__ = ("noun", "table")

    def __init__(self, table: str, noun: str) -> None:
        self.table = table
        self.noun = noun

    def find(self, context: Context, name: str) -> Row | None:
        """The one of that name."""
        found = context.transaction.having(self.table, "name", name)
        return found[0] if found else None

    def get(self, context: Context, name: str) -> Row:
        """The one of that name, which must exist."""
        row = self.find(context, name)
        if row is None:
            raise CommandError(f"no {self.noun} named {name}")
        return row

    def get_or_none(self, context: Context, name: str) -> Row | None:
        """As get(), but with --if-exists it need not exist."""
        return self.find(context, name) if "--if-exists" in context.options else self.get(context, name)

    def is_new(self, context: Context, name: str) -> bool:
        """Whether there is none of that name; raises CommandError if there is one and --may-exist was not given."""
        if self.find(context, name) is None:
            return True
        if "--may-exist" not in context.options:
            raise CommandError(f"cannot create {self.noun} {name} because it already exists")
        return False

    def names(self, context: Context) -> list[str]:
        """The names of all."""
        transaction = context.transaction
        return sorted(transaction.get(row, "name") for row in transaction.rows(self.table))


PHYSICAL_SWITCH = Kind("Physical_Switch", "physical switch")
LOGICAL_SWITCH = Kind("Logical_Switch", "logical switch")
LOGICAL_ROUTER = Kind("Logical_Router", "logical router")


def ports(context: Context, switch: Row) -> Iterator[Row]:
    """The ports of a physical switch."""
    context.transaction.verify(switch, "ports")
    for uuid in context.transaction.get(switch, "ports"):
        row = context.transaction.row("Physical_Port", uuid)
        if row is not None:
            yield row


def find_port(context: Context, switch_name: str, name: str) -> Row | None:
    """The port of that name on that switch."""
    switch = PHYSICAL_SWITCH.find(context, switch_name)
    found = ports(context, switch) if switch else ()
    return next((port for port in found if context.transaction.get(port, "name") == name), None)


def get_port(context: Context, switch_name: str, name: str) -> Row:
    """The port of that name on that switch, which must exist."""
    port = find_port(context, switch_name, name)
    if port is None:
        raise CommandError(f"no port named {name}")
    return port
