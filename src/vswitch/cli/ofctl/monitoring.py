"""Commands that listen until they are told to end: monitor and snoop, which can be daemons.

The connection is made before the program becomes a daemon, so that what is wrong with it is said at once; from then on
messages are printed as they come, and `ovs-appctl -t ovs-ofctl` can send others, or end it all.

Sources: ovs-ofctl(8): monitor, snoop, "Daemon Options", "RUNTIME MANAGEMENT COMMANDS".
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import sys
from collections.abc import Sequence
from typing import TextIO

from vswitch.aio.daemon import Service, run_daemon
from vswitch.aio.unixctl import MANY
from vswitch.base.options import CommandError, Given
from vswitch.base.text import c_number
from vswitch.cli.ofctl.channel import XIDS, Channel
from vswitch.cli.ofctl.coloring import colored
from vswitch.cli.ofctl.naming import accepted, shown
from vswitch.cli.ofctl.settings import Settings
from vswitch.cli.ofctl.switch import current_config, printed
from vswitch.cli.ofctl.table import command
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.message import HEADER, decode, encode
from vswitch.openflow.messages.hello import EchoReply, EchoRequest, Error
from vswitch.openflow.messages.monitor import FlowMonitor, FlowMonitorRequest
from vswitch.openflow.messages.packet import PacketIn, Resume
from vswitch.openflow.messages.role import NXPIF_NXT_PACKET_IN, NXPIF_NXT_PACKET_IN2, SetPacketInFormat
from vswitch.openflow.messages.switch import (
    OFPC_INVALID_TTL_TO_CONTROLLER,
    BarrierReply,
    BarrierRequest,
    SetConfig,
)
from vswitch.openflow.monitortext import parse_flow_monitor
from vswitch.openflow.names import Names
from vswitch.openflow.oxmtext import take_hex
from vswitch.openflow.packettext import parse_packet_out
from vswitch.openflow.session import Received
from vswitch.openflow.text import print_message
from vswitch.openflow.version import OF10, OF11, OF12

EVERYTHING = 0xFFFF  # miss_send_len: whole packets
_CHUNK = 1 << 18


@command("monitor", "SWITCH [MISSLEN] [invalid_ttl] [watch:[...]]", at_most=1 << 30)
def monitor(given: Given, switch: str, *words: str) -> None:
    """Print what the switch sends to its controllers until the end."""
    settings = Settings(given)
    if "invalid_ttl" in words:
        _need_invalid_ttl(settings)
    channel = Channel(switch, settings)
    watches: list[FlowMonitor] = []
    names: Names | None = None
    for word in words:
        if word[:1].isdecimal():
            length, _ = c_number(word, 10)
            channel.commit(SetConfig(current_config(channel).flags, length & EVERYTHING))
        elif word == "invalid_ttl":
            config = current_config(channel)
            channel.commit(SetConfig(config.flags | OFPC_INVALID_TTL_TO_CONTROLLER, config.miss_send_len))
        elif word.startswith("watch:"):
            names = names or accepted(switch, settings)
            watches.append(parse_flow_monitor(word.removeprefix("watch:"), len(watches), names))
            _watch(channel, settings, watches[-1], switch)
        elif word == "resume":  # for tests: packets that pause go on at once
            channel.commit(SetConfig(current_config(channel).flags, EVERYTHING))
        else:
            raise CommandError(f'{word}: unsupported "monitor" argument')
    _set_packet_in_format(channel, settings)
    _listen(given, Monitor(channel, settings, switch, answers=True, resumes="resume" in words))


def _need_invalid_ttl(settings: Settings) -> None:
    """Leave only versions that can say it."""
    able = (OF10, OF11, OF12)
    if not settings.versions & set(able):
        names = ", ".join(version.long_name for version in able)
        raise CommandError(
            f"invalid_ttl requires one of the OpenFlow versions {names} but none is enabled (use -O)"
        )
    settings.versions = settings.versions & set(able)


def _watch(channel: Channel, settings: Settings, monitor: FlowMonitor, switch: str) -> None:
    """Ask to be told of changes to flows; print those that there are."""
    request, xid = FlowMonitorRequest((monitor,)), next(XIDS)
    if settings.verbosity:
        data = encode(request, channel.version, xid)
        sys.stdout.write(print_message(data, settings.verbosity, shown(switch, settings)))
    for line in printed(channel.replies(request, xid), settings, switch):
        print(line)
    sys.stdout.flush()


def _set_packet_in_format(channel: Channel, settings: Settings) -> None:
    """Ask for the format of -P, or else for the one that tells the most, of those that the switch has."""
    if settings.packet_in_format is not None:
        channel.commit(SetPacketInFormat(settings.packet_in_format))
        return
    wanted = (
        (NXPIF_NXT_PACKET_IN2, NXPIF_NXT_PACKET_IN) if channel.version == OF10 else (NXPIF_NXT_PACKET_IN2,)
    )
    for number in wanted:
        channel.send(SetPacketInFormat(number))
        replies = list(channel.barrier())
        if not any(isinstance(reply, Received) and isinstance(reply.message, Error) for reply in replies):
            return


@command("snoop", "SWITCH")
def snoop(given: Given, switch: str) -> None:
    """Print what a switch and its controllers say to each other, until the end."""
    settings = Settings(given)
    _listen(given, Monitor(Channel(switch, settings, "snoop"), settings, switch))


def _listen(given: Given, monitor: Monitor) -> None:
    status = run_daemon("ovs-ofctl", given, monitor.serve)
    if status:
        raise CommandError("", status)


class Monitor:
    """Prints the messages of a connection, answers some, and does what ovs-appctl says."""

    def __init__(
        self,
        channel: Channel,
        settings: Settings,
        switch: str,
        *,
        answers: bool = False,
        resumes: bool = False,
    ) -> None:
        self._channel = channel
        self._settings = settings
        self._names = shown(switch, settings)
        self._accepted = accepted(switch, settings) if answers else self._names
        self._answers = answers  # to echo requests
        self._resumes = resumes  # packets that came with a continuation
        self._data = bytearray(channel.session.take_input())
        self._output: TextIO = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="surrogateescape")
        self._blocked = False
        self._barrier: asyncio.Future[None] | None = None
        self._failure = ""

    async def serve(self, service: Service) -> None:
        """Print until somebody says `exit`, or the switch goes."""
        commands = service.commands
        usage = '"in_port=<port> packet=<hex data> actions=..."'
        commands.add("exit", "", 0, 0, lambda words: service.stop())
        commands.add("ofctl/send", "OFMSG...", 1, MANY, self._send)
        commands.add("ofctl/packet-out", usage, 1, 1, self._packet_out)
        commands.add("ofctl/barrier", "", 0, 0, self._wait_for_barrier)
        commands.add("ofctl/set-output-file", "FILE", 1, 1, self._set_output)
        commands.add("ofctl/block", "", 0, 0, self._block)
        commands.add("ofctl/unblock", "", 0, 0, self._unblock)
        self._service = service
        loop = asyncio.get_running_loop()
        loop.add_reader(self._channel.fileno(), self._readable)
        service.ready()
        self._print_messages()
        await service.stopping.wait()
        loop.remove_reader(self._channel.fileno())
        if self._failure:
            raise CommandError(self._failure)

    def _readable(self) -> None:
        try:
            while True:
                data = self._channel.read(_CHUNK)
                if not data:
                    self._fail("vconn_recv (End of file)")
                    return
                self._data += data
                if not self._channel.pending():
                    break
        except OSError as error:
            self._fail(f"vconn_recv ({error.strerror})")
            return
        self._print_messages()

    def _fail(self, why: str) -> None:
        self._failure = why
        asyncio.get_running_loop().remove_reader(self._channel.fileno())
        self._service.stop()

    def _print_messages(self) -> None:
        """Print, and answer, the whole messages that have come."""
        data, at = self._data, 0
        try:
            while len(data) - at >= HEADER.size and not self._blocked:
                size = max(int.from_bytes(data[at + 2 : at + 4], "big"), HEADER.size)
                if len(data) - at < size:
                    break
                message = bytes(data[at : at + size])
                at += size
                self._print(message)
                self._react(message)
        except BrokenPipeError:  # whoever read it has gone
            self._service.stop()
        finally:
            del data[:at]

    def _print(self, message: bytes, head: str = "") -> None:
        if self._settings.timestamps and not head:
            now = dt.datetime.now()
            head = f"{now:%Y-%m-%d %H:%M:%S}.{now.microsecond // 1000:03d}: "
        text = print_message(message, self._settings.verbosity + 2, self._names)
        self._output.write(head + colored(text, self._settings))
        self._output.flush()

    def _react(self, data: bytes) -> None:
        try:
            _, xid, message = decode(data)
        except OpenFlowError:
            return  # it was printed as what it is
        if isinstance(message, BarrierReply) and self._barrier is not None:
            self._barrier.set_result(None)
            self._barrier = None
        elif isinstance(message, EchoRequest) and self._answers:
            self._say(encode(EchoReply(message.data), self._channel.version, xid))
        elif isinstance(message, PacketIn) and self._resumes and message.continuation is not None:
            answer = encode(Resume(message), self._channel.version, next(XIDS))
            self._print(answer, "send: ")
            self._say(answer)

    def _say(self, data: bytes) -> None:
        self._channel.write(data)

    # What ovs-appctl says.

    def _send(self, words: Sequence[str]) -> str:
        """Send messages, given in hexadecimal; a line for each says what became of it."""
        lines, wrong = [], False
        for word in words:
            why = _send_error(word)
            lines.append(why or "sent")
            if why:
                wrong = True
                continue
            data, _ = take_hex(word)
            self._output.write(f"send: {print_message(data, self._settings.verbosity)}")
            self._output.flush()
            self._say(data)
        text = "".join(f"{line}\n" for line in lines)
        if wrong:
            raise CommandError(text)
        return text

    def _packet_out(self, words: Sequence[str]) -> None:
        message = parse_packet_out(words[0], self._accepted)
        data = encode(message, self._channel.version, next(XIDS))
        self._output.write(print_message(data, self._settings.verbosity))
        self._output.flush()
        self._say(data)

    async def _wait_for_barrier(self, words: Sequence[str]) -> None:
        """Return when the switch has done what was sent before."""
        if self._barrier is not None:
            raise CommandError("already waiting for barrier reply")
        self._barrier = asyncio.get_running_loop().create_future()
        self._say(encode(BarrierRequest(), self._channel.version, next(XIDS)))
        await self._barrier

    def _set_output(self, words: Sequence[str]) -> None:
        try:
            output = open(words[0], "w", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115, PTH123 - open to the end; pathlib costs 10 ms here
        except OSError as error:
            raise CommandError(error.strerror or str(error)) from None
        self._output.close()
        self._output = output

    def _block(self, words: Sequence[str]) -> str | None:
        if self._blocked:
            return "already blocking"
        self._blocked = True
        return None

    def _unblock(self, words: Sequence[str]) -> str | None:
        if not self._blocked:
            return "already unblocked"
        self._blocked = False
        self._print_messages()
        return None


def _send_error(digits: str) -> str:
    """What is wrong with a message in hexadecimal."""
    data, rest = take_hex(digits)
    if rest.strip():
        return "Trailing garbage in hex data"
    if len(data) < HEADER.size:
        return "Message too short for OpenFlow"
    if int.from_bytes(data[2:4], "big") != len(data):
        return "Message size does not match length in OpenFlow header"
    return ""
