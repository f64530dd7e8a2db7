"""Bundles: changes that a switch makes all together or not at all.

Sources: ovs-ofctl(8): bundle, --bundle.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence

from vswitch.base.errors import TextError
from vswitch.base.options import CommandError, Given
from vswitch.cli.ofctl.channel import XIDS, Channel
from vswitch.cli.ofctl.flows import BATCH, normalized
from vswitch.cli.ofctl.naming import accepted
from vswitch.cli.ofctl.settings import Settings
from vswitch.cli.ofctl.table import command
from vswitch.openflow.flowbytes import FlowEncoder
from vswitch.openflow.flowlines import FlowLine, flow_mod
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.grouptext import parse_group_mod
from vswitch.openflow.message import Message, encode
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.nested import (
    OFPBCT_COMMIT_REQUEST,
    OFPBCT_DISCARD_REQUEST,
    OFPBCT_OPEN_REQUEST,
    OFPBF_ATOMIC,
    OFPBF_ORDERED,
    BundleAdd,
    BundleControl,
)
from vswitch.openflow.names import Names
from vswitch.openflow.packettext import parse_packet_out
from vswitch.openflow.session import Malformed, Received
from vswitch.openflow.text import print_message

Sent = Mapping[int, Message | FlowLine]  # by transaction id
_FLAGS = OFPBF_ATOMIC | OFPBF_ORDERED
_BUNDLE_ID = 0


@command("bundle", "SWITCH FILE")
def bundle(given: Given, switch: str, file: str) -> None:
    """Do what the lines of a file say, all or nothing: `flow …`, `group …`, `packet-out …`."""
    settings = Settings(given, bundle=True)
    names = accepted(switch, settings)
    try:
        with open("/dev/stdin" if file == "-" else file, encoding="utf-8", errors="surrogateescape") as lines:  # noqa: PTH123 - pathlib takes 8 ms
            mods = [
                mod
                for number, line in enumerate(lines, 1)
                for mod in _parsed(line, names, f"{file}:{number}")
            ]
    except OSError as error:
        raise CommandError(f"{file}: open failed ({error.strerror})") from None
    commit_bundle(Channel(switch, settings), mods)


def _parsed(line: str, names: Names, where: str) -> Iterator[Message]:
    """The message that a line means, if it is not empty."""
    text = line.partition("#")[0].strip()
    if not text:
        return
    word, _, rest = text.partition(" ")
    try:
        match word:
            case "flow":
                mod = parse_flow_mod(rest, None, names)
                normalized(mod)
                yield mod
            case "group":
                yield parse_group_mod(rest, None, names)
            case "packet-out":
                yield parse_packet_out(rest, names)
            case _:
                raise TextError(f"Unsupported bundle message type: {word}", word)
    except TextError as error:
        raise TextError(f"{where}: {error}", text) from None


def commit_bundle(channel: Channel, lines: Sequence[Message | FlowLine]) -> None:
    """Send what `lines` say as one bundle; what the switch says against any of it ends the program."""
    sent = {xid: line for line, xid in zip(lines, XIDS, strict=False)}
    errors = [*_control(channel, OFPBCT_OPEN_REQUEST)]
    if not errors:
        errors = [*_fill(channel, sent)]
        errors += _control(channel, OFPBCT_DISCARD_REQUEST if errors else OFPBCT_COMMIT_REQUEST, sent)
    if errors:
        sys.stdout.flush()
        sys.stderr.write("".join(errors))
        raise CommandError(f"talking to {channel.name} (Protocol error)")


def _fill(channel: Channel, sent: Sent) -> Iterator[str]:
    """Put messages into the bundle, in batches: while the switch reads one, the next is encoded."""
    version = channel.version

    def encoded(mod: Message, xid: int) -> bytes:
        data = encode(mod, version, xid, table_ids=True)
        return encode(BundleAdd(_BUNDLE_ID, _FLAGS, data), version, xid)

    encoder = FlowEncoder(encoded)
    barriers: list[int] = []
    lines, xids = list(sent.values()), iter(sent)
    for at in range(0, len(lines), BATCH):
        channel.write(encoder.messages(lines[at : at + BATCH], xids))
        barriers.append(channel.begin(()))
        if len(barriers) > 1:
            yield from _told(channel, channel.until(barriers.pop(0)), sent)
    for barrier in barriers:
        yield from _told(channel, channel.until(barrier), sent)


def _control(channel: Channel, kind: int, sent: Sent | None = None) -> Iterator[str]:
    """Ask for a change of the bundle's state; what the switch says against it, or meanwhile."""
    request = BundleControl(_BUNDLE_ID, kind, _FLAGS)
    xid = channel.send(request)
    known: Sent = {**(sent or {}), xid: request}
    while True:
        reply = channel.receive()
        yield from _told(channel, iter([reply]), known)
        if reply.xid == xid:
            return


def _told(channel: Channel, replies: Iterator[Received | Malformed], sent: Sent) -> Iterator[str]:
    """The errors among `replies`, each with the message that it is about."""
    for reply in replies:
        if isinstance(reply, Received) and isinstance(reply.message, Error):
            cause = sent.get(reply.xid)
            data = reply.message.data
            if cause is not None:
                mod = cause if isinstance(cause, Message) else flow_mod(cause)
                data = encode(mod, channel.version, reply.xid, table_ids=True)
            yield f"Error {reply.message.code} for: {print_message(data, channel.settings.verbosity + 1)}"
