"""What all actions share: the registry, wire and text forms, and lists of actions.

An action is declared once, by a value class and a line of codes:

    @action("set_queue", "NX1.0(4), OF1.1+(21)")
    class SetQueue(Action):
        queue: int = wire(U32)

and everything regular follows.  Irregular actions override `encode` and `decode_body`, or `parse` and `format`.

On the wire (OpenFlow 1.5.1, 7.2.6; a vendor's action has type 0xffff and a longer header):

     0      2      4                              0      2      4              8        10
     +------+------+-------------- - -            +------+------+--------------+--------+---------- - -
     | type | len  | fields, padding              | ffff | len  | vendor       | number | fields, padding
     +------+------+-------------- - -            +------+------+--------------+--------+---------- - -

Sources: OVS lib/ofp-actions.c (enum ofp_raw_action_type), ovs-actions(7).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from importlib import import_module
from typing import ClassVar, TypeVar, dataclass_transform

from vswitch.base.memo import by_identity
from vswitch.flow.field import Field
from vswitch.flow.fields import FIELDS
from vswitch.flow.texts import hexadecimal
from vswitch.openflow.codec import EXPERIMENTER, VENDORS, Code, layout, parse_codes
from vswitch.openflow.errors import BadAction, BadRequest, ErrorCode, OpenFlowError
from vswitch.openflow.names import NO_NAMES, Names
from vswitch.openflow.value import Value, value, wire

_HEADER = struct.Struct("!HH")
_VENDOR_HEADER = struct.Struct("!HHIH")
_VENDOR, _SUBTYPE = struct.Struct("!I"), struct.Struct("!H")
_VENDORS = frozenset(VENDORS.values()) - {0}


@value
class Action(Value):
    """Base of all actions.  What `@action` declares is enough for the methods here to work."""

    name: ClassVar[str]
    codes: ClassVar[tuple[Code, ...]] = ()

    @property
    def target(self) -> Field | None:
        """The field that the action changes, if that is all that it does."""
        return None

    @classmethod
    def code(cls, version: int) -> Code | None:
        """Where the action is in `version`; the first declared, if there are several places."""
        return next((code for code in cls.codes if code.first <= version <= code.last), None)

    def encode(self, version: int) -> bytes:
        """The action's bytes.  An action that `version` cannot express has none."""
        code = self.code(version)
        if code is None:
            return b""
        return frame(code, layout(self.__class__, version, 10 if code.vendor else 4).pack(self))

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """The action in `data`, a whole action whose fields begin at `start`."""
        form = layout(cls, version, start)
        if len(data) != (start + form.size + 7) // 8 * 8:
            raise OpenFlowError(BadAction.BAD_LEN)
        return cls(*form.unpack(data, start))

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """The action that the text `arg`, which followed its name, means."""
        if cls.__match_args__:
            raise NotImplementedError(cls.name)
        return cls()

    def format(self, names: Names) -> str:
        """The action as ovs-ofctl prints it."""
        return self.name

    def __str__(self) -> str:
        return self.format(NO_NAMES)


def frame(code: Code, body: bytes) -> bytes:
    """An action of `code` around `body`, padded to a multiple of 8 bytes."""
    if code.vendor:
        size = (17 + len(body)) & ~7
        return _VENDOR_HEADER.pack(EXPERIMENTER, size, code.vendor, code.number) + body.ljust(
            size - 10, b"\0"
        )
    size = (11 + len(body)) & ~7
    return _HEADER.pack(code.number, size) + body.ljust(size - 4, b"\0")


def nx(number: int) -> Code:
    """A Nicira action number, for actions that choose among several forms."""
    return Code(VENDORS["NX"], number, 1, 6)


_BY_CODE: dict[tuple[int, int, int], tuple[type[Action], Code]] = {}  # by version, vendor, number
BY_NAME: dict[str, Callable[[str, Names], Action]] = {}
CLASSES: list[type[Action]] = []
A = TypeVar("A", bound=Action)


@dataclass_transform(frozen_default=True, field_specifiers=(wire,))
def action(name: str, codes: str, *aliases: str) -> Callable[[type[A]], type[A]]:
    """Declare an action: its name in text, where it is on the wire, and other names under which `parse` takes it."""

    def declare(cls: type[A]) -> type[A]:
        cls = value(cls)
        cls.name, cls.codes = name, parse_codes(codes)
        for alias in (name, *aliases):
            BY_NAME[alias] = cls.parse
        for code in cls.codes:
            for version in range(code.first, code.last + 1):
                _BY_CODE[version, code.vendor, code.number] = cls, code
        CLASSES.append(cls)
        return cls

    return declare


def spelled(name: str) -> Callable[[Callable[[str, Names], Action]], Callable[[str, Names], Action]]:
    """Register a parser for one more spelling that is not an alias: its argument reads differently."""

    def register(parse: Callable[[str, Names], Action]) -> Callable[[str, Names], Action]:
        BY_NAME[name] = parse
        return parse

    return register


def registered() -> Iterator[tuple[int, Code, type[Action]]]:
    """Every (version, code, class)."""
    return ((version, code, cls) for (version, _, _), (cls, code) in _BY_CODE.items())


class Nesting:
    """How many lists of actions are being read, each inside an action of the one before.

    A list may hold an action that holds a list: without a limit, a message of 64 kB would exhaust the stack.
    """

    LIMIT = 100

    def __init__(self, error: Callable[[], Exception]) -> None:
        self._depth = 0
        self._error = error

    def __enter__(self) -> None:
        if self._depth >= self.LIMIT:
            raise self._error()
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1


_NESTING = Nesting(lambda: OpenFlowError(BadAction.TOO_MANY, "actions nested too deeply"))


MAX_REMEMBERED_SIZE = 256  # bytes of a list that is remembered


def decode_actions(version: int, data: bytes) -> tuple[Action, ...]:
    """The actions that fill `data`.

    Tables have many flows, and controllers send many packets, but with few lists of actions: equal bytes give the same
    tuple, 0.15 us instead of 4.
    """
    return _decode(version, data) if len(data) > MAX_REMEMBERED_SIZE else _decode_known(version, data)


def _decode(version: int, data: bytes) -> tuple[Action, ...]:
    actions = decode_nested(version, data)
    for item in actions:
        if item.target in CONNECTION:
            raise OpenFlowError(BadAction.BAD_SET_ARGUMENT, "cannot set CT fields outside of ct action")
        if item.name == "nat":
            raise OpenFlowError(BadAction.BAD_SET_ARGUMENT, "cannot have NAT action outside of ct action")
    check_conjunction(actions)
    return actions


def check_conjunction(actions: Iterable[Action]) -> None:
    """A flow of a conjunctive match does nothing else, but may have notes."""
    names = {item.name for item in actions}
    if "conjunction" in names and not names <= {"conjunction", "note"}:
        raise OpenFlowError(BadAction.BAD_CONJUNCTION)


def decode_nested(version: int, data: bytes) -> tuple[Action, ...]:
    """The same, where an action like ct says which it can have inside."""
    with _NESTING:
        return tuple(split_actions(version, data))


CONNECTION = frozenset(FIELDS[name] for name in ("ct_mark", "ct_label"))  # what only ct can change


_decode_known = lru_cache(maxsize=1024)(_decode)


def split_actions(version: int, data: bytes) -> Iterator[Action]:
    """The actions that fill `data`, one after the other."""
    at, end = 0, len(data)
    known, size = None, 0
    try:
        while at < end:
            known = None
            if end - at < 8:
                raise OpenFlowError(BadAction.BAD_LEN)
            number, size = _HEADER.unpack_from(data, at)
            vendor, start = 0, 4
            if number == EXPERIMENTER:
                (vendor,) = _VENDOR.unpack_from(data, at + 4)
                if vendor not in _VENDORS:
                    why = f"OpenFlow action has unknown vendor {hexadecimal(vendor)}"
                    raise OpenFlowError(BadAction.BAD_VENDOR, why, _LOG)
                if end - at < 16:
                    raise OpenFlowError(BadAction.BAD_LEN)
                (number,), start = _SUBTYPE.unpack_from(data, at + 8), 10
            known = version, vendor, number
            found = _BY_CODE.get(known) or _declared_later(known)
            if found is None:
                raise _unknown(version, vendor, number)
            if size < 8 or size % 8 or size > end - at or (vendor and size < 16):
                raise OpenFlowError(BadAction.BAD_LEN)
            cls, code = found
            yield cls.decode_body(version, code, data[at : at + size], start)
            at += size
    except OpenFlowError as error:
        if error.code is BadAction.BAD_LEN and known is not None and not error.remarks:
            _remark_length(error, known, size, end - at)
        error.remark(_LOG, f"bad action at offset {at} ({error.code.name}):", data)
        raise


def check_span(size: int, room: int, what: str = "actions", code: ErrorCode = BadRequest.BAD_LEN) -> None:
    """Refuse a list of `size` bytes, which are to be multiples of 8, where there are `room`."""
    size &= 0xFFFFFFFF
    if size % 8:
        raise OpenFlowError(code, f"OpenFlow message {what} length {size} is not a multiple of 8", _LOG)
    if size > room:
        why = f"OpenFlow message {what} length {size} exceeds remaining message length ({room})"
        raise OpenFlowError(code, why, _LOG)


_LOG = "ofp_actions"  # the module in whose name Open vSwitch complains


def _remark_length(error: OpenFlowError, key: tuple[int, int, int], size: int, room: int) -> None:
    """Say that an action does not have as many bytes as such actions have, if that is so."""
    from vswitch.openflow.actions.wirenames import wire_action

    action = wire_action(*key)
    if action is None:
        return
    head = f"OpenFlow action {action.name} length {size}"
    if size > room:
        error.remark(_LOG, f"{head} exceeds action buffer length {room}")
    elif not action.least <= size <= action.greatest:
        error.remark(_LOG, f"{head} not in valid range [{action.least},{action.greatest}]")
    elif size % 8:
        error.remark(_LOG, f"{head} is not a multiple of 8")


def _declared_later(key: tuple[int, int, int]) -> tuple[type[Action], Code] | None:
    """What is declared for `key` in modules that nobody has imported yet."""
    import_module("vswitch.openflow.actions.text")  # which imports them all
    return _BY_CODE.get(key)


def _unknown(version: int, vendor: int, number: int) -> OpenFlowError:
    """The error for an action that no class is declared for."""
    unknown = BadAction.BAD_VENDOR_TYPE if vendor else BadAction.BAD_TYPE
    why = f"unknown OpenFlow1{version - 1} action for vendor {hexadecimal(vendor)} and type {number}"
    return OpenFlowError(unknown, why, _LOG)


def encode_actions(version: int, actions: Iterable[Action]) -> bytes:
    """The actions' bytes, one after the other."""
    return _encode(actions, version) if isinstance(actions, tuple) else _encode_each(actions, version)


def _encode_each(actions: Iterable[Action], version: int) -> bytes:
    return b"".join([item.encode(version) for item in actions])


_encode = by_identity(_encode_each)


def format_actions(actions: Iterable[Action], names: Names = NO_NAMES) -> str:
    """The actions as ovs-ofctl prints them; "drop" if there are none."""
    return _format(actions, names) if isinstance(actions, tuple) else _format_each(actions, names)


def _format_each(actions: Iterable[Action], names: Names) -> str:
    return ",".join([item.format(names) for item in actions]) or "drop"


_format = by_identity(_format_each)
