"""What groups there are: commands that read no group, and do without what that takes.

Sources: ovs-ofctl(8), "OpenFlow Switch Group Table Commands".
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.options import Given
from vswitch.cli.ofctl.channel import Channel
from vswitch.cli.ofctl.settings import Settings
from vswitch.cli.ofctl.switch import dump, printed
from vswitch.cli.ofctl.table import command
from vswitch.openflow.messages.groupstats import GroupDescRequest, GroupFeaturesRequest
from vswitch.openflow.names import OFPG_ALL, parse_group


@command("dump-groups", "SWITCH [GROUP]")
def dump_groups(given: Given, switch: str, group: str = "") -> Iterator[str]:
    """The groups."""
    settings = Settings(given)
    channel = Channel(switch, settings)
    return printed(channel.replies(GroupDescRequest(_group(group))), settings, switch)


@command("dump-group-features", "SWITCH")
def dump_group_features(given: Given, switch: str) -> Iterator[str]:
    """What groups the switch can make."""
    return dump(given, switch, GroupFeaturesRequest())


def _group(text: str) -> int:
    """The group to ask for: all, if that is no group."""
    group = parse_group(text) if text else OFPG_ALL
    return OFPG_ALL if group is None else group
