"""Commands on datapaths: what they can do, and the time-outs and limits of their connection tracking zones.

Sources: ovs-vsctl(8) of Open vSwitch 3.3, "Conntrack Zone Commands", "Datapath Capabilities Command".
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.errors import TextError
from vswitch.base.options import CommandError
from vswitch.cli.ctl.context import Commands, Context, Wanting
from vswitch.cli.switch.model import root
from vswitch.ovsdb.replica import Row
from vswitch.ovsdb.valuetext import parse_integer

commands = Commands()


def _needs_datapaths(wanting: Wanting, *words: str) -> None:
    wanting.want("Open_vSwitch", "datapaths")
    wanting.want("Datapath", "ct_zones", "capabilities", "ct_zone_default_limit")
    wanting.want("CT_Zone", "timeout_policy", "limit")
    wanting.want("CT_Timeout_Policy", "timeouts")


def _datapath(context: Context, name: str, missing: str) -> Row:
    """The datapath of that type; raises CommandError, saying `missing`, if there is none."""
    row = root(context.transaction)
    context.transaction.verify(row, "datapaths")
    uuid = context.transaction.get(row, "datapaths").get(name)
    datapath = context.transaction.row("Datapath", uuid) if uuid else None
    if datapath is None:
        raise CommandError(missing)
    return datapath


def _zones(context: Context, datapath: Row) -> dict[int, Row]:
    context.transaction.verify(datapath, "ct_zones")
    uuids = context.transaction.get(datapath, "ct_zones")
    rows = {zone: context.transaction.row("CT_Zone", uuid) for zone, uuid in uuids.items()}
    return {zone: row for zone, row in rows.items() if row is not None}


def _number(text: str, what: str) -> int:
    try:
        return parse_integer(text, "integer")
    except TextError:
        raise CommandError(f"{what}: {text!r} is not a number") from None


def _zone_number(word: str) -> int:
    if not word.startswith("zone="):
        raise CommandError(f"{word}: expected zone=ZONE_ID")
    return _number(word.removeprefix("zone="), "zone id")


@commands("list-dp-cap", "!DATAPATH", needs=_needs_datapaths)
def list_dp_cap(context: Context, name: str) -> Iterator[str]:
    """Print what a datapath can do."""
    datapath = _datapath(context, name, f'datapath "{name}" record not found')
    capabilities = context.transaction.get(datapath, "capabilities")
    yield " ".join(f"{key}={value}" for key, value in capabilities.items())


@commands("add-zone-tp", "!DATAPATH !ZONE +POLICIES", "--may-exist", needs=_needs_datapaths, changes=True)
def add_zone_tp(context: Context, name: str, zone: str, *policies: str) -> None:
    """Give a zone time-outs of its own, `POLICY=SECONDS` each."""
    transaction = context.transaction
    datapath = _datapath(context, name, f"datapath {name} does not exist")
    number = _zone_number(zone)
    row = _zones(context, datapath).get(number)
    if row is not None and transaction.get(row, "timeout_policy") and "--may-exist" not in context.options:
        raise CommandError(f"zone id {number} already exists")
    timeouts: dict[str, int] = {}
    for policy in policies:
        key, equals, seconds = policy.partition("=")
        if not equals:
            raise CommandError(f"{policy}: expected POLICY=SECONDS")
        timeouts.setdefault(key, _number(seconds, key))
    policy_row = _policy(context, dict(sorted(timeouts.items())))
    if row is None:
        row = transaction.insert("CT_Zone")
        transaction.put(datapath, "ct_zones", [(number, row.uuid)])
    transaction.set(row, "timeout_policy", policy_row.uuid)


def _policy(context: Context, timeouts: dict[str, int]) -> Row:
    """The row with these time-outs, which zones share."""
    transaction = context.transaction
    for row in transaction.rows("CT_Timeout_Policy"):
        if transaction.get(row, "timeouts") == timeouts:
            transaction.verify(row, "timeouts")
            return row
    return transaction.insert("CT_Timeout_Policy", timeouts=timeouts)


@commands("del-zone-tp", "!DATAPATH !ZONE", "--if-exists", needs=_needs_datapaths, changes=True)
def del_zone_tp(context: Context, name: str, zone: str) -> None:
    """Let a zone have the datapath's time-outs."""
    datapath = _datapath(context, name, f"datapath {name} does not exist")
    number = _zone_number(zone)
    row = _zones(context, datapath).get(number)
    if row is not None:
        _clear(context, datapath, number, row, "timeout_policy", "limit")
    elif "--if-exists" not in context.options:
        raise CommandError(f"zone id {number} does not exist")


def _clear(context: Context, datapath: Row, number: int, zone: Row, column: str, other: str) -> None:
    """Empty a column of a zone, which goes away unless its `other` column holds something."""
    if other in zone and context.transaction.get(zone, other) is not None:
        context.transaction.set(zone, column, None)
    else:
        context.transaction.remove(datapath, "ct_zones", [number])


@commands("list-zone-tp", "!DATAPATH", needs=_needs_datapaths)
def list_zone_tp(context: Context, name: str) -> Iterator[str]:
    """Print the time-outs of all zones."""
    transaction = context.transaction
    datapath = _datapath(context, name, f"datapath: {name} record not found")
    for number, row in _zones(context, datapath).items():
        uuid = transaction.get(row, "timeout_policy")
        policy = transaction.row("CT_Timeout_Policy", uuid) if uuid else None
        timeouts = transaction.get(policy, "timeouts") if policy else {}
        text = " ".join(f"{key}={seconds}" for key, seconds in timeouts.items()) or "system default"
        yield f"Zone:{number}, Timeout Policies: {text}"


# --- limits ---


def _limit_of(word: str) -> int | None:
    """The zone that `default`, `ZONE` or `zone=ZONE` means; None for the default of all zones."""
    return None if word == "default" else _number(word.removeprefix("zone="), "zone id")


@commands("set-zone-limit", "!DATAPATH !ZONE|default !LIMIT", needs=_needs_datapaths, changes=True)
def set_zone_limit(context: Context, name: str, zone: str, limit_text: str) -> None:
    """Limit the connections of a zone, or of all that have no limit of their own; 0 is no limit."""
    datapath = _datapath(context, name, f"datapath {name} does not exist")
    number, limit = _limit_of(zone), _number(limit_text, "limit")
    if number is None:
        context.transaction.set(datapath, "ct_zone_default_limit", limit)
        return
    row = _zones(context, datapath).get(number)
    if row is None:
        row = context.transaction.insert("CT_Zone")
        context.transaction.put(datapath, "ct_zones", [(number, row.uuid)])
    context.transaction.set(row, "limit", limit)


@commands("del-zone-limit", "!DATAPATH !ZONE|default", "--if-exists", needs=_needs_datapaths, changes=True)
def del_zone_limit(context: Context, name: str, zone: str) -> None:
    """Undo set-zone-limit."""
    datapath = _datapath(context, name, f"datapath {name} does not exist")
    number = _limit_of(zone)
    transaction, must_exist = context.transaction, "--if-exists" not in context.options
    if number is None:
        if must_exist and transaction.get(datapath, "ct_zone_default_limit") is None:
            raise CommandError(f"datapath {name} does not have a limit")
        transaction.set(datapath, "ct_zone_default_limit", None)
        return
    row = _zones(context, datapath).get(number)
    if row is not None and transaction.get(row, "limit") is not None:
        _clear(context, datapath, number, row, "limit", "timeout_policy")
    elif must_exist:
        raise CommandError(f"zone_id {number} does not have limit")


@commands("list-zone-limits", "!DATAPATH", needs=_needs_datapaths)
def list_zone_limits(context: Context, name: str) -> Iterator[str]:
    """Print the limits of all zones."""
    get = context.transaction.get
    datapath = _datapath(context, name, f"datapath {name} does not exist")
    if (default := get(datapath, "ct_zone_default_limit")) is not None:
        yield f"Default limit: {default}"
    for number, row in _zones(context, datapath).items():
        if (limit := get(row, "limit")) is not None:
            yield f"Zone: {number}, Limit: {limit}"
