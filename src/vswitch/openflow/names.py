"""Names that a switch gives to its ports and tables, for text in both directions; and numbers of tables, groups and meters
that are none.

Sources: ovs-ofctl(8), --names and --no-names.
"""

from __future__ import annotations

from collections.abc import Mapping

from vswitch.base.digits import parse_decimal
from vswitch.base.errors import TextError
from vswitch.base.remarks import remark
from vswitch.base.text import c_uint, quote
from vswitch.flow.ports import OfPort, format_port, parse_port

OFPTT_ALL = 0xFF  # as table: all tables, or (adding) the switch's choice
OFPG_MAX, OFPG_ALL, OFPG_ANY = 0xFFFFFF00, 0xFFFFFFFC, 0xFFFFFFFF
OFPM_MAX = 0xFFFF0000
_GROUPS = {"all": OFPG_ALL, "any": OFPG_ANY}


def parse_group(text: str) -> int | None:
    """The group, or the groups, that `text` means; None, and a remark, if it means none."""
    number = parse_decimal(text)
    if number is not None and number <= OFPG_ANY:
        return number
    if text.lower() not in _GROUPS:
        known = "Valid group IDs are 32-bit nonnegative integers or the keywords ANY or ALL."
        remark("ofp_group", f"{text} is not a valid group ID.  ({known})")
    return _GROUPS.get(text.lower())


class Names:
    """Port and table names by which text is read, and with which it is written."""

    __slots__ = ("_port_names", "_table_names", "ports", "tables")

    def __init__(
        self, ports: Mapping[str, OfPort] | None = None, tables: Mapping[str, int] | None = None
    ) -> None:
        self.ports = ports or {}
        self.tables = {} if tables is None else tables  # whose length some do not know before they are asked
        self._port_names = {int(number): name for name, number in self.ports.items()}
        self._table_names: Mapping[int, str] | None = None

    @property
    def port_names(self) -> Mapping[int, str]:
        """The names by number."""
        return self._port_names

    def port(self, text: str, unknown: str = "unknown port") -> OfPort:
        """The port that `text` means; a TextError that says `unknown`, with `text` in it or after it, if it means none."""
        port = parse_port(text, self.ports)
        if port is None:
            raise TextError(unknown.format(text) if "{}" in unknown else f"{unknown} {text}", text)
        return port

    def format_port(self, port: int) -> str:
        """A port as ovs-ofctl prints it."""
        return format_port(port, self._port_names)

    def table(self, text: str) -> int | None:
        """The table that `text` means; None if it means none."""
        if text[:1] == "-":
            remark("ofp_table", f"Negative value {text} is not a valid table number.")
            return None
        number = c_uint(text)
        if number is None:
            return self.tables.get(text.strip('"'))
        if number > 255:
            remark("ofp_table", f"table {number} is outside the supported range 0 through 255")
            return None
        return number

    def tells_table(self, table: int) -> bool:
        """Whether a table is worth a word: all are but the first, unless it has a name."""
        return bool(table) or self.format_table(table) != "0"

    def format_table(self, table: int) -> str:
        """A table as ovs-ofctl prints it."""
        if self._table_names is None:
            self._table_names = {number: name for name, number in self.tables.items()}
        name = self._table_names.get(table)
        return str(table) if name is None else quote(name)


NO_NAMES = Names()
