"""One end of an OpenFlow channel, without I/O: bytes and time in, events and bytes out.

The same for both ends.  A session says HELLO at once, agrees with the peer on the highest version that both speak,
answers echo requests, probes a peer that has been quiet, and gives up on one that does not answer:

    GREETING ──HELLO──> ACTIVE ──quiet──> IDLE ──quiet──> DEAD
       │                  ^────any bytes────┘               ^
       └──no common version, not a HELLO, quiet, nonsense───┘

What the other messages mean is the owner's business, and so is what to answer to one that makes no sense
(`Malformed`): a switch sends `reply_to(error, data)`, a controller does not.

Sources: OpenFlow 1.5.1, 6.3.1 (connection setup), 6.3.2 (interruption), 7.5.1 to 7.5.4.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Protocol

from vswitch.base.errors import WireError
from vswitch.openflow.errors import BadRequest, HelloFailed, OpenFlowError
from vswitch.openflow.message import HEADER, Dialect, Message, decode, encode, find
from vswitch.openflow.messages.hello import EchoReply, EchoRequest, Error, Hello
from vswitch.openflow.value import Value, value
from vswitch.openflow.version import ALL_VERSIONS, OF10, OF15, Version, negotiate

OFPT_HELLO = 0
_ANY_VERSION = frozenset(
    range(4)
)  # HELLO, ERROR, ECHO_REQUEST, ECHO_REPLY may carry another version than agreed


_SYMMETRIC = (Hello, Error, EchoRequest, EchoReply)  # are for both ends


class ProtocolError(WireError):
    """The peer broke the protocol in a way that no error message mends: the channel is to be closed."""


@value
class Negotiated(Value):
    """Both sides agreed to speak `version`."""

    version: Version


@value
class Received(Value):
    """A message; `data` are its bytes."""

    message: Message
    xid: int
    data: bytes


@value
class Malformed(Value):
    """A message that does not make sense; `error` says why, and with which code a switch answers."""

    error: OpenFlowError
    xid: int
    data: bytes


@value
class Run(Value):
    """Several messages at once, as those read them who know them better: base of what a `RunReader` makes."""


@value
class Undecoded(Value):
    """A message that the owner of the session reads itself."""

    xid: int
    data: bytes


Event = Negotiated | Received | Undecoded | Malformed | Run


class RunReader(Protocol):
    """Reads messages of a kind that comes in great number, faster than one by one."""

    def read(self, data: bytes, at: int) -> tuple[Run | None, int]:
        """The messages of its kind from byte `at` on, where at least one whole message is, and where they end."""


class State(enum.Enum):
    """Where a session is in its life."""

    GREETING = enum.auto()  # our HELLO is out, theirs is not in
    ACTIVE = enum.auto()  # a version is agreed
    IDLE = enum.auto()  # quiet for a probe interval: our ECHO_REQUEST is out
    DEAD = enum.auto()


def no_runs(version: Version) -> RunReader | None:
    """Every message is read by itself."""
    return None


class Session:
    """One end of an OpenFlow channel.

    The owner passes in bytes with receive(), iterates over events(), writes what take_output() returns, and calls
    expire() at `deadline`.  Times are seconds on any monotonic clock.
    """

    def __init__(
        self,
        now: float,
        versions: Iterable[Version] = ALL_VERSIONS,
        probe_interval: float = 5.0,  # seconds; 0: never probe
        xids: Iterator[int] | None = None,
        run_reader: Callable[[Version], RunReader | None] = no_runs,  # for the version that is agreed
        handled: Container[type[Message]] | None = None,  # others are not even decoded; None: all
    ) -> None:
        self.state = State.GREETING
        self.version: Version | None = None
        self.nxm: bool | None = None  # of OpenFlow 1.0: see Dialect
        self.table_ids = False
        self.undecoded: int | None = None  # the transaction id of messages that the owner reads itself
        self._versions = frozenset(versions)
        self._probe_interval = probe_interval
        self._last_received = now
        self._xids = xids or itertools.count(1)
        self._run_reader = run_reader
        self._handled = handled
        self._runs: RunReader | None = None
        self._input = b""
        self._at = 0  # what is before it in _input has been taken
        self._output = bytearray()
        self._say(Hello(self._versions), max(self._versions), self.next_xid())

    @property
    def alive(self) -> bool:
        """Whether there is any point in going on."""
        return self.state is not State.DEAD

    @property
    def deadline(self) -> float:
        """When to call expire() next, unless bytes arrive first."""
        if not self._probe_interval or self.state is State.DEAD:
            return float("inf")
        return self._last_received + self._probe_interval * (2 if self.state is State.IDLE else 1)

    def next_xid(self) -> int:
        """A transaction id that no earlier message of this session had."""
        return next(self._xids) & 0xFFFFFFFF

    def send(self, message: Message, xid: int | None = None) -> int:
        """Queue `message`, once a version is agreed; returns its xid."""
        assert self.version is not None, "no version is agreed yet"
        if xid is None:
            xid = self.next_xid()
        self._say(message, self.version, xid)
        return xid

    def _say(self, message: Message, version: Version, xid: int) -> None:
        self._output += encode(message, version, xid, self.nxm, self.table_ids)

    def take_output(self) -> bytes:
        """What to write to the peer."""
        data = bytes(self._output)
        self._output.clear()
        return data

    def take_input(self) -> bytes:
        """Bytes that came in but were not understood yet, for an owner who goes on without the session."""
        data = self._input[self._at :]
        self._input, self._at = b"", 0
        return data

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the peer; events() then says what they mean."""
        self._last_received = now
        if self.state is State.IDLE:
            self.state = State.ACTIVE
        self._input = self._input[self._at :] + data
        self._at = 0

    def events(self) -> Iterator[Event]:
        """What the bytes received so far mean.  The state moves on with each event taken, not before.

        Raises ProtocolError when the session is over.
        """
        while self.state is not State.DEAD and len(self._input) - self._at >= HEADER.size:
            version, type, length, xid = HEADER.unpack_from(self._input, self._at)
            if length < HEADER.size:
                raise self._fail(f"received too-short ofp_header ({length} bytes)")
            if len(self._input) - self._at < length:
                return
            if self._runs is not None and (self.table_ids or version > OF10):
                run, self._at = self._runs.read(self._input, self._at)
                if run is not None:
                    yield run
                    continue
            data = self._input[self._at : self._at + length]
            self._at += length
            if self.version is None:
                yield self._greeted(version, type, xid, data)
                continue
            if version != self.version and type not in _ANY_VERSION:
                why = f"received OpenFlow version 0x{version:02x} != expected {self.version:02x}"
                yield Malformed(OpenFlowError(BadRequest.BAD_VERSION, why), xid, data)
                continue
            event = Undecoded(xid, data) if xid == self.undecoded else self._understand(xid, data)
            if event is not None:
                yield event

    def _understand(self, xid: int, data: bytes) -> Received | Malformed | None:
        try:
            if self._handled is not None:
                self._check_handled(self._handled, data)
            _, _, message = decode(data, self.table_ids)
        except OpenFlowError as error:
            return Malformed(error, xid, data)
        if isinstance(message, EchoRequest):
            self.send(EchoReply(message.data), xid)
            return None
        return None if isinstance(message, Hello) else Received(message, xid, data)  # a second HELLO: nothing

    def _check_handled(self, handled: Container[type[Message]], data: bytes) -> None:
        """Refuse messages that are not for this end, whatever is in them: a switch takes no replies."""
        kind, form, start, _ = find(data[0], data[1], data)
        form.check(len(data), start)
        if kind not in _SYMMETRIC and kind not in handled:
            raise OpenFlowError(BadRequest.BAD_TYPE, f"unexpected {form.name}")

    def _greeted(self, version: int, type: int, xid: int, data: bytes) -> Event:
        if type != OFPT_HELLO or not version:
            raise self._fail(f"received message while expecting hello: {_shown(data)}")
        # A HELLO is understood whatever its version: elements of later versions are skipped.
        theirs = Hello.decode_body(Hello.forms[0], Dialect(version), data[HEADER.size :])
        assert isinstance(theirs, Hello)
        self.version = negotiate(self._versions, theirs.versions)
        if self.version is None:
            we, they = listed(self._versions), listed(theirs.versions)
            text = f"We support {we}, you support {they}, no common versions."
            spoken = max(theirs.versions)  # or the lowest, which everybody should understand
            self._say(
                Error(HelloFailed.INCOMPATIBLE, text.encode()), Version(spoken if spoken <= OF15 else OF10), 0
            )
            raise self._fail(f"version negotiation failed (we support {we}, peer supports {they})")
        self.state = State.ACTIVE
        self._runs = self._run_reader(self.version)
        return Negotiated(self.version)

    def _fail(self, why: str) -> ProtocolError:
        self.state = State.DEAD
        return ProtocolError(why)

    def expire(self, now: float) -> None:
        """React to silence: probe an active peer, give up on one that did not answer."""
        if now < self.deadline:
            return
        if self.state is State.ACTIVE:
            self.state = State.IDLE
            self.send(EchoRequest())
        else:
            self.state = State.DEAD


def _shown(data: bytes) -> str:
    """A message as text."""
    from vswitch.openflow.text import print_message  # which a session does not need if all goes well

    return print_message(data).rstrip("\n")


def listed(versions: Iterable[int]) -> str:
    """Versions by their numbers, as people know them from message headers."""
    numbers = sorted(versions)
    if len(numbers) > 1 and numbers[0] == OF10 and len(numbers) == numbers[-1]:
        return f"version 0x{numbers[-1]:02x} and earlier"
    return f"version{'s' if len(numbers) > 1 else ''} {', '.join(f'0x{number:02x}' for number in numbers)}"
