"""Switches that break the rules, and what ovs-ofctl of either make says of them: the same words, and an end in time."""

from __future__ import annotations

import re
import socket
import struct
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.interop.daemons import Make, program

pytestmark = pytest.mark.interop

HELLO = bytes([1, 0, 0, 8, 0, 0, 0, 1])
PATIENCE = 1  # seconds, as -t gives them
MEMORY = 60_000  # kB, that a tool may take whatever the switch says

Behaviour = Callable[[socket.socket], None]


def request(client: socket.socket) -> bytes:
    """The first message after the greeting."""
    data = b""
    while piece := client.recv(65536):
        data += piece
        while len(data) >= 8 and len(data) >= (size := int.from_bytes(data[2:4], "big")):
            if data[1]:
                return data[:size]
            data = data[size:]
    raise OSError


def says(*data: bytes) -> Behaviour:
    """Greets, waits for a request, and answers with these bytes, with the request's xid where they have four of 0xaa."""

    def behave(client: socket.socket) -> None:
        client.sendall(HELLO)
        xid = request(client)[4:8]
        client.sendall(b"".join(data).replace(b"\xaa" * 4, xid))
        while client.recv(65536):
            pass

    return behave


def greets(data: bytes) -> Behaviour:
    """Says this in the place of a greeting."""

    def behave(client: socket.socket) -> None:
        client.sendall(data)
        while client.recv(65536):
            pass

    return behave


def breaks_off(client: socket.socket) -> None:
    """Greets, and hangs up when something is asked, and all of it."""
    client.sendall(HELLO)
    request(client)
    hear_out(client)


def breaks_off_within(client: socket.socket) -> None:
    """The same, in the middle of an answer."""
    client.sendall(HELLO)
    xid = request(client)[4:8]
    hear_out(client)
    client.sendall(bytes([1, 6, 0, 32]) + xid + bytes(10))


def hear_out(client: socket.socket) -> None:
    """Read until nothing more comes: who hangs up with something unread resets the connection."""
    client.settimeout(0.3)
    with suppress(TimeoutError):
        while client.recv(65536):
            pass


def never_ends(client: socket.socket) -> None:
    """Greets, and answers with flow after flow, and always more."""
    client.sendall(HELLO)
    xid = request(client)[4:8]
    flow = struct.pack("!HBx", 96, 0) + struct.pack("!I", 0x3FFFFF) + bytes(88)
    part = bytes([1, 17, 0, 108]) + xid + struct.pack("!HH", 1, 1) + flow
    while True:
        client.sendall(part * 100)


BEHAVIOURS: dict[str, Behaviour] = {
    "silent": greets(HELLO),
    "mute": greets(b""),
    "garbage": greets(b"GET / HTTP/1.1\r\n\r\n" + bytes(100)),
    "zeros": greets(bytes(64)),
    "refuses": greets(bytes([1, 1, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0]) + b"oops"),
    "breaks off": breaks_off,
    "breaks off within": breaks_off_within,
    "too short": says(bytes([1, 6, 0, 4]) + b"\xaa" * 4),
    "no length": says(bytes([1, 6, 0, 0]) + b"\xaa" * 4),
    "other version": says(bytes([4, 6, 0, 32]) + b"\xaa" * 4 + bytes(24)),
    "other xid": says(bytes([1, 6, 0, 32, 1, 2, 3, 4]) + bytes(24)),
}


def said(make: Make, directory: Path, behave: Behaviour, *words: str) -> tuple[int, str, str]:
    """Status, output and complaints of ovs-ofctl with a switch that behaves so."""
    path = directory / f"{make}-switch"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        threading.Thread(target=_serve, args=(server, behave), daemon=True).start()
        command = [program(make, "ovs-ofctl"), "-t", str(PATIENCE), words[0], f"unix:{path}", *words[1:]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE + 20, check=False)
        server.shutdown(socket.SHUT_RDWR)
    path.unlink()
    complaints = re.sub(r"\S+Z\|\d+\|", "", done.stderr).replace(str(path), "SWITCH")
    return done.returncode, done.stdout, complaints


def _serve(server: socket.socket, behave: Behaviour) -> None:
    with suppress(OSError):
        client, _ = server.accept()
        with client:
            client.settimeout(PATIENCE + 20)
            behave(client)


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize(
    "words", [("show",), ("dump-flows",), ("add-flow", "actions=drop")], ids=lambda words: words[0]
)
def test_the_same_is_said(tmp_path: Path, behaviour: str, words: tuple[str, ...]) -> None:
    with ThreadPoolExecutor() as both:
        theirs = both.submit(said, "peer", tmp_path, BEHAVIOURS[behaviour], *words)
        ours = both.submit(said, "ours", tmp_path, BEHAVIOURS[behaviour], *words)
    assert ours.result() == theirs.result()


def test_an_answer_without_end_costs_no_memory(tmp_path: Path) -> None:
    """The time is up before the answer is; until then parts are printed as they come, and not kept."""
    path = tmp_path / "switch"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        threading.Thread(target=_serve, args=(server, never_ends), daemon=True).start()
        command = [program("ours", "ovs-ofctl"), "-t", str(PATIENCE), "dump-flows", f"unix:{path}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as tool:
            most = 0
            while tool.poll() is None:
                with suppress(OSError, AttributeError):
                    status = Path(f"/proc/{tool.pid}/status").read_text()
                    most = max(most, int(re.search(r"VmHWM:\s+(\d+)", status)[1]))  # type: ignore[index]
                with suppress(subprocess.TimeoutExpired):
                    tool.wait(0.05)
            assert tool.stderr is not None
            complaints = tool.stderr.read()
    assert "terminating with signal 14 (Alarm clock)" in complaints
    assert 0 < most < MEMORY
