"""Commands about the switch as a whole: what it is, how it is configured, whether it is there.

Sources: ovs-ofctl(8): show, dump-desc, dump-tables, get-frags, set-frags, probe, ping, benchmark.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from vswitch.base.options import CommandError, Given
from vswitch.base.scan import c_atoi
from vswitch.cli.ofctl.channel import Channel
from vswitch.cli.ofctl.coloring import colored
from vswitch.cli.ofctl.naming import shown
from vswitch.cli.ofctl.settings import Settings
from vswitch.cli.ofctl.table import command
from vswitch.openflow.message import HEADER, MAX_LENGTH, Message
from vswitch.openflow.messages.hello import EchoReply, EchoRequest
from vswitch.openflow.messages.port import PortDescRequest
from vswitch.openflow.messages.switch import (
    OFPC_FRAG_MASK,
    DescRequest,
    FeaturesReply,
    FeaturesRequest,
    GetConfigReply,
    GetConfigRequest,
    SetConfig,
)
from vswitch.openflow.messages.table import TableStatsRequest
from vswitch.openflow.names import NO_NAMES
from vswitch.openflow.session import Malformed, Received
from vswitch.openflow.text import print_message
from vswitch.openflow.version import OF13

MAX_PAYLOAD = MAX_LENGTH - HEADER.size  # bytes
FRAGMENT_MODES = ("normal", "drop", "reassemble", "nx-match")


def printed(replies: Iterator[Received | Malformed], settings: Settings, switch: str = "") -> Iterator[str]:
    """Replies as text, each one or more lines; with the names of `switch`, if one is given."""
    for reply in replies:
        known = reply.message if isinstance(reply, Received) else None
        names = shown(switch, settings) if switch else NO_NAMES
        text = print_message(reply.data, settings.verbosity + 1, names, known=known)
        yield colored(text.rstrip("\n"), settings)


def printed_bytes(replies: Iterable[bytes], settings: Settings) -> Iterator[str]:
    """The same of replies that nobody has decoded, without names."""
    for data in replies:
        yield print_message(data, settings.verbosity + 1).rstrip("\n")


def dump(given: Given, switch: str, request: Message) -> Iterator[str]:
    """Print whatever answers `request`."""
    settings = Settings(given)
    return printed(Channel(switch, settings).replies(request), settings, switch)


@command("show", "SWITCH")
def show(given: Given, switch: str) -> Iterator[str]:
    """What the switch is, its ports, and its configuration."""
    settings = Settings(given)
    channel = Channel(switch, settings)
    features = channel.transact(FeaturesRequest())
    yield from printed(iter([features]), settings)
    known = isinstance(features, Received) and isinstance(features.message, FeaturesReply)
    if known and channel.version >= OF13:
        yield from printed(channel.replies(PortDescRequest()), settings, switch)
    yield from dump(given, switch, GetConfigRequest())


@command("dump-desc", "SWITCH")
def dump_desc(given: Given, switch: str) -> Iterator[str]:
    """Who made the switch."""
    return dump(given, switch, DescRequest())


@command("dump-tables", "SWITCH")
def dump_tables(given: Given, switch: str) -> Iterator[str]:
    """What the tables hold and have matched."""
    return dump(given, switch, TableStatsRequest())


def current_config(channel: Channel) -> GetConfigReply:
    """The switch's configuration."""
    reply = channel.transact(GetConfigRequest())
    if isinstance(reply, Received) and isinstance(reply.message, GetConfigReply):
        return reply.message
    raise CommandError("bad reply to config request")


@command("get-frags", "SWITCH")
def get_frags(given: Given, switch: str) -> Iterator[str]:
    """How the switch treats IP fragments."""
    yield FRAGMENT_MODES[current_config(Channel(switch, Settings(given))).flags & OFPC_FRAG_MASK]


@command("set-frags", "SWITCH FRAG_MODE")
def set_frags(given: Given, switch: str, mode: str) -> None:
    """Change it, and check that it was changed."""
    if mode not in FRAGMENT_MODES:
        raise CommandError(f"{mode}: unknown fragment handling mode")
    wanted = FRAGMENT_MODES.index(mode)
    channel = Channel(switch, Settings(given))
    config = current_config(channel)
    if config.flags & OFPC_FRAG_MASK == wanted:
        return
    channel.commit(SetConfig(config.flags & ~OFPC_FRAG_MASK | wanted, config.miss_send_len))
    if current_config(channel).flags & OFPC_FRAG_MASK != wanted:
        raise CommandError(
            f"{switch}: setting fragment handling mode failed "
            f'(this switch probably doesn\'t support mode "{mode}")'
        )


@command("probe", "TARGET")
def probe(given: Given, target: str) -> None:
    """Whether it answers: an echo must come back as it was."""
    channel = Channel(target, Settings(given))
    reply = channel.transact(EchoRequest())
    if not isinstance(reply, Received) or reply.message != EchoReply():
        raise CommandError("reply does not match request")


@command("ping", "TARGET [N]")
def ping(given: Given, target: str, size: str = "64") -> Iterator[str]:
    """Ten echos of N bytes, and how long each took."""
    n_bytes = c_atoi(size)
    if n_bytes > MAX_PAYLOAD:
        raise CommandError(f"payload must be between 0 and {MAX_PAYLOAD} bytes")
    channel = Channel(target, Settings(given))
    payload = bytes(i & 0xFF for i in range(n_bytes))
    for _ in range(10):
        sent = time.monotonic()
        reply = channel.transact(EchoRequest(payload))
        taken = (time.monotonic() - sent) * 1000
        if not isinstance(reply, Received) or reply.message != EchoReply(payload):
            yield "Reply does not match request:"
            yield print_message(reply.data, 4).rstrip("\n")
            continue
        yield f"{len(payload)} bytes from {target}: xid={reply.xid:08x} time={taken:.1f} ms"


@command("benchmark", "TARGET N COUNT")
def benchmark(given: Given, target: str, size: str, count: str) -> Iterator[str]:
    """COUNT echos of N bytes, one after the other, and how fast they were."""
    n_bytes, n_echos = c_atoi(size), c_atoi(count)
    if n_bytes > MAX_PAYLOAD:
        raise CommandError(f"payload must be between 0 and {MAX_PAYLOAD} bytes")
    whole = n_bytes + HEADER.size
    yield f"Sending {n_echos} packets * {whole} bytes (with header) = {n_echos * whole} bytes total"
    channel = Channel(target, Settings(given))
    request = EchoRequest(bytes(n_bytes))
    began = time.monotonic()
    for _ in range(n_echos):
        channel.transact(request)
    taken = time.monotonic() - began
    rate = f"{n_echos / taken:.0f} packets/s) ({n_echos * whole / taken:.0f} bytes/s" if n_echos else _NO_RATE
    yield f"Finished in {taken * 1000:.1f} ms ({rate})"


_NO_RATE = "-nan packets/s) (-nan bytes/s"
