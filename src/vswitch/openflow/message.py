"""The OpenFlow header, the registry of messages, and the way from bytes to values and back.

One class per meaning, for all versions; beside it, where its forms are on the wire:

    @message("FLOW_MOD", "OFPT 1.0(14)[64+8], OFPT 1.1+(14)[40+8], NXT 1.0+(13)[32+8]")

A form that is known under another name says so: NXT:PACKET_IN2.

OFPT is a message type, NXT and ONFT are vendor messages with a subtype; OFPST, NXST and ONFST are the same for statistics
(since OpenFlow 1.3 "multipart"), which have requests and replies, and replies of several parts.  In brackets is how long
the body is: exactly, or at least and then by multiples.

     0         1      2        4     8          12         16
     +---------+------+--------+-----+----------+----------+
     | version | type | length | xid | vendor   | subtype  |  vendor messages (type 4)
     +---------+------+--------+-----+----+-----+----------+
     | version | type | length | xid | st | fl  |             statistics of OpenFlow 1.0 (type 16, 17); vendors: st = 0xffff,
     +---------+------+--------+-----+----+-----+----------+  vendor, subtype, 4 bytes of padding
     | version | type | length | xid | st | fl  | padding  |  statistics since OpenFlow 1.1 (type 18, 19); vendors the same,
     +---------+------+--------+-----+----+-----+----------+  without more padding

Sources: OpenFlow 1.0, 5.1 and 5.3.5; OpenFlow 1.5.1, 7.1 and 7.3.5; OVS include/openvswitch/ofp-msgs.h.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from typing import ClassVar, TypeVar, dataclass_transform

from vswitch.base.namedtuple import NamedTuple
from vswitch.openflow.codec import EXPERIMENTER, layout
from vswitch.openflow.errors import NX_VENDOR, ONF_VENDOR, BadRequest, OpenFlowError
from vswitch.openflow.value import Value, value, wire
from vswitch.openflow.version import OF10, OF15

HEADER = struct.Struct("!BBHI")  # version, type, length in bytes, xid
MAX_LENGTH = 0xFFFF
_LOG = "ofp_msgs"  # the module in whose name Open vSwitch complains of headers
OFPT_VENDOR = 4  # since OpenFlow 1.1 "experimenter"
_VENDOR = struct.Struct("!II")
_STATS = struct.Struct("!HH")
OFPSF_MORE = 1


class Header(NamedTuple):
    """The first eight bytes of every message."""

    version: int
    type: int
    length: int
    xid: int


class Form(NamedTuple):
    """One form of a message on the wire, in versions `first` to `last`."""

    kind: str  # OFPT, NXT, ONFT, OFPST, NXST or ONFST
    number: int  # type, statistics type or subtype
    first: int
    last: int
    size: int  # of the body, in bytes, at least
    step: int  # of which what follows is a multiple; 0: nothing follows
    name: str  # as ovs-ofctl prints it: "OFPST_FLOW reply"

    @property
    def is_stats(self) -> bool:
        """Whether it is a statistics (multipart) message."""
        return self.kind.endswith("ST")

    @property
    def vendor(self) -> int:
        """The vendor, or 0."""
        return _VENDOR_OF[self.kind]

    def check(self, length: int, start: int) -> None:
        """Refuse a message of `length` bytes, whose body begins at `start`, that no message of this form can have."""
        least = start + self.size
        rest = length - least
        if rest < 0 or (rest % self.step if self.step else rest):
            raise OpenFlowError(
                BadRequest.BAD_LEN,
                f"received {self.name} with incorrect length {length} ({self._allowed(least)})",
                _LOG,
            )

    def _allowed(self, least: int) -> str:
        if not self.step:
            return f"expected length {least}"
        if self.step == 1:
            return f"expected length at least {least} bytes"
        return f"must be exactly {least} bytes or longer by an integer multiple of {self.step} bytes"


_VENDOR_OF = {
    "OFPT": 0,
    "OFPST": 0,
    "NXT": NX_VENDOR,
    "NXST": NX_VENDOR,
    "ONFT": ONF_VENDOR,
    "ONFST": ONF_VENDOR,
}
_NOTATION = re.compile(r"(\w+)(?::(\w+))? 1\.(\d)(?:-1\.(\d)|(\+))?\((\d+)\)\[(\d+)(?:\+(\d+))?\]")


class Dialect(NamedTuple):
    """How a channel speaks: the version, and what Nicira's extensions to OpenFlow 1.0 change."""

    version: int
    nxm: bool | None = None  # OpenFlow 1.0: send NXT_FLOW_MOD, NXST_FLOW …; None: only where they are needed
    # The upper byte of a flow-mod's command is a table (NXT_FLOW_MOD_TABLE_ID); None: where it names one.
    table_ids: bool | None = False
    loose: bool = False  # for printing: pass over what is not known where a switch would have to refuse it


@value
class Message(Value):
    """Base of all messages.  Regular ones are told completely by their `wire` fields."""

    name: ClassVar[str]
    forms: ClassVar[tuple[Form, ...]] = ()
    by_kind: ClassVar[Mapping[tuple[str, int], Form]] = {}  # and version

    def choose(self, dialect: Dialect) -> Form:
        """The form to send; the first declared that the version has."""
        for form in self.forms:
            if form.first <= dialect.version <= form.last:
                return form
        raise OpenFlowError(BadRequest.BAD_TYPE, f"{self.name} has no form in version {dialect.version}")

    def form(self, kind: str, version: int) -> Form | None:
        """The form of `kind` in `version`, if there is one."""
        return self.by_kind.get((kind, version))

    def pick(self, kind: str, version: int) -> Form:
        """The form of `kind`, which `version` has."""
        return self.by_kind[kind, version]

    def encode_body(self, form: Form, dialect: Dialect) -> bytes:
        """What follows the headers."""
        return layout(type(self), dialect.version).pack(self)

    def check_xid(self, xid: int) -> None:
        """Refuse the xid with which the message came, if it does not go with what is inside."""

    @classmethod
    def decode_body(cls, form: Form, dialect: Dialect, body: bytes) -> Message:
        """The message whose headers `body` followed; its length is to be checked here."""
        fields = layout(cls, dialect.version)
        if len(body) != fields.size:
            raise OpenFlowError(BadRequest.BAD_LEN)
        return cls(*fields.unpack(body))


@value
class Multipart(Message):
    """Base of statistics messages; `more`: further parts with the same xid follow."""

    more: bool = wire(None, default=False, kw_only=True)

    def parts(self, form: Form, dialect: Dialect) -> Iterator[bytes]:
        """The bodies of the parts that the message takes."""
        yield self.encode_body(form, dialect)


M = TypeVar("M", bound=Message)
_Key = tuple[int, int, bool, bool | None, int]
_BY_FORM: dict[_Key, tuple[type[Message], Form]] = {}
CLASSES: list[type[Message]] = []


@dataclass_transform(frozen_default=True, field_specifiers=(wire,))
def message(name: str, forms: str, direction: str = "") -> Callable[[type[M]], type[M]]:
    """Declare a message: its name and forms; `direction` of statistics is "request" or "reply"."""

    def declare(cls: type[M]) -> type[M]:
        cls = value(cls)
        found = []
        for kind, other, first, last, plus, number, size, step in _NOTATION.findall(forms):
            shown = f"{kind}_{other or name}{' ' + direction if direction else ''}"
            end = OF15 if plus else int(last or first) + 1
            found.append(Form(kind, int(number), int(first) + 1, end, int(size), int(step or 0), shown))
        cls.name, cls.forms = name, tuple(found)
        cls.by_kind = {
            (form.kind, version): form
            for form in reversed(cls.forms)  # the first declared counts
            for version in range(form.first, form.last + 1)
        }
        for form in cls.forms:
            for version in range(form.first, form.last + 1):
                _BY_FORM[_key(version, form, direction)] = cls, form
        CLASSES.append(cls)
        return cls

    return declare


def _key(version: int, form: Form, direction: str) -> _Key:
    reply = (direction == "reply") if form.is_stats else None
    return version, form.vendor, form.is_stats, reply, form.number


# The modules in messages/ that declare messages, the most usual first.  Each is imported when its messages are needed:
# all together would double the time that ovs-ofctl takes to start.
FAMILIES = (
    "hello",
    "flow",
    "flowstats",
    "packet",
    "switch",
    "port",
    "table",
    "role",
    "group",
    "groupstats",
    "queue",
    "meter",
    "nested",
    "nicira",
    "monitor",
    "tablefeatures",
)


def _family(name: str) -> None:
    import_module(f"vswitch.openflow.messages.{name}")


def _known(key: _Key) -> tuple[type[Message], Form] | None:
    """The class and form that are declared for `key`; looks through the families that are not imported yet."""
    found = _BY_FORM.get(key)
    for family in FAMILIES:
        if found is not None:
            break
        _family(family)
        found = _BY_FORM.get(key)
    return found


_SYMMETRIC = range(4)  # OFPT_HELLO, OFPT_ERROR, OFPT_ECHO_REQUEST, OFPT_ECHO_REPLY


def stats_types(version: int) -> tuple[int, int]:
    """The message types of statistics requests and replies."""
    return (16, 17) if version == OF10 else (18, 19)


def has_more(data: bytes) -> bool:
    """Whether a message is a part of statistics that is not the last."""
    version, type, length, _ = HEADER.unpack_from(data)
    return type in stats_types(version) and length >= 12 and bool(_STATS.unpack_from(data, 8)[1] & OFPSF_MORE)


def find(version: int, type: int, data: bytes) -> tuple[type[Message], Form, int, int]:
    """The class and form of a whole message, where its body begins, and the flags of statistics."""
    if version > OF15 and type in _SYMMETRIC:
        version = OF15  # they are the same in versions to come
    request, reply = stats_types(version)
    if type in (request, reply):
        return _find_stats(version, type == reply, data)
    if type == OFPT_VENDOR:
        if len(data) < 16:
            raise OpenFlowError(BadRequest.BAD_LEN)
        vendor = int.from_bytes(data[8:12], "big")
        if vendor not in (NX_VENDOR, ONF_VENDOR):
            raise OpenFlowError(
                BadRequest.BAD_VENDOR, f"OpenFlow message has unknown vendor {_hex(vendor)}", _LOG
            )
        subtype = int.from_bytes(data[12:16], "big")
        found = _known((version, vendor, False, None, subtype))
        if found is None:
            why = _unknown(version, type, vendor=f"{vendor:#x}", subtype=subtype)
            raise OpenFlowError(BadRequest.BAD_SUBTYPE, why, _LOG)
        return *found, 16, 0
    found = _BY_FORM.get((version, 0, False, None, type)) or _known((version, 0, False, None, type))
    if found is None:
        raise OpenFlowError(BadRequest.BAD_TYPE, _unknown(version, type), _LOG)
    return *found, 8, 0


def _hex(vendor: int) -> str:
    return f"{vendor:#x}" if vendor else "0"


def _unknown(version: int, type: int, **more: object) -> str:
    """What is not known; only messages of versions that are can be statistics."""
    if not OF10 <= version <= OF15:
        more.pop("stat", None)
    parts = {"version": version, "type": type} | more
    return f"unknown OpenFlow message ({', '.join(f'{name} {number}' for name, number in parts.items())})"


_STATS_VENDORS, _STATS_VENDORS10 = (NX_VENDOR, ONF_VENDOR), (NX_VENDOR,)


def _find_stats(version: int, reply: bool, data: bytes) -> tuple[type[Message], Form, int, int]:
    start = 12 if version == OF10 else 16
    if len(data) < start:
        raise OpenFlowError(BadRequest.BAD_LEN)
    number, flags = _STATS.unpack_from(data, 8)
    vendor = 0
    if number == EXPERIMENTER:
        if len(data) < start + (4 if version == OF10 else 8):
            raise OpenFlowError(BadRequest.BAD_LEN)
        vendor = int.from_bytes(data[start : start + 4], "big")
        if vendor not in (_STATS_VENDORS10 if version == OF10 else _STATS_VENDORS):
            raise OpenFlowError(
                BadRequest.BAD_VENDOR, f"OpenFlow message has unknown vendor {_hex(vendor)}", _LOG
            )
        number = int.from_bytes(data[start + 4 : start + 8], "big")
        start += 12 if version == OF10 else 8
        if len(data) < start:
            raise OpenFlowError(BadRequest.BAD_LEN)
    found = _known((version, vendor, True, reply, number))
    if found is None:
        type = stats_types(version)[reply]
        if vendor:
            why = _unknown(version, type, stat=EXPERIMENTER, vendor=f"{vendor:#x}", subtype=number)
            raise OpenFlowError(BadRequest.BAD_SUBTYPE, why, _LOG)
        known = OF10 <= version <= OF15
        raise OpenFlowError(
            BadRequest.BAD_STAT if known else BadRequest.BAD_TYPE, _unknown(version, type, stat=number), _LOG
        )
    return *found, start, flags


def decode(data: bytes, table_ids: bool = False, loose: bool = False) -> tuple[int, int, Message]:
    """The version, xid and message in `data`, which is one whole message.  The flags are those of a Dialect.

    OpenFlowError's code is the answer that the peer should get.
    """
    version, type_, length, xid = HEADER.unpack_from(data)
    if (version > OF15 and not (loose and type_ in _SYMMETRIC)) or version < OF10:
        raise OpenFlowError(BadRequest.BAD_VERSION)
    if length != len(data):
        raise OpenFlowError(BadRequest.BAD_LEN)
    cls, form, start, flags = find(version, type_, data)
    form.check(length, start)
    made = cls.decode_body(form, _dialect(version, table_ids, loose), data[start:])
    made.check_xid(xid)
    return (
        version,
        xid,
        made.replace(more=True) if flags & OFPSF_MORE and isinstance(made, Multipart) else made,
    )


@lru_cache
def _dialect(version: int, table_ids: bool, loose: bool) -> Dialect:
    return Dialect(version, None, table_ids, loose)


def encode(
    message: Message, version: int, xid: int = 0, nxm: bool | None = None, table_ids: bool | None = None
) -> bytes:
    """The bytes of `message`; of statistics that do not fit one message, several messages."""
    dialect = Dialect(version, nxm, table_ids)
    return _encode_form(message, message.choose(dialect), dialect, xid)


def encode_as(message: Message, name: str, version: int, xid: int = 0) -> bytes:
    """The same in the form called `name`, such as NXT_FLOW_MOD, where a version has several."""
    for form in message.forms:
        if form.name == name and form.first <= version <= form.last:
            return _encode_form(message, form, Dialect(version), xid)
    raise OpenFlowError(BadRequest.BAD_TYPE, f"version {version} has no {name}")


def _encode_form(message: Message, form: Form, dialect: Dialect, xid: int) -> bytes:
    version = dialect.version
    if not form.is_stats:
        assert not isinstance(message, Multipart)
        body = message.encode_body(form, dialect)
        if not form.vendor:
            return _frame(version, form.number, xid, body)
        return _frame(version, OFPT_VENDOR, xid, _VENDOR.pack(form.vendor, form.number) + body)
    assert isinstance(message, Multipart)
    return b"".join(encode_parts(message, form, dialect, xid))


def encode_parts(message: Multipart, form: Form, dialect: Dialect, xid: int) -> Iterator[bytes]:
    """The messages that a statistics message takes."""
    type_ = stats_types(dialect.version)[form.name.endswith("reply")]
    parts = list(message.parts(form, dialect))
    for i, body in enumerate(parts):
        flags = OFPSF_MORE if message.more or i + 1 < len(parts) else 0
        padding = b"" if dialect.version == OF10 else bytes(4)
        if form.vendor:
            more_padding = bytes(4) if dialect.version == OF10 else b""
            head = (
                _STATS.pack(EXPERIMENTER, flags)
                + padding
                + _VENDOR.pack(form.vendor, form.number)
                + more_padding
            )
        else:
            head = _STATS.pack(form.number, flags) + padding
        yield _frame(dialect.version, type_, xid, head + body)


def _frame(version: int, type: int, xid: int, body: bytes) -> bytes:
    size = HEADER.size + len(body)
    if size > 0xFFFF:
        raise OpenFlowError(BadRequest.BAD_LEN, f"{size} bytes do not fit one message")
    return HEADER.pack(version, type, size, xid) + body


def group_items(items: Iterator[bytes], head: int = 24) -> Iterator[bytes]:
    """Join `items` into bodies that fit a message with `head` bytes before them; one empty body if there are none."""
    part: list[bytes] = []
    size = head
    for item in items:
        if size + len(item) > MAX_LENGTH and part:
            yield b"".join(part)
            part, size = [], head
        part.append(item)
        size += len(item)
    yield b"".join(part)


T = TypeVar("T")


def decode_each(
    body: bytes,
    one: Callable[[bytes, int], tuple[T, int]],
    made: Callable[[tuple[T, ...]], Message],
    at: int = 0,
) -> Message:
    """What `made` makes of the entries that fill `body` from byte `at`; an error tells the entries before it.

    `one` gives the entry at a byte, and where it ends.
    """
    found: list[T] = []
    while at < len(body):
        try:
            entry, at = one(body, at)
        except OpenFlowError as error:
            raise error.after(made(tuple(found))) from None
        found.append(entry)
    return made(tuple(found))


def registered() -> Iterator[tuple[int, Form, type[Message]]]:
    """Every (version, form, class)."""
    for family in FAMILIES:
        _family(family)
    return ((key[0], form, cls) for key, (cls, form) in _BY_FORM.items())
