"""What groups there are: commands that read no group, and do without what that takes.

Sources: ovs-ofctl(8), "OpenFlow Switch Group Table Commands".
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.digits import parse_decimal
from vswitch.base.options import Given
from vswitch.cli.command import warn
from vswitch.cli.ofctl.switch import dump
from vswitch.cli.ofctl.table import command
from vswitch.openflow.messages.group import OFPG_ALL, OFPG_ANY
from vswitch.openflow.messages.groupstats import GroupDescRequest, GroupFeaturesRequest


@command("dump-groups", "SWITCH [GROUP]")
def dump_groups(given: Given, switch: str, group: str = "") -> Iterator[str]:
    """The groups."""
    return dump(given, switch, GroupDescRequest(_group(group)))


@command("dump-group-features", "SWITCH")
def dump_group_features(given: Given, switch: str) -> Iterator[str]:
    """What groups the switch can make."""
    return dump(given, switch, GroupFeaturesRequest())


def _group(text: str) -> int:
    if not text or text.lower() == "all":
        return OFPG_ALL
    number = parse_decimal(text)
    if number is not None and number <= 0xFFFFFFFF:
        return number
    if text.lower() == "any":
        return OFPG_ANY
    known = "Valid group IDs are 32-bit nonnegative integers or the keywords ANY or ALL."
    warn("ofp_group", f"{text} is not a valid group ID.  ({known})")
    return OFPG_ALL
