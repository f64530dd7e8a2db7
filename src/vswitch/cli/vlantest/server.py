"""The server: on a host whose network card is known to be good.

It tells clients where to send packets and whether they have arrived, and sends packets where clients want them.

Sources: ovs-vlan-test(8).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

from vswitch.base.errors import TextError
from vswitch.base.options import CommandError
from vswitch.base.text import parse_ipv4
from vswitch.cli.vlantest import protocol
from vswitch.cli.vlantest.protocol import BAD_REQUEST, NOT_FOUND, OK, SUCCESS, UNAVAILABLE, Address
from vswitch.cli.vlantest.sockets import open_vlan_socket, why

PATIENCE = 30.0  # seconds for a client's packet to arrive
SENDINGS, PAUSE = 20, 0.5  # packets for a client, and the seconds between them
CONTROL_TIMEOUT = 10.0  # seconds for a request
MAX_RESULTS = 10_000  # that are kept for clients to ask for
MAX_TRIALS = 1_000  # at a time


def run_server(control: Address, vlan: Address, said: Callable[[str], None]) -> None:
    """Serve until the process ends; `said` gets a line when it begins.  Raises CommandError."""
    asyncio.run(_serve(control, vlan, said))


async def _serve(control: Address, vlan: Address, said: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    door = open_vlan_socket(vlan)
    here = Address(vlan.host, door.getsockname()[1])
    server = Server(here, door)
    transport, _ = await loop.create_datagram_endpoint(lambda: server, sock=door)
    try:
        listener = await asyncio.start_server(server.serve, control.host, control.port)
    except OSError as error:
        raise CommandError(f"cannot listen on {control}: {why(error)}") from None
    port = listener.sockets[0].getsockname()[1]
    said(f"listening on {Address(control.host, port)}, packets at {here}")
    try:
        await listener.serve_forever()
    finally:
        transport.close()


class Server(asyncio.DatagramProtocol):
    """The trials of all clients: those that go on, and the results of others."""

    def __init__(self, here: Address, door: socket.socket) -> None:
        self._here = here
        self._door = door
        self._last_key = 0
        self._results: dict[int, str] = {}
        self._expected: dict[int, asyncio.TimerHandle] = {}
        self._sending: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.TimeoutError):
            async with asyncio.timeout(CONTROL_TIMEOUT):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(protocol.reply(*self.answer(protocol.path_of(head))))
                await writer.drain()
        writer.close()

    def answer(self, path: str) -> tuple[int, str]:
        """The status and the body of the answer to a request."""
        match path.split("/"):
            case ["ping"]:
                return OK, "pong"
            case ["start", _, *_] if len(self._expected) + len(self._sending) >= MAX_TRIALS:
                return UNAVAILABLE, "too many tests"
            case ["start", "recv"]:
                return OK, f"{self._here}:{self._expect()}"
            case ["start", "send", invitation]:
                return self._start_sending(invitation)
            case ["result", digits] if digits.isdecimal() and len(digits) < 20:
                result = self._results.get(int(digits))
                return (NOT_FOUND, "") if result is None else (OK, result)
            case _:
                return NOT_FOUND, ""

    def _new_key(self) -> int:
        self._last_key += 1
        return self._last_key

    def _expect(self) -> int:
        """The key of a packet that is to come."""
        key = self._new_key()
        loop = asyncio.get_running_loop()
        self._expected[key] = loop.call_later(PATIENCE, self._finish, key, "Timeout")
        return key

    def _finish(self, key: int, result: str) -> None:
        if timer := self._expected.pop(key, None):
            timer.cancel()
        self._results[key] = result
        if len(self._results) > MAX_RESULTS:
            del self._results[next(iter(self._results))]

    def _start_sending(self, invitation: str) -> tuple[int, str]:
        try:
            target, size = protocol.parse_invitation(invitation)
            parse_ipv4(target.host)  # a name would take time to look up
        except TextError as error:
            return BAD_REQUEST, str(error)
        if not protocol.HEADERS < size <= protocol.MAX_SIZE:
            return BAD_REQUEST, f"no packet has {size} bytes"
        key = self._new_key()
        task = asyncio.get_running_loop().create_task(self._send(key, target, size))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return OK, str(key)

    async def _send(self, key: int, target: Address, size: int) -> None:
        for _ in range(SENDINGS):
            try:
                self._door.sendto(protocol.packet(key, size), (target.host, target.port))
            except BlockingIOError:  # a full queue: lost, as on any network
                pass
            except OSError as error:
                return self._finish(key, f"Failure: {why(error)}")
            await asyncio.sleep(PAUSE)
        return self._finish(key, SUCCESS)

    def datagram_received(self, data: bytes, address: object) -> None:
        """A packet has come: that of a trial, or of nobody."""
        key = protocol.key_of(data)
        if key in self._expected:
            assert key is not None
            self._finish(key, SUCCESS)
