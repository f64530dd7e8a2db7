"""What OpenFlow costs per flow and per message: microseconds to parse, print, encode and decode; ofp-parse beside the peer's.

Comments in the code quote these numbers.  "By plan" is how many flows of one shape are read and written.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import tempfile
import timeit
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench.report import Row, in_turn
from tests.interop.daemons import Make, program
from tests.unit.openflow.samples import encoded
from vswitch.flow.match import parse_match
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.additions import MAX_RUN, run_reader
from vswitch.openflow.flowbytes import FlowEncoder
from vswitch.openflow.flowlines import FlowLine, FlowLines
from vswitch.openflow.flowtext import format_flow_stats, parse_flow_mod
from vswitch.openflow.grouptext import parse_group_mod
from vswitch.openflow.message import HEADER, Message, decode, encode
from vswitch.openflow.messages.flowstats import FlowStats, FlowStatsReply
from vswitch.openflow.metertext import parse_meter_mod
from vswitch.openflow.packettext import parse_packet_out
from vswitch.openflow.text import print_message
from vswitch.openflow.version import OF10, OF13, OF15, Version

MAKES: tuple[Make, ...] = ("ours", "peer")
TEXT = "table=1,priority=5,tcp,nw_dst=10.0.0.0/8,tp_dst=80 actions=output:1"
TEXTS: dict[str, Callable[[], object]] = {
    "flow": partial(parse_flow_mod, TEXT),
    "group": partial(
        parse_group_mod, "group_id=1,type=select,bucket=weight:1,output:1,bucket=weight:2,output:2"
    ),
    "meter": partial(parse_meter_mod, "meter=1 kbps burst stats bands=type=drop rate=1000 burst_size=100"),
    "packet-out": partial(parse_packet_out, f"in_port=1 packet={'00' * 64} actions=output:2"),
    "actions": partial(parse_actions, "set_field:10.0.0.1->ip_dst,dec_ttl,ct(commit,zone=5,nat),output:3"),
}
FLOWS = 400
VERSIONS = (OF10, OF13, OF15)


def cost(action: Callable[[], object], per: int = 1, n_times: int = 1000) -> float:
    """Microseconds that `action` takes, divided by `per`; the best of three runs."""
    number = max(1, n_times // per)
    return min(timeit.repeat(action, number=number, repeat=3)) / number / per * 1e6


def run() -> Iterator[Row]:
    """Per flow, per kind of message, and of whole programs."""
    for what, action in TEXTS.items():
        yield Row(f"{what}, parse", "us", cost(action), more_is_better=False)
    yield from flows_by_plan()
    for version in VERSIONS:
        yield flows_in_a_run(version)
        yield from flows_in_a_dump(version)
    yield from messages()
    for count in (10_000, 100_000):
        yield from beside_the_peer(count)


def lines(count: int) -> list[str]:
    """Flows in text, of one shape."""
    return [
        f"table=1,priority={i % 100},tcp,nw_dst=10.{i >> 16}.{i >> 8 & 255}.{i & 255},tp_dst=80 actions=output:1"
        for i in range(count)
    ]


def flows_by_plan() -> Iterator[Row]:
    """A flow of many in a file: read, and made into a message."""
    texts, reader = lines(FLOWS), FlowLines()
    yield Row(
        "flow, parse by plan",
        "us",
        cost(lambda: [reader.read(text) for text in texts], FLOWS, 8000),
        {},
        False,
    )
    read = [reader.read(text) for text in texts]
    for version in VERSIONS:
        taken = cost(partial(_encode_all, _encoder(version), read), FLOWS, 8000)
        yield Row(f"flow-mod, encode by plan, {version}", "us", taken, more_is_better=False)


def flows_in_a_run(version: Version) -> Row:
    """A flow of many that a switch is to add."""
    reader, texts = run_reader(version), lines(MAX_RUN)
    assert reader is not None
    data = b"".join(encode(parse_flow_mod(text), version, xid) for xid, text in enumerate(texts))
    taken = cost(lambda: reader.read(data, 0), MAX_RUN, 8000)
    return Row(f"flow-mod, decode in a run, {version}", "us", taken, more_is_better=False)


def _encoder(version: Version) -> FlowEncoder:
    return FlowEncoder(lambda mod, xid: encode(mod, version, xid))


def _encode_all(encoder: FlowEncoder, read: list[FlowLine]) -> bytes:
    return encoder.messages(read, itertools.count(1))


def flows_in_a_dump(version: Version) -> Iterator[Row]:
    """A flow of many in statistics, and text of it."""
    actions = parse_actions("output:1")
    matches = [parse_match(text.partition(",tcp,")[2].partition(" ")[0] + ",tcp") for text in lines(FLOWS)]
    flows = tuple(FlowStats(match, actions, table_id=1, packet_count=9) for match in matches)
    reply = FlowStatsReply(flows, nx=version == OF10)
    data = encode(reply, version, 1)
    assert HEADER.unpack_from(data)[2] == len(data)
    measured: dict[str, Callable[[], object]] = {
        "encode": partial(encode, reply, version, 1),
        "decode": partial(decode, data),
        "print by plan": partial(print_message, data),
        "print": lambda: [format_flow_stats(flow) for flow in flows],
    }
    for what, action in measured.items():
        yield Row(f"flow in a dump, {what}, {version}", "us", cost(action, FLOWS, 4000), more_is_better=False)


def messages() -> Iterator[Row]:
    """Each kind of message, in the first version of these that has it."""
    found: dict[str, tuple[Message, Version, bytes]] = {}
    for message, version, data in sorted(encoded(), key=lambda sample: sample[1] not in (OF13, OF15)):
        found.setdefault(type(message).__name__, (message, Version(version), data))
    for name, (message, version, data) in sorted(found.items()):
        measured: dict[str, Callable[[], object]] = {
            "encode": partial(encode, message, version, 1),
            "decode": partial(decode, data, table_ids=True),
            "print": partial(print_message, data),
        }
        for what, action in measured.items():
            yield Row(f"{name}, {what}, {version}", "us", cost(action, n_times=200), more_is_better=False)


def beside_the_peer(count: int) -> Iterator[Row]:
    """Seconds of a core that programs take which print many flows, out of text and out of a dump."""
    actions = parse_actions("output:1")
    matches = (
        parse_match(f"tcp,nw_dst=10.{i >> 16}.{i >> 8 & 255}.{i & 255},tp_dst=80") for i in range(count)
    )
    flows = tuple(FlowStats(match, actions, table_id=1, packet_count=9) for match in matches)
    with tempfile.TemporaryDirectory() as directory:
        dump, text = Path(directory, "dump"), Path(directory, "flows")
        dump.write_bytes(encode(FlowStatsReply(flows, nx=True), OF10, 1))
        text.write_text("\n".join(lines(count)))
        for command, file in (("ofp-parse", dump), ("parse-flows", text)):
            taken = in_turn({make: partial(seconds, make, command, str(file)) for make in MAKES})
            theirs = {"peer": taken["peer"]}
            yield Row(f"{command}, {count:,} flows", "s of CPU", taken["ours"], theirs, more_is_better=False)


def seconds(make: Make, *words: str) -> float:
    """How long a command computes."""
    before = os.times()
    environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    subprocess.run(
        [program(make, "ovs-ofctl"), *words], env=environment, stdout=subprocess.DEVNULL, check=True
    )
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
