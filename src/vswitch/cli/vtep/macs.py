"""Commands on MAC bindings: behind which tunnel end points (locators) the addresses of a logical switch are.

A unicast address is at one locator; a multicast address at a set of them, which cannot be changed but only replaced.

Sources: vtep-ctl(8), "Local MAC Binding Commands", "Remote MAC Binding Commands"; vtep(5), Ucast_Macs_Local and on.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.cli.ctl.context import Commands, Context, Wanting
from vswitch.cli.vtep.model import LOGICAL_SWITCH, needs_switches
from vswitch.ovsdb.replica import Row

commands = Commands()
_DEFAULT_ENCAPSULATION = "vxlan_over_ipv4"


def _needs_macs(wanting: Wanting, *words: str) -> None:
    needs_switches(wanting)
    for side in ("Local", "Remote"):
        wanting.want(f"Ucast_Macs_{side}", "MAC", "locator", "logical_switch")
        wanting.want(f"Mcast_Macs_{side}", "MAC", "locator_set", "logical_switch")
    wanting.want("Physical_Locator_Set", "locators")
    wanting.want("Physical_Locator", "dst_ip", "encapsulation_type")


def _bindings(context: Context, table: str, logical_switch: Row, mac: str = "") -> list[Row]:
    """The rows of `table` for a logical switch, or those for one address, sorted by address."""
    get, rows = context.transaction.get, context.transaction.rows(table)
    found = [
        row
        for row in rows
        if get(row, "logical_switch") == logical_switch.uuid and mac in ("", get(row, "MAC"))
    ]
    return sorted(found, key=lambda row: str(get(row, "MAC")))


def _find_locator(context: Context, encapsulation: str, address: str) -> Row | None:
    get, rows = context.transaction.get, context.transaction.rows("Physical_Locator")
    wanted = (encapsulation, address)
    return next((row for row in rows if (get(row, "encapsulation_type"), get(row, "dst_ip")) == wanted), None)


def _locator(context: Context, encapsulation: str, address: str) -> Row:
    """The locator for that end point, made if need be."""
    return _find_locator(context, encapsulation, address) or context.transaction.insert(
        "Physical_Locator", dst_ip=address, encapsulation_type=encapsulation
    )


def _end_point(words: tuple[str, ...]) -> tuple[str, str]:
    """The encapsulation and address that `[ENCAP] IP` means."""
    return (words[0], words[1]) if len(words) == 2 else (_DEFAULT_ENCAPSULATION, words[0])


def _locators(context: Context, binding: Row) -> list[str]:
    """The UUIDs of the locators of a multicast binding."""
    found = context.transaction.row("Physical_Locator_Set", context.transaction.get(binding, "locator_set"))
    return [] if found is None else list(context.transaction.get(found, "locators"))


def _set_locators(context: Context, binding: Row, uuids: list[str]) -> None:
    found = context.transaction.insert("Physical_Locator_Set", locators=tuple(sorted(uuids)))
    context.transaction.set(binding, "locator_set", found.uuid)


def _declare(side: str) -> None:
    """Declare the commands on the bindings of one side, `local` or `remote`."""
    unicast, multicast = f"Ucast_Macs_{side.capitalize()}", f"Mcast_Macs_{side.capitalize()}"
    _declare_unicast(side, unicast)
    _declare_multicast(side, multicast)
    _declare_whole(side, unicast, multicast)


def _declare_unicast(side: str, unicast: str) -> None:

    @commands(f"add-ucast-{side}", "!LS !MAC ?ENCAP !IP", needs=_needs_macs, changes=True, at_least=3)
    def add_unicast(context: Context, name: str, mac: str, *end_point: str) -> None:
        logical_switch = LOGICAL_SWITCH.get(context, name)
        locator = _locator(context, *_end_point(end_point))
        found = _bindings(context, unicast, logical_switch, mac)
        binding = (
            found[0]
            if found
            else context.transaction.insert(unicast, MAC=mac, logical_switch=logical_switch.uuid)
        )
        context.transaction.set(binding, "locator", locator.uuid)

    @commands(f"del-ucast-{side}", "!LS !MAC", needs=_needs_macs, changes=True)
    def delete_unicast(context: Context, name: str, mac: str) -> None:
        for binding in _bindings(context, unicast, LOGICAL_SWITCH.get(context, name), mac):
            context.transaction.delete(binding)


def _declare_multicast(side: str, multicast: str) -> None:

    @commands(f"add-mcast-{side}", "!LS !MAC ?ENCAP !IP", needs=_needs_macs, changes=True, at_least=3)
    def add_multicast(context: Context, name: str, mac: str, *end_point: str) -> None:
        logical_switch = LOGICAL_SWITCH.get(context, name)
        locator = _locator(context, *_end_point(end_point))
        found = _bindings(context, multicast, logical_switch, mac)
        if not found:
            found = [context.transaction.insert(multicast, MAC=mac, logical_switch=logical_switch.uuid)]
        uuids = _locators(context, found[0])
        if locator.uuid not in uuids:
            _set_locators(context, found[0], [*uuids, locator.uuid])

    @commands(f"del-mcast-{side}", "!LS !MAC ?ENCAP !IP", needs=_needs_macs, changes=True, at_least=3)
    def delete_multicast(context: Context, name: str, mac: str, *end_point: str) -> None:
        found = _bindings(context, multicast, LOGICAL_SWITCH.get(context, name), mac)
        locator = _find_locator(context, *_end_point(end_point))
        if not found or locator is None or locator.uuid not in (uuids := _locators(context, found[0])):
            return
        if len(uuids) == 1:
            context.transaction.delete(found[0])
        else:
            _set_locators(context, found[0], [uuid for uuid in uuids if uuid != locator.uuid])


def _declare_whole(side: str, unicast: str, multicast: str) -> None:

    @commands(f"clear-{side}-macs", "!LS", needs=_needs_macs, changes=True)
    def clear(context: Context, name: str) -> None:
        logical_switch = LOGICAL_SWITCH.get(context, name)
        for table in (unicast, multicast):
            for binding in _bindings(context, table, logical_switch):
                context.transaction.delete(binding)

    @commands(f"list-{side}-macs", "!LS", needs=_needs_macs)
    def list_(context: Context, name: str) -> Iterator[str]:
        logical_switch = LOGICAL_SWITCH.get(context, name)
        yield f"ucast-mac-{side}"
        for binding in _bindings(context, unicast, logical_switch):
            yield from _lines(context, binding, [context.transaction.get(binding, "locator")])
        yield ""
        yield f"mcast-mac-{side}"
        for binding in _bindings(context, multicast, logical_switch):
            yield from _lines(context, binding, _locators(context, binding))
        yield ""


def _lines(context: Context, binding: Row, locators: list[str]) -> list[str]:
    """A line for each locator of a binding."""
    get = context.transaction.get
    rows = [row for uuid in locators if (row := context.transaction.row("Physical_Locator", uuid))]
    return sorted(
        f"  {get(binding, 'MAC')} -> {get(row, 'encapsulation_type')}/{get(row, 'dst_ip')}" for row in rows
    )


_declare("local")
_declare("remote")
