"""OpenFlow tables as the database wants them: names, limits, eviction, and the prefixes that look-ups track.

Sources: ovs-vswitchd.conf.db(5), Flow_Table; what a bad name of a field comes to was compared with the peer.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.errors import TextError
from vswitch.base.log import Logger
from vswitch.flow.classifier import TRACKED
from vswitch.flow.field import Field
from vswitch.flow.fields import FIELDS
from vswitch.flow.subfield import parse_subfield
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.table import INTERNAL_TABLE
from vswitch.vswitchd.bridge import BridgeConfig, TableConfig

log = Logger("bridge")
NO_TABLE_CONFIG = TableConfig()
NO_PREFIXES = "none"  # for a field: nothing is tracked, whatever else is named
TRACKABLE = frozenset(
    FIELDS[name]
    for name in (
        *("tun_id", "tun_src", "tun_dst", "tun_ipv6_src", "tun_ipv6_dst"),
        *("ip_src", "ip_dst", "ipv6_src", "ipv6_dst"),
        *("ct_nw_src", "ct_nw_dst", "ct_ipv6_src", "ct_ipv6_dst"),
    )
)


def configure_tables(switch: Switch, config: BridgeConfig, now: float) -> None:
    """Make every table of `switch` what `config` says of it."""
    for number in range(INTERNAL_TABLE):
        wanted = config.tables.get(number, NO_TABLE_CONFIG)
        where = f"bridge {config.name}: table {number}"
        mask = _group_mask(wanted, where)
        switch.configure_table(number, wanted.name, wanted.limit, wanted.evicts, mask, now)
        switch.tables[number].track(tuple(_tracked(wanted, where)))


def _group_mask(wanted: TableConfig, where: str) -> int:
    """The bits whose values make groups of rules."""
    mask = 0
    for text in wanted.groups:
        try:
            mask |= parse_subfield(text).mask
        except TextError as error:
            log.warn("%s: groups: %s", where, error)
    return mask


def _tracked(wanted: TableConfig, where: str) -> Iterator[Field]:
    """The fields whose prefixes are to be tracked."""
    if not wanted.prefixes:
        yield from TRACKED
        return
    if NO_PREFIXES in wanted.prefixes:
        return
    for name in wanted.prefixes:
        field = FIELDS.get(name)
        if field is None:
            log.warn("%s: 'prefixes' with unknown field: %s", where, name)
        elif field not in TRACKABLE:
            log.warn("%s: 'prefixes' with incompatible field: %s", where, name)
        else:
            yield field
