"""OpenFlow's bundles: changes that a controller collects, and that happen together or not at all.

A commit performs the messages in order, each on what those before it made of the switch, and notes how to take each
change back; if one fails, all are taken back, and nobody hears of any.  No packet passes in between.  Additions in great
number are made ready before the commit (staging.py).

Sources: OpenFlow 1.5.1, 6.8 and 7.3.9; answers compared with the peer's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from vswitch.ofproto.channel import Channel
from vswitch.ofproto.collection import Collection, Pending, Single
from vswitch.ofproto.command import Send
from vswitch.ofproto.flowmod import check
from vswitch.ofproto.handlers import HANDLERS, Request, handles
from vswitch.ofproto.loading import Loader, Refused, checker
from vswitch.ofproto.packetout import prepare
from vswitch.ofproto.staging import Stage
from vswitch.ofproto.switch import Switch
from vswitch.openflow.additions import Additions
from vswitch.openflow.errors import BundleFailed, ErrorCode, OpenFlowError
from vswitch.openflow.message import HEADER, Message
from vswitch.openflow.messages.flow import FlowMod
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.nested import (
    OFPBCT_CLOSE_REQUEST,
    OFPBCT_COMMIT_REQUEST,
    OFPBCT_DISCARD_REQUEST,
    OFPBCT_OPEN_REQUEST,
    OFPBF_ATOMIC,
    OFPBF_ORDERED,
    BundleAdd,
    BundleControl,
)
from vswitch.openflow.messages.packet import PacketOut

_FLAGS = OFPBF_ATOMIC | OFPBF_ORDERED


Collections = dict[int, Collection]  # by bundle id


@handles(BundleControl)
def bundle_control(request: Request[BundleControl]) -> Iterable[Message]:
    """Open, close, commit or discard a bundle."""
    message, bundles = request.message, request.channel.collections
    match message.type:
        case kind if kind == OFPBCT_OPEN_REQUEST:
            _open(request, bundles)
        case kind if kind == OFPBCT_CLOSE_REQUEST:
            _close(request, bundles)
        case kind if kind == OFPBCT_COMMIT_REQUEST:
            _commit(request, bundles)
        case kind if kind == OFPBCT_DISCARD_REQUEST:
            if not drop(request.switch, bundles, message.bundle_id):
                raise OpenFlowError(BundleFailed.BAD_ID)
        case _:
            raise OpenFlowError(BundleFailed.BAD_TYPE)
    yield BundleControl(message.bundle_id, message.type + 1)


def drop(switch: Switch, bundles: Collections, number: int) -> bool:
    """Forget a bundle, if there is one with this number; whether there is."""
    bundle = bundles.pop(number, None)
    if bundle is not None:
        switch.wiring.remains.put(bundle.containers())
    return bundle is not None


def _open(request: Request[BundleControl], bundles: Collections) -> None:
    message = request.message
    if drop(request.switch, bundles, message.bundle_id):
        raise OpenFlowError(BundleFailed.BAD_ID)
    _check_flags(message.flags)
    bundles[message.bundle_id] = Collection(message.flags, request.data, request.now)


def _close(request: Request[BundleControl], bundles: Collections) -> None:
    message = request.message
    bundle = bundles.get(message.bundle_id)
    if bundle is None:
        raise OpenFlowError(BundleFailed.BAD_ID)
    if bundle.is_closed:
        raise _gone(request.switch, bundles, message.bundle_id, BundleFailed.BUNDLE_CLOSED)
    if bundle.flags != message.flags:
        raise _gone(request.switch, bundles, message.bundle_id, BundleFailed.BAD_FLAGS)
    bundle.is_closed, bundle.used = True, request.now


@handles(BundleAdd)
def bundle_add(request: Request[BundleAdd]) -> Iterable[Message]:
    """Put a message into a bundle."""
    message, bundles = request.message, request.channel.collections
    if request.data[4 : HEADER.size] != message.data[4 : HEADER.size]:
        raise OpenFlowError(BundleFailed.MSG_BAD_XID)
    inner = message.message
    if isinstance(inner, FlowMod):
        check(inner, request.channel.version)
    opened_by = request.data if message.bundle_id not in bundles else b""
    bundle = _collecting(request.switch, bundles, message.bundle_id, message.flags, opened_by, request.now)
    bundle.messages.append(Single(inner, message.data))
    return ()


def add_to_bundle(switch: Switch, channel: Channel, run: Additions, now: float) -> Refused:
    """Put additions of flows into a bundle; yields those that fail."""
    assert run.bundle is not None
    number, flags = run.bundle
    bundles, refuse = channel.collections, checker(channel.version)
    stage: Stage | None = None
    for addition in run.additions:
        try:
            refuse(addition)
            if stage is None:
                opened_by = run.whole(addition) if number not in bundles else b""
                bundle = _collecting(switch, bundles, number, flags, opened_by, now)
                stage = _stage(switch, channel, bundle)
            stage.add(addition)
        except OpenFlowError as error:
            yield addition, error


def _stage(switch: Switch, channel: Channel, bundle: Collection) -> Stage:
    """Where `bundle` takes additions."""
    last = bundle.messages[-1] if bundle.messages else None
    if not isinstance(last, Stage):
        last = Stage(switch, channel.version, follows_changes=last is not None)
        bundle.messages.append(last)
    return last


def _collecting(
    switch: Switch, bundles: Collections, number: int, flags: int, opened_by: bytes, now: float
) -> Collection:
    """The bundle that takes a message, which need not have been opened: then the message `opened_by` does so."""
    bundle = bundles.get(number)
    if bundle is None:
        _check_flags(flags)
        bundle = bundles[number] = Collection(flags, opened_by, now)
    elif bundle.is_closed:
        raise _gone(switch, bundles, number, BundleFailed.BUNDLE_CLOSED)
    elif bundle.flags != flags:
        raise _gone(switch, bundles, number, BundleFailed.BAD_FLAGS)
    bundle.used = now
    return bundle


def _check_flags(flags: int) -> None:
    if flags & ~_FLAGS:
        raise OpenFlowError(BundleFailed.BAD_FLAGS)


def _gone(switch: Switch, bundles: Collections, number: int, code: ErrorCode) -> OpenFlowError:
    """The error that ends a bundle."""
    drop(switch, bundles, number)
    return OpenFlowError(code)


# Commits.


def _commit(request: Request[BundleControl], bundles: Collections) -> None:
    message = request.message
    bundle = bundles.get(message.bundle_id)
    if bundle is None:
        raise OpenFlowError(BundleFailed.BAD_ID)
    try:
        if bundle.flags != message.flags:
            raise OpenFlowError(BundleFailed.BAD_FLAGS)
        _perform_together(request, bundle.messages)
    finally:
        drop(request.switch, bundles, message.bundle_id)


def _perform_together(request: Request[BundleControl], messages: Iterable[Pending]) -> None:
    """Perform all of `messages`; or none, and then tell what was wrong with the first that fails."""
    switch, channel = request.switch, request.channel
    actor = switch.actor
    finishing: list[Callable[[], None]] = []
    data = b""
    with switch.revocable() as said:
        try:
            for data in _steps(request, messages, finishing):
                switch.actor = channel.id, int.from_bytes(data[4:8], "big")
        except OpenFlowError as error:
            said.append(Send(channel.id, Error(error.code, data), int.from_bytes(data[4:8], "big")))
            raise OpenFlowError(BundleFailed.MSG_FAILED) from error
        finally:
            switch.actor = actor
    for finish in finishing:
        finish()


def _steps(
    request: Request[BundleControl], messages: Iterable[Pending], finishing: list[Callable[[], None]]
) -> Iterator[bytes]:
    """Perform `messages`, in order; before each step come the bytes of the message that is to blame if it fails."""
    switch, channel, now = request.switch, request.channel, request.now
    for pending in messages:
        if isinstance(pending, Single):
            yield pending.data
            finishing += _perform(Request(switch, channel, pending.message, now, pending.data))
        elif isinstance(pending, Stage) and pending.fits:
            for addition in pending.needed():
                yield addition.data
                pending.check(addition)
            pending.put_in(now)
        elif isinstance(pending, Stage):
            loader = Loader(switch, now, channel.version)
            for addition in pending.additions:
                yield addition.data
                loader.add(addition)


def _perform(request: Request[Message]) -> Iterator[Callable[[], None]]:
    """Perform one message; what only happens if all goes well is returned."""
    if isinstance(request.message, PacketOut):
        yield prepare(request)  # type: ignore[arg-type]  # its message is a PacketOut, as was just seen
        return
    for _ in HANDLERS[type(request.message)](request):
        pass  # nothing that a bundle takes has a reply
