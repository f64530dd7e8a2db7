"""Groups in text: what `ovs-ofctl add-group` accepts and what `dump-groups` prints.

Sources: ovs-ofctl(8), "Group Syntax"; messages are those of ovs-ofctl.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vswitch.base.errors import TextError
from vswitch.base.namedtuple import NamedTuple
from vswitch.base.text import key_value_ends, key_values, parse_u16, parse_u32, parse_u64
from vswitch.flow.field import Field
from vswitch.flow.fields import FIELDS, TUN_METADATA
from vswitch.flow.match import parse_value
from vswitch.flow.ports import OFPP_ANY, OFPP_CONTROLLER, OFPP_MAX, parse_port
from vswitch.flow.subfield import Subfield, typed
from vswitch.flow.texts import format_exact, is_exact
from vswitch.openflow.actions.base import format_actions
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.messages.group import (
    OFPG_BUCKET_ALL,
    OFPG_BUCKET_FIRST,
    OFPG_BUCKET_LAST,
    OFPG_BUCKET_MAX,
    OFPGC_ADD,
    OFPGC_ADD_OR_MOD,
    OFPGC_DELETE,
    OFPGC_INSERT_BUCKET,
    OFPGC_MODIFY,
    OFPGC_REMOVE_BUCKET,
    OFPGT_ALL,
    OFPGT_FF,
    OFPGT_INDIRECT,
    OFPGT_SELECT,
    Bucket,
    GroupDesc,
    GroupMod,
    Selection,
)
from vswitch.openflow.names import NO_NAMES, OFPG_ALL, OFPG_ANY, OFPG_MAX, Names
from vswitch.openflow.usable import ALL_PROTOCOLS, NUMBERED_BUCKETS, Protocols, for_field, told_by_plain
from vswitch.openflow.version import OF10, OF15

# Words for the commands: in files of groups, and in what is printed.
COMMANDS: Mapping[str, int] = {
    "add": OFPGC_ADD,
    "add_or_mod": OFPGC_ADD_OR_MOD,
    "modify": OFPGC_MODIFY,
    "delete": OFPGC_DELETE,
    "insert_bucket": OFPGC_INSERT_BUCKET,
    "remove_bucket": OFPGC_REMOVE_BUCKET,
}
COMMAND_NAMES: Mapping[int, str] = {
    OFPGC_ADD: "ADD",
    OFPGC_MODIFY: "MOD",
    OFPGC_ADD_OR_MOD: "ADD_OR_MOD",
    OFPGC_DELETE: "DEL",
    OFPGC_INSERT_BUCKET: "INSERT_BUCKET",
    OFPGC_REMOVE_BUCKET: "REMOVE_BUCKET",
}
_BUCKET_WORDS = {"first": OFPG_BUCKET_FIRST, "last": OFPG_BUCKET_LAST, "all": OFPG_BUCKET_ALL}
_BUCKET_COMMANDS = (OFPGC_INSERT_BUCKET, OFPGC_REMOVE_BUCKET)
TYPES = ("all", "select", "indirect", "ff")
_TYPE_WORDS = {**{name: number for number, name in enumerate(TYPES)}, "fast_failover": OFPGT_FF}
_WHOLE = (OFPGC_ADD, OFPGC_MODIFY, OFPGC_ADD_OR_MOD)
_NOT_CHOSEN = OFPG_BUCKET_ALL  # the number of a bucket that got none


class ReadGroup(NamedTuple):
    """A group-mod, and the flow formats that can tell all that its text said."""

    mod: GroupMod
    usable: Protocols


def parse_group_mod(text: str, command: int | None = OFPGC_ADD, names: Names = NO_NAMES) -> GroupMod:
    """The group-mod with `command` that `text` means; None: `text` begins with the command's word, or means addition."""
    return read_group_mod(text, command, names).mod


def read_group_mod(text: str, command: int | None = OFPGC_ADD, names: Names = NO_NAMES) -> ReadGroup:
    """The same, and how it can be told."""
    if command is None:
        command, text = _split_command(text)
    if command == OFPGC_DELETE and not text:
        return ReadGroup(GroupMod(OFPGC_DELETE, OFPG_ALL), ALL_PROTOCOLS)
    head, found, buckets_text = text.partition("bucket=")
    if found and command in (OFPGC_DELETE, OFPGC_REMOVE_BUCKET):
        raise TextError("bucket is not needed", text)
    reader = _Reader(command)
    for name, value in key_values(head):
        reader.take(name, value)
    group = reader.group()
    usable = reader.usable & NUMBERED_BUCKETS if command in _BUCKET_COMMANDS else reader.usable
    if not found:
        return ReadGroup(group, usable)
    buckets = []
    for part in buckets_text.split("bucket="):
        bucket = parse_bucket(part, group.type, names)
        if bucket.weight and group.command in _WHOLE and group.type != OFPGT_SELECT:
            raise TextError("Only select groups can have bucket weights.")
        # What a property needs no longer counts then, as with Open vSwitch: older versions get the group without it.
        usable = told_by_plain(bucket.actions)
        buckets.append(bucket)
    if group.type == OFPGT_INDIRECT and len(buckets) > 1:
        raise TextError("Indirect groups can have at most one bucket.")
    return ReadGroup(group.replace(buckets=tuple(_numbered(buckets))), usable)


def _split_command(text: str) -> tuple[int, str]:
    stripped = text.lstrip(", \t\r\n")
    word = stripped.split(maxsplit=1)[0] if stripped else ""
    word, _, _ = word.partition(",")
    if word in COMMANDS:
        return COMMANDS[word], stripped[len(word) :]
    return OFPGC_ADD, text


class _Reader:
    """What the words before the buckets say."""

    def __init__(self, command: int) -> None:
        self.command = command
        self.group_id = OFPG_ANY
        self.type: int | None = None
        self.bucket: int | None = None
        self.method = ""
        self.param = 0
        self.found: dict[str, tuple[Field, int]] = {}
        self.usable = ALL_PROTOCOLS

    def take(self, name: str, value: str) -> None:
        """Read `name=value`."""
        match name:
            case "command_bucket_id":
                self.bucket = self._command_bucket(value)
            case "group_id":
                self.group_id = _group_id(value)
            case "type":
                self._need_group("type is not needed")
                if value not in _TYPE_WORDS:
                    raise TextError(f"invalid group type {value}", value)
                self.type = _TYPE_WORDS[value]
            case "selection_method":
                self._need_group("selection method is not needed")
                if len(value) > 15:
                    raise TextError("selection method is longer than 15 bytes long", value)
                self.usable &= NUMBERED_BUCKETS
                self.method = value
            case "selection_method_param":
                self._need_group("selection method param is not needed")
                self.usable &= NUMBERED_BUCKETS
                self.param = parse_u64(value)
            case "fields":
                self._need_group("fields are not needed")
                self.usable &= NUMBERED_BUCKETS & _parse_fields(value, self.found)
            case _:
                raise TextError(f"unknown keyword {name}", name)

    def _need_group(self, message: str) -> None:
        if self.command not in _WHOLE:
            raise TextError(message)

    def _command_bucket(self, text: str) -> int:
        if self.command not in _BUCKET_COMMANDS:
            raise TextError("command bucket id is not needed", text)
        number = _BUCKET_WORDS.get(text)
        if number is None:
            number = parse_u32(text)
            if number > OFPG_BUCKET_MAX:
                raise TextError(f"invalid command bucket id {number}", text)
        if number == OFPG_BUCKET_ALL and self.command == OFPGC_INSERT_BUCKET:
            raise TextError("command_bucket_id=all is not permitted", text)
        return number

    def group(self) -> GroupMod:
        """The group, if it was said which."""
        if self.group_id == OFPG_ANY:
            raise TextError("must specify a group_id")
        if self.command in _WHOLE and self.type is None:
            raise TextError("must specify a type")
        if self.command == OFPGC_INSERT_BUCKET and self.bucket is None:
            raise TextError("must specify a command bucket id")
        fields = tuple(self.found[field.name] for field in FIELDS if field.name in self.found)
        if fields and self.method != "hash":
            raise TextError('fields may only be specified with "selection_method=hash"')
        if self.param and not self.method:
            raise TextError('selection_method_param is only allowed with "selection_method"')
        return GroupMod(
            self.command,
            self.group_id,
            OFPGT_ALL if self.type is None else self.type,
            selection=Selection(self.method, self.param, fields),
            command_bucket_id=OFPG_BUCKET_ALL if self.bucket is None else self.bucket,
        )


def _group_id(text: str) -> int:
    if text == "all":
        return OFPG_ALL
    if not text:
        raise TextError("missing required numeric argument", text)
    number = parse_u32(text)
    if number > OFPG_MAX and number != OFPG_ALL:
        raise TextError(f"invalid group id {number}", text)
    return number


def _parse_fields(text: str, found: dict[str, tuple[Field, int]]) -> Protocols:
    """Add the fields of `ip_src,eth_dst=ff:ff:ff:00:00:00` to those found, and say which flow formats can tell them."""
    usable = ALL_PROTOCOLS
    for name, value, end in key_value_ends(text):
        field = FIELDS.get(name)
        if field is None:
            raise TextError(f"{text[end:]}: unknown field {name}", name)
        if field.name in found:
            raise TextError(f"{name}: duplicate field", name)
        typed(Subfield(field), name)
        mask = full = (1 << 8 * field.size) - 1
        if value:
            mask, bits = parse_value(field, value, {})
            if not is_exact(field, value, bits):
                raise TextError(f"{value}: wildcards not allowed here", value)
            if not mask and field not in TUN_METADATA:
                raise TextError(f"{text[end:]}: values are wildcards here and must not be all-zeros", value)
            if mask != full and not field.maskable:
                raise TextError(f"{value}: invalid mask for field {field.name}", value)
        found[field.name] = field, mask
        usable &= for_field(field, mask)
    return usable


def parse_bucket(text: str, group_type: int = OFPGT_ALL, names: Names = NO_NAMES) -> Bucket:
    """A bucket: what is no setting is an action."""
    settings: dict[str, int] = {"weight": 1 if group_type == OFPGT_SELECT else 0, "bucket_id": _NOT_CHOSEN}
    actions: list[str] = []
    for name, value in key_values(text):
        match name.lower():
            case "weight":
                settings["weight"] = parse_u16(value, "weight")
            case "watch_port":
                settings["watch_port"] = _watch_port(value, names)
            case "watch_group":
                settings["watch_group"] = _limited(value, "watch_group")
            case "bucket_id":
                settings["bucket_id"] = _limited(value, "bucket_id")
            case "action" | "actions":
                actions.append(value)
            case _:
                actions.append(f"{name}({value})")
    if not actions:
        raise TextError("bucket must specify actions", text)
    bucket = Bucket().replace(**settings)
    if group_type == OFPGT_FF and not bucket.is_watched:
        raise TextError("fast failover bucket requires watch_port or watch_group", text)
    return bucket.replace(actions=parse_actions(",".join(actions), names, plain=True))


def _watch_port(text: str, names: Names) -> int:
    port = parse_port(text, names.ports)
    if port is None or (OFPP_MAX <= port < OFPP_ANY and port != OFPP_CONTROLLER):
        raise TextError(f"{text}: invalid watch_port", text)
    return port


def _limited(text: str, what: str) -> int:
    number = parse_u32(text)
    if number > OFPG_BUCKET_MAX:
        raise TextError(f"invalid {what} id {number}", text)
    return number


def _numbered(buckets: list[Bucket]) -> Iterator[Bucket]:
    """`buckets`, of which those without a number get the lowest that are free."""
    taken = {bucket.bucket_id for bucket in buckets}
    free = 0
    for bucket in buckets:
        if bucket.bucket_id == _NOT_CHOSEN:
            while free in taken:
                free += 1
            bucket = bucket.replace(bucket_id=free)
            taken.add(free)
        yield bucket


def format_group_id(group: int) -> str:
    """A group's number, or the word for all or any."""
    return {OFPG_ALL: "ALL", OFPG_ANY: "ANY"}.get(group, str(group))


def numbers_buckets(version: int) -> bool:
    """Whether buckets have numbers in the messages of `version`."""
    return version == OF10 or version >= OF15


def format_group_mod(group: GroupMod, version: int = OF15, names: Names = NO_NAMES) -> str:
    """A group-mod as ovs-ofctl prints it: `ADD group_id=1,type=all,bucket=actions=output:1`."""
    words = COMMAND_NAMES.get(group.command, f"cmd:{group.command}") + " "
    if group.command in _BUCKET_COMMANDS and numbers_buckets(version):
        number = group.command_bucket_id
        word = next((word for word, value in _BUCKET_WORDS.items() if value == number), str(number))
        words += f"command_bucket_id:{word},"
    desc = GroupDesc(group.group_id, group.type, group.buckets, group.selection)
    return words + format_group(desc, version, names, show_type=group.command not in _BUCKET_COMMANDS)


def format_group(
    group: GroupDesc, version: int = OF15, names: Names = NO_NAMES, show_type: bool = True
) -> str:
    """A group as `dump-groups` prints it."""
    words = [f"group_id={group.group_id}"]
    if show_type:
        words.append(f"type={TYPES[group.type] if group.type < len(TYPES) else 'unknown'}")
    words += _selection_words(group.selection)
    numbered = numbers_buckets(version)
    words += [f"bucket={format_bucket(bucket, group.type, numbered, names)}" for bucket in group.buckets]
    return ",".join(words)


def _selection_words(selection: Selection) -> Iterator[str]:
    if not selection.method:
        return
    yield f"selection_method={selection.method}"
    if selection.param:
        yield f"selection_method_param={selection.param}"
    fields = ",".join(_format_field(field, mask) for field, mask in selection.fields)
    if len(selection.fields) > 1:
        yield f"fields({fields})"
    elif fields:
        yield f"fields={fields}"


def _format_field(field: Field, mask: int) -> str:
    full = (1 << 8 * field.size) - 1
    if mask == full:
        return field.name
    return f"{field.name}={format_exact(field, mask, {})}"


def format_bucket(bucket: Bucket, group_type: int, numbered: bool = True, names: Names = NO_NAMES) -> str:
    """A bucket, without what is as usual in a group of its type."""
    words = [f"bucket_id:{bucket.bucket_id}"] if numbered else []
    if bucket.weight != (1 if group_type == OFPGT_SELECT else 0):
        words.append(f"weight:{bucket.weight}")
    if bucket.watch_port != OFPP_ANY:
        words.append(f"watch_port:{names.format_port(bucket.watch_port)}")
    if bucket.watch_group != OFPG_ANY:
        words.append(f"watch_group:{bucket.watch_group}")
    words.append(f"actions={format_actions(bucket.actions, names)}")
    return ",".join(words)
