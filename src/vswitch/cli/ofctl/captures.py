"""Commands about packets that have been captured or are made up: what they are, and what OpenFlow is in them.

Sources: ovs-ofctl(8), ofp-parse-pcap; `ovs-ofctl compose-packet`, `parse-packet`, `parse-pcap`.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Iterator

from vswitch.base.digits import parse_decimal
from vswitch.base.options import CommandError, Given
from vswitch.base.text import format_ipv4
from vswitch.cli.command import warn
from vswitch.cli.ofctl.table import command
from vswitch.flow.compose import compose
from vswitch.flow.extract import extract
from vswitch.flow.field import Flow
from vswitch.flow.fields import IN_PORT
from vswitch.flow.match import Match, format_match
from vswitch.flow.ports import OFPP_ANY
from vswitch.ofproto.packetfields import fields_of_packet
from vswitch.openflow.exacttext import parse_exact_flow
from vswitch.openflow.message import HEADER
from vswitch.openflow.oxmtext import take_hex
from vswitch.openflow.printing.base import hex_dump
from vswitch.openflow.printing.headers import format_headers
from vswitch.openflow.text import print_message
from vswitch.packet.pcap import CaptureError, PcapWriter, read_frames
from vswitch.packet.tcpstream import Reassembly, parse_segment

PORTS = {6653, 6633}  # OpenFlow's, and what it used before it got that
_MINIMUM = 14  # bytes of an Ethernet header


@command("compose-packet", "FLOW [L7]")
def compose_packet(given: Given, text: str, payload: str | None = None) -> Iterator[str]:
    """A packet with this flow, in hexadecimal or as a capture; L7 in hexadecimal is what it carries."""
    wanted = parse_exact_flow(text)
    content = None
    if payload is not None:
        content, rest = take_hex(payload)
        if rest:
            raise CommandError(f"{payload}: trailing garbage in packet data")
    packet = compose(wanted, content)
    made = extract(packet.ljust(_MINIMUM, b"\0"), OFPP_ANY)
    status = 0
    if _shown(made) != _shown(wanted):
        sys.stderr.write(
            f"specified and extracted flows differ:\nspecified: {_shown(wanted)}\nextracted: {_shown(made)}"
        )
        status = 1
    if "pcap" in given:
        sys.stdout.flush()
        PcapWriter(sys.stdout.buffer).write(dt.datetime.now(dt.UTC).timestamp(), packet)
    else:
        yield hex_dump(packet, characters=False).rstrip("-\n")
    if status:
        raise CommandError("", status)


def _shown(flow: Flow) -> str:
    """The headers of a packet."""
    mask = fields_of_packet(flow)
    return format_match(Match(Flow(flow & mask), mask))


@command("parse-packet")
def parse_packet(given: Given) -> Iterator[str]:
    """The headers of the packet on standard input, as it would be on a wire."""
    yield format_headers(sys.stdin.buffer.read()).rstrip("\n")


@command("parse-pcap", "PCAP...")
def parse_pcap(given: Given, *files: str) -> Iterator[str]:
    """The headers of the packets in captures."""
    status = 0
    for file in files:
        try:
            for _, packet in _captured(file):
                flow = (
                    extract(packet, OFPP_ANY) if len(packet) >= _MINIMUM else IN_PORT.put(Flow(0), OFPP_ANY)
                )
                yield _shown(flow)
        except CommandError as error:
            sys.stdout.flush()
            sys.stderr.write(f"ovs-ofctl: {error}\n")
            status = error.status
    if status:
        raise CommandError("", status)


@command("ofp-parse-pcap", "PCAP [PORT]...")
def ofp_parse_pcap(given: Given, file: str, *ports: str) -> Iterator[str]:
    """The OpenFlow messages in a capture's TCP streams from or to PORTs (6653 and 6633 unless given)."""
    verbosity, timestamps = len(given.all("more")) + 1, "timestamp" in given
    wanted = {parse_decimal(port) or 0 for port in ports} or PORTS
    streams = Reassembly()
    separator = ""
    try:
        for time, packet in _captured(file):
            segment = parse_segment(packet)
            if segment is None or not wanted & {segment.source[1], segment.destination[1]}:
                continue
            stream = streams.add(segment)
            for message in _messages(stream.data) if stream else ():
                when = (
                    f"{dt.datetime.fromtimestamp(time, dt.UTC):%H:%M:%S.%f} "[:12] + " " if timestamps else ""
                )
                yield f"{separator}{when}{_end(segment.source)} > {_end(segment.destination)}:"
                yield print_message(message, verbosity).rstrip("\n")
                separator = "\n"
    except _ReadError:
        return  # what was before it has been printed
    except CommandError as error:
        raise CommandError(str(error)) from None


def _end(end: tuple[int, int]) -> str:
    return f"{format_ipv4(end[0])}.{end[1]}"


def _messages(data: bytearray) -> Iterator[bytes]:
    """The whole messages that `data` begins with, taken out of it."""
    while len(data) >= HEADER.size:
        size = int.from_bytes(data[2:4], "big")
        if not HEADER.size <= size <= len(data):
            return  # what is shorter than a header ends the stream
        message = bytes(data[:size])
        del data[:size]
        yield message


class _ReadError(CommandError):
    """A capture makes no sense from somewhere on."""


def _captured(file: str) -> Iterator[tuple[float, bytes]]:
    """Times and packets; a capture that ends in the middle of a packet has those before it."""
    try:
        data = _contents(file)
        yield from read_frames(data)
    except OSError as error:
        raise CommandError(f"{file}: open failed ({error.strerror})", error.errno or 1) from None
    except CaptureError as error:
        warn("pcap", str(error))
        why = "End of file" if error.errno < 0 else os.strerror(error.errno)
        if error.whole:
            raise CommandError(f"{file}: open failed ({why})", error.errno & 0xFF) from None
        if error.errno > 0:
            raise _ReadError(f"{file}: read failed ({why})", error.errno) from None


def _contents(file: str) -> bytes:
    """The bytes of a file; OSError, and a word about it in the log."""
    try:
        stream = open(file, "rb")  # noqa: SIM115, PTH123 - pathlib takes 8 ms to import
    except IsADirectoryError as error:
        warn("pcap", f"failed to read pcap header: {error.strerror}")
        raise
    except OSError as error:
        warn("pcap", f"{file}: failed to open pcap file for reading ({error.strerror})")
        raise
    with stream:
        return stream.read()
