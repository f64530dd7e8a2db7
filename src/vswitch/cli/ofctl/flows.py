"""Commands about flows: dump them, add, modify and delete them.

Sources: ovs-ofctl(8): dump-flows, dump-aggregate, add-flow, add-flows, mod-flows, del-flows, --sort.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from vswitch.base.errors import TextError
from vswitch.base.namedtuple import NamedTuple
from vswitch.base.options import CommandError, Given
from vswitch.cli.ofctl.channel import XIDS, Channel
from vswitch.cli.ofctl.coloring import colored_flows
from vswitch.cli.ofctl.dumperrors import no_flows, unreadable
from vswitch.cli.ofctl.garbage import uncollected
from vswitch.cli.ofctl.lines import BLANK, c_string, opened
from vswitch.cli.ofctl.naming import accepted, shown
from vswitch.cli.ofctl.settings import FLOW_FORMATS, Settings
from vswitch.cli.ofctl.switch import printed, printed_bytes
from vswitch.cli.ofctl.table import command
from vswitch.flow.normalize import normalize, tell_normal
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.flowbytes import FlowEncoder
from vswitch.openflow.flowlines import FlowLine, FlowLines
from vswitch.openflow.flowtext import COMMANDS, format_flow_stats, read_query
from vswitch.openflow.message import HEADER, encode, find
from vswitch.openflow.messages.flow import FlowMod
from vswitch.openflow.messages.flowstats import (
    AggregateStatsRequest,
    FlowStats,
    FlowStatsReply,
    FlowStatsRequest,
)
from vswitch.openflow.messages.role import NXFF_NXM, FlowModTableId, SetFlowFormat
from vswitch.openflow.names import Names
from vswitch.openflow.session import Malformed, Received
from vswitch.openflow.usable import ALL_PROTOCOLS, Protocols, format_protocols
from vswitch.openflow.version import OF10

ANY_VERB = ""  # each line may begin with what to do
BATCH = 1000  # flow-mods, of which two batches are sent before looking whether the switch has complained of the first


@command("dump-flows", "SWITCH [FLOW]")
def dump_flows(given: Given, switch: str, text: str = "") -> Iterator[str]:
    """The flows that match, as the switch sends them; or sorted, with names, or without statistics."""
    settings = Settings(given)
    asked, usable = query(text, switch, settings)
    request = FlowStatsRequest(**asked)
    channel = Channel(switch, settings)
    check_formats(settings, usable)
    use_nxm(channel, settings)
    if not settings.sorting:
        replies = channel.reply_bytes(request)
        whole = settings.stats and not settings.show_names  # messages, as they come
        texts = (
            printed_bytes(replies, settings) if whole else lines(replies, settings, shown(switch, settings))
        )
        yield from (colored_flows(text, settings) for text in texts)
        return
    from vswitch.cli.ofctl.sorting import sort_key

    flows = all_flows(channel, request)
    names = shown(switch, settings)
    flows.sort(key=sort_key("priority", descending=True))  # decides where the others do not
    for text_key, descending in reversed(settings.sorting):
        flows.sort(key=sort_key(text_key, descending))
    for flow in flows:
        shown_flow = flow.replace(idle_age=None, hard_age=None) if channel.version == OF10 else flow
        yield colored_flows(f" {format_flow_stats(shown_flow, names, show_stats=settings.stats)}", settings)


def lines(replies: Iterable[bytes], settings: Settings, names: Names) -> Iterator[str]:
    """The flows in replies, without what is around them."""
    from vswitch.openflow.statstext import flow_printer

    for data in replies:
        version, type_, _, _ = HEADER.unpack_from(data)
        try:
            kind, form, start, _ = find(version, type_, data)
            form.check(len(data), start)
            if kind is not FlowStatsReply:
                raise no_flows(data)
            printer = flow_printer(form, version, names, settings.stats, show_ages=version != OF10)
            if found := printer.lines(data, start):
                yield "\n".join(found)
        except OpenFlowError as error:
            raise unreadable(error) from None


def query(text: str, switch: str, settings: Settings) -> tuple[dict[str, Any], Protocols]:
    """The fields of a request for flows that match `text`, and the flow formats that can tell it."""
    if not text:
        return {}, ALL_PROTOCOLS
    asked, usable = read_query(text, accepted(switch, settings))
    return {name: getattr(asked, name) for name in asked.__match_args__}, usable


def all_flows(channel: Channel, request: FlowStatsRequest) -> list[FlowStats]:
    """The flows that answer `request`."""
    return [flow for reply in channel.replies(request) for flow in _flows(reply)]


def _flows(reply: Received | Malformed) -> Iterable[FlowStats]:
    if isinstance(reply, Malformed):
        raise unreadable(reply.error)
    if isinstance(reply.message, FlowStatsReply):
        return reply.message.flows
    raise no_flows(reply.data)


@command("dump-aggregate", "SWITCH [FLOW]")
def dump_aggregate(given: Given, switch: str, text: str = "") -> Iterator[str]:
    """What the flows that match have carried together."""
    settings = Settings(given)
    asked, usable = query(text, switch, settings)
    request = AggregateStatsRequest(**asked)
    channel = Channel(switch, settings)
    check_formats(settings, usable)
    use_nxm(channel, settings)
    return printed(channel.replies(request), settings)


@command("add-flow", "SWITCH FLOW")
def add_flow(given: Given, switch: str, flow: str) -> None:
    """Add one flow, or with `-` what is on standard input, where each line may begin with another verb."""
    if flow == "-":
        change_from_file(given, switch, flow, ANY_VERB)
    else:
        change(given, switch, [flow], "add")


@command("add-flows", "SWITCH FILE")
def add_flows(given: Given, switch: str, file: str) -> None:
    """Add, or do what the first word of a line says, for each line of a file."""
    change_from_file(given, switch, file, ANY_VERB)


@command("mod-flows", "SWITCH FLOW")
def mod_flows(given: Given, switch: str, flow: str) -> None:
    """Change the actions of the flows that match."""
    if flow == "-":
        change_from_file(given, switch, flow, "modify")
    else:
        change(given, switch, [flow], "modify")


@command("del-flows", "SWITCH [FLOW]")
def del_flows(given: Given, switch: str, flow: str = "") -> None:
    """Delete the flows that match."""
    if flow == "-":
        change_from_file(given, switch, flow, "delete")
    else:
        change(given, switch, [flow], "delete")


def change_from_file(given: Given, switch: str, file: str, verb: str) -> None:
    """Read flows from a file; "-" is standard input."""
    with opened(file) as lines:
        change(given, switch, lines, verb, file)


def change(given: Given, switch: str, texts: Iterable[str], verb: str, file: str = "") -> None:
    """Send a flow-mod for each text, all of which must make sense, and wait until the switch has done them all."""
    settings = Settings(given)
    names = accepted(switch, settings)
    verb += "_strict" if settings.strict and verb in ("modify", "delete") else ""
    with uncollected():
        lines, usable = read(texts, names, verb, file)
    check_formats(settings, usable)
    channel = Channel(switch, settings)
    prepare(channel, settings, usable)
    send(channel, settings, lines)


def send(channel: Channel, settings: Settings, lines: list[FlowLine]) -> None:
    """Have the switch do flow-mods: in a bundle, or one after the other."""
    if settings.bundle:
        from vswitch.cli.ofctl.bundle import commit_bundle

        commit_bundle(channel, lines)
        return
    session = channel.session
    encoder = FlowEncoder(lambda mod, xid: encode(mod, channel.version, xid, session.nxm, session.table_ids))
    # One barrier for many, where the peer waits for each; and while the switch works at some, the next are encoded.
    barrier: int | None = None
    for at in range(0, len(lines), BATCH):
        channel.write(encoder.messages(lines[at : at + BATCH], XIDS))
        last, barrier = barrier, channel.begin(())
        if last is not None:
            channel.finish(last)
    if barrier is not None:
        channel.finish(barrier)


class Lines(NamedTuple):
    """What lines say, and the flow formats that can tell it all."""

    lines: list[FlowLine]
    usable: Protocols


def read(texts: Iterable[str], names: Names, verb: str, file: str, *, checked: bool = True) -> Lines:
    """The flow-mods that `texts` mean; those of a file may have comments.

    If `checked`, the log says what their packets cannot have.
    """
    reader = FlowLines(COMMANDS.get(verb), names, normalized if checked else lambda mod: False)
    if not file:
        lines = [reader.read(text) for text in texts]
        return Lines(lines, reader.usable)
    lines = []
    for number, text in enumerate(texts, 1):
        if "#" in text or "\0" in text:
            text = c_string(text).partition("#")[0]
        text = text.strip(BLANK)
        if text:
            try:
                lines.append(reader.read(text))
            except TextError as error:
                raise TextError(f"{file}:{number}: {error}", text) from None
    return Lines(lines, reader.usable)


def normalized(mod: FlowMod) -> bool:
    """Whether a switch will leave out some of the match, since its packets cannot have that; the log says what."""
    match = normalize(mod.match)
    if match is mod.match:
        return False
    tell_normal(mod.match, match)
    return True


def check_formats(settings: Settings, usable: Protocols) -> None:
    """Refuse flows that no flow format that -O and -F allow can tell."""
    if not any(name in usable for name in allowed_formats(settings)):
        raise _not_allowed(settings, usable)


def allowed_formats(settings: Settings) -> list[str]:
    """The flow formats that -O and -F allow, the simplest first."""
    return [
        name
        for name, (version, _, _) in FLOW_FORMATS.items()
        if version in settings.versions and name in settings.formats
    ]


def _not_allowed(settings: Settings, usable: Protocols) -> CommandError:
    allowed = format_protocols(frozenset(allowed_formats(settings)))
    return CommandError(
        f"none of the usable flow formats ({format_protocols(usable)}) is among the allowed flow formats ({allowed})"
    )


def prepare(channel: Channel, settings: Settings, usable: Protocols) -> None:
    """Choose a usable flow format; in OpenFlow 1.0, agree on its extensions."""
    chosen = [
        name
        for name in allowed_formats(settings)
        if name in usable and FLOW_FORMATS[name][0] == channel.version
    ]
    if not chosen:
        raise _not_allowed(settings, usable)
    if channel.version != OF10:
        return
    _, channel.session.nxm, channel.session.table_ids = FLOW_FORMATS[chosen[0]]
    if channel.session.nxm:
        channel.commit(SetFlowFormat(NXFF_NXM))
    if channel.session.table_ids:
        channel.commit(FlowModTableId(True))


def use_nxm(channel: Channel, settings: Settings) -> None:
    """In OpenFlow 1.0, ask for flows in Nicira's form, which tells all of a match, unless -F forbids it."""
    if channel.version == OF10 and any(FLOW_FORMATS[name][1] for name in settings.formats):
        channel.commit(SetFlowFormat(NXFF_NXM))
        channel.session.nxm = True
