"""Commands about groups.

Sources: ovs-ofctl(8), "OpenFlow Switch Group Table Commands"; `ovs-ofctl list-commands`: parse-group.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vswitch.base.errors import TextError
from vswitch.base.options import CommandError, Given
from vswitch.cli.ofctl.channel import Channel
from vswitch.cli.ofctl.coloring import colored
from vswitch.cli.ofctl.flows import allowed_formats, check_formats
from vswitch.cli.ofctl.lines import BLANK, c_string, opened
from vswitch.cli.ofctl.naming import accepted
from vswitch.cli.ofctl.settings import FLOW_FORMATS, Settings
from vswitch.cli.ofctl.switch import dump
from vswitch.cli.ofctl.table import command
from vswitch.openflow.grouptext import ReadGroup, parse_group_mod, read_group_mod
from vswitch.openflow.message import encode
from vswitch.openflow.messages.group import (
    OFPGC_ADD,
    OFPGC_ADD_OR_MOD,
    OFPGC_DELETE,
    OFPGC_INSERT_BUCKET,
    OFPGC_MODIFY,
    OFPGC_REMOVE_BUCKET,
    GroupMod,
)
from vswitch.openflow.messages.groupstats import GroupStatsRequest
from vswitch.openflow.names import NO_NAMES, Names
from vswitch.openflow.text import print_message
from vswitch.openflow.usable import ALL_PROTOCOLS, Protocols, format_protocols
from vswitch.openflow.version import OF11, OF14, Version


@command("dump-group-stats", "SWITCH [GROUP]")
def dump_group_stats(given: Given, switch: str, group: str = "") -> Iterator[str]:
    """What the groups have carried."""
    names = accepted(switch, Settings(given))
    return dump(given, switch, GroupStatsRequest(parse_group_mod(group, OFPGC_DELETE, names).group_id))


@command("add-group", "SWITCH [GROUP]")
def add_group(given: Given, switch: str, group: str = "") -> None:
    """Add a group, or with `-` those on standard input."""
    change(given, switch, group, OFPGC_ADD)


@command("add-groups", "SWITCH FILE")
def add_groups(given: Given, switch: str, file: str) -> None:
    """Add groups, or do what the first word of a line says, for each line of a file."""
    change_from_file(given, switch, file, None)


@command("mod-group", "SWITCH [GROUP]")
def mod_group(given: Given, switch: str, group: str = "") -> None:
    """Change a group; with --may-create, add it if there is none."""
    change(given, switch, group, OFPGC_ADD_OR_MOD if "may-create" in given else OFPGC_MODIFY)


@command("del-groups", "SWITCH [GROUP]")
def del_groups(given: Given, switch: str, group: str = "") -> None:
    """Delete the groups, or one."""
    change(given, switch, group, OFPGC_DELETE)


@command("insert-buckets", "SWITCH [GROUP]")
def insert_buckets(given: Given, switch: str, group: str = "") -> None:
    """Insert buckets into a group."""
    change(given, switch, group, OFPGC_INSERT_BUCKET)


@command("remove-buckets", "SWITCH [GROUP]")
def remove_buckets(given: Given, switch: str, group: str = "") -> None:
    """Remove buckets from a group."""
    change(given, switch, group, OFPGC_REMOVE_BUCKET)


def change(given: Given, switch: str, text: str, what: int) -> None:
    """Send the group-mod that `text` means, or those in the lines of standard input."""
    if text == "-":
        change_from_file(given, switch, "-", what)
        return
    settings = Settings(given)
    mod, usable = read_group_mod(text, what, accepted(switch, settings))
    _send(switch, settings, [mod], usable)


def change_from_file(given: Given, switch: str, file: str, what: int | None) -> None:
    """Send the group-mods in the lines of a file."""
    settings = Settings(given)
    names = accepted(switch, settings)
    with opened(file) as lines:
        groups = list(parsed(lines, what, names, file))
    usable = ALL_PROTOCOLS.intersection(*(group.usable for group in groups))
    _send(switch, settings, [group.mod for group in groups], usable)


def parsed(lines: Iterable[str], what: int | None, names: Names, file: str) -> Iterator[ReadGroup]:
    """The group-mods in the lines of a file, which may have comments."""
    for number, line in enumerate(lines, 1):
        text = c_string(line).partition("#")[0]
        if text.strip(BLANK):
            try:
                yield read_group_mod(text, what, names)
            except TextError as error:
                raise TextError(f"{file}:{number}: {error}", text) from None


def _send(switch: str, settings: Settings, mods: list[GroupMod], usable: Protocols) -> None:
    check_formats(settings, usable)
    channel = Channel(switch, settings)
    if settings.bundle:
        from vswitch.cli.ofctl.bundle import commit_bundle

        commit_bundle(channel, [*mods])
        return
    for mod in mods:
        if mod.command in _BUCKETS and OF11 <= channel.version <= OF14:
            raise CommandError(f"{_BUCKETS[mod.command]} needs OpenFlow 1.5 or later ('-O OpenFlow15')")
        channel.commit(mod)


_BUCKETS = {OFPGC_INSERT_BUCKET: "insert-bucket", OFPGC_REMOVE_BUCKET: "remove-bucket"}


@command("parse-group", "GROUP")
def parse_group(given: Given, group: str) -> Iterator[str]:
    """What `add-group` would send."""
    settings = Settings(given)
    mod, usable = read_group_mod(group, OFPGC_ADD, NO_NAMES)
    yield f"usable protocols: {format_protocols(usable)}"
    chosen = [FLOW_FORMATS[name][0] for name in allowed_formats(settings) if name in usable]
    if not chosen:
        raise CommandError("no usable protocol")
    version = Version(min(chosen))
    yield f"chosen version: {version.long_name}"
    yield colored(print_message(encode(mod, version, 1), settings.verbosity).rstrip("\n"), settings)
