"""Commands on controllers, TLS, Auto Attach, and the whole configuration.

Sources: ovs-vsctl(8), "OpenFlow Controller Connectivity", "SSL Configuration", "Auto Attach
Commands", "Open vSwitch Commands".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vswitch.base.options import CommandError
from vswitch.cli.ctl.context import Commands, Context, Wanting
from vswitch.cli.ctl.numbers import leading_digits
from vswitch.cli.ctl.targets import list_targets, replace_targets
from vswitch.cli.switch.model import needs_switch, root, switch_of
from vswitch.ovsdb.replica import Row

commands = Commands()


# --- controllers ---


def _needs_controllers(wanting: Wanting, *words: str) -> None:
    needs_switch(wanting)
    wanting.want("Controller", "target", "inactivity_probe")


@commands("get-controller", "!BRIDGE", needs=_needs_controllers)
def get_controller(context: Context, name: str) -> list[str]:
    """Print the targets of a bridge's controllers."""
    return list_targets(context, switch_of(context).bridge(name).row, "controller", "Controller")


@commands("del-controller", "!BRIDGE", needs=_needs_controllers, changes=True)
def del_controller(context: Context, name: str) -> None:
    """Leave a bridge without controllers."""
    _set_controllers(context, name, [])


@commands(
    "set-controller",
    "!BRIDGE +TARGET",
    "--inactivity-probe=",
    needs=_needs_controllers,
    changes=True,
    at_least=1,
)
def set_controller(context: Context, name: str, *targets: str) -> None:
    """Give a bridge these controllers and no others."""
    _set_controllers(context, name, targets)


def _set_controllers(context: Context, name: str, targets: Sequence[str]) -> None:
    row = switch_of(context).real_bridge(name).row
    replace_targets(context, row, "controller", "Controller", targets, "vsctl")


@commands("get-fail-mode", "!BRIDGE", needs=needs_switch)
def get_fail_mode(context: Context, name: str) -> Iterator[str]:
    """Print what a bridge does without a controller."""
    row = switch_of(context).bridge(name).row
    context.transaction.verify(row, "fail_mode")
    if mode := context.transaction.get(row, "fail_mode"):
        yield mode


@commands("del-fail-mode", "!BRIDGE", needs=needs_switch, changes=True)
def del_fail_mode(context: Context, name: str) -> None:
    """Let a bridge do the default without a controller."""
    context.transaction.set(switch_of(context).real_bridge(name).row, "fail_mode", None)


@commands("set-fail-mode", "!BRIDGE !MODE", needs=needs_switch, changes=True)
def set_fail_mode(context: Context, name: str, mode: str) -> None:
    """Say what a bridge does without a controller."""
    row = switch_of(context).real_bridge(name).row
    if mode not in ("standalone", "secure"):
        raise CommandError('fail-mode must be "standalone" or "secure"')
    context.transaction.set(row, "fail_mode", mode)


# --- TLS ---


def _needs_ssl(wanting: Wanting, *words: str) -> None:
    wanting.want("Open_vSwitch", "ssl")
    wanting.want("SSL", "private_key", "certificate", "ca_cert", "bootstrap_ca_cert")


def _ssl(context: Context) -> Row | None:
    row = root(context.transaction)
    context.transaction.verify(row, "ssl")
    uuid = context.transaction.get(row, "ssl")
    return context.transaction.row("SSL", uuid) if uuid else None


@commands("get-ssl", "", needs=_needs_ssl)
def get_ssl(context: Context) -> Iterator[str]:
    """Print where the keys and certificates are."""
    row = _ssl(context)
    if row is not None:
        get = context.transaction.get
        yield f"Private key: {get(row, 'private_key')}"
        yield f"Certificate: {get(row, 'certificate')}"
        yield f"CA Certificate: {get(row, 'ca_cert')}"
        yield f"Bootstrap: {'true' if get(row, 'bootstrap_ca_cert') else 'false'}"


@commands("del-ssl", "", needs=_needs_ssl, changes=True)
def del_ssl(context: Context) -> None:
    """Forget the keys and certificates."""
    row = _ssl(context)
    if row is not None:
        context.transaction.delete(row)
        context.transaction.set(root(context.transaction), "ssl", None)


@commands("set-ssl", "!PRIVATE-KEY !CERTIFICATE !CA-CERT", "--bootstrap", needs=_needs_ssl, changes=True)
def set_ssl(context: Context, private_key: str, certificate: str, ca_cert: str) -> None:
    """Say where the keys and certificates are."""
    del_ssl(context)
    row = context.transaction.insert(
        "SSL",
        private_key=private_key,
        certificate=certificate,
        ca_cert=ca_cert,
        bootstrap_ca_cert="--bootstrap" in context.options,
    )
    context.transaction.set(root(context.transaction), "ssl", row.uuid)


# --- Auto Attach ---


def _needs_auto_attach(wanting: Wanting, *words: str) -> None:
    needs_switch(wanting)
    wanting.want("Bridge", "auto_attach")
    wanting.want("AutoAttach", "mappings")


def _auto_attach(context: Context, name: str) -> tuple[Row, Row | None]:
    """A bridge's row and its row of Auto Attach settings, if it has one."""
    bridge = switch_of(context).bridge(name)
    context.transaction.verify(bridge.row, "auto_attach")
    uuid = context.transaction.get(bridge.row, "auto_attach")
    return bridge.row, context.transaction.row("AutoAttach", uuid) if uuid else None


def _number(text: str) -> int:
    digits = leading_digits(text)
    if not digits:
        raise CommandError(f"Invalid argument {text}")
    return int(digits)


@commands("add-aa-mapping", "!BRIDGE !ARG !ARG", needs=_needs_auto_attach, changes=True)
def add_aa_mapping(context: Context, name: str, isid: str, vlan: str) -> None:
    """Map a service identifier to a VLAN."""
    mapping = (_number(isid), _number(vlan))
    bridge, row = _auto_attach(context, name)
    if row is None:
        row = context.transaction.insert("AutoAttach")
        context.transaction.set(bridge, "auto_attach", row.uuid)
    context.transaction.put(row, "mappings", [mapping])


@commands("del-aa-mapping", "!BRIDGE !ARG !ARG", needs=_needs_auto_attach, changes=True)
def del_aa_mapping(context: Context, name: str, isid: str, vlan: str) -> None:
    """Undo add-aa-mapping."""
    key, value = _number(isid), _number(vlan)
    _, row = _auto_attach(context, name)
    if row is not None and context.transaction.get(row, "mappings").get(key) == value:
        context.transaction.remove(row, "mappings", [key])


@commands("get-aa-mapping", "!BRIDGE", needs=_needs_auto_attach)
def get_aa_mapping(context: Context, name: str) -> Iterator[str]:
    """Print the mappings of service identifiers to VLANs."""
    _, row = _auto_attach(context, name)
    if row is not None:
        for isid, vlan in context.transaction.get(row, "mappings").items():
            yield f"{isid} {vlan}"


# --- the whole configuration ---


@commands("init", changes=True)
def init(context: Context) -> None:
    """Do nothing: every command line begins by making the root row, if there is none."""


_EMPTIED = {
    "Open_vSwitch": ("manager_options", "ssl"),
    "Bridge": ("controller", "fail_mode", "mirrors", "netflow", "sflow", "ipfix", "flood_vlans"),
    "Port": ("other_config",),
}
_ZEROED = {"Interface": ("ingress_policing_rate", "ingress_policing_burst")}
_DELETED = (
    "Mirror",
    "Controller",
    "Manager",
    "NetFlow",
    "sFlow",
    "IPFIX",
    "SSL",
)


def _needs_reset(wanting: Wanting, *words: str) -> None:
    for table, columns in [*_EMPTIED.items(), *_ZEROED.items()]:
        wanting.want(table, *columns)
    wanting.want("Bridge", "other_config")
    for table in _DELETED:
        wanting.want(table)


@commands("emer-reset", "", needs=_needs_reset, changes=True)
def emer_reset(context: Context) -> None:
    """Take away what managers, controllers and monitoring tools may have set up; leave bridges and ports."""
    transaction = context.transaction
    for table, columns in [*_EMPTIED.items(), *_ZEROED.items()]:
        for row in transaction.rows(table):
            for column in columns:
                transaction.set(row, column, transaction.column(row, column).default)
    for bridge in transaction.rows("Bridge"):
        config = transaction.get(bridge, "other_config")
        kept = {key: value for key, value in config.items() if key == "hwaddr"}
        transaction.set(bridge, "other_config", kept)
    for table in _DELETED:
        for row in list(transaction.rows(table)):
            transaction.delete(row)
