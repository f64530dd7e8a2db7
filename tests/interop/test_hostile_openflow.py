"""Controllers and tools that break the rules: the switch answers as the protocol says, and goes on serving others."""

from __future__ import annotations

import re
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons

pytestmark = pytest.mark.interop

HELLO = bytes([4, 0, 0, 8, 0, 0, 0, 1])
ALL_FLOWS = (
    struct.pack("!BBHI HHI IHH", 1, 16, 56, 5, 1, 0, 0x3FFFFF, 0, 0, 0) + bytes(28) + b"\xff\0\xff\xff"
)


@pytest.fixture(scope="module")
def daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemons]:
    with Daemons(tmp_path_factory.mktemp("hostile"), "ours", "ours") as daemons:
        ports = " ".join(f"-- add-port br0 p{n} -- set interface p{n} type=dummy" for n in (1, 2))
        bridge = "datapath_type=dummy protocols=OpenFlow10,OpenFlow13,OpenFlow15"
        daemons.run("ours", "ovs-vsctl", *f"add-br br0 -- set bridge br0 {bridge} {ports}".split())
        yield daemons


@pytest.fixture(autouse=True)
def unharmed(daemons: Daemons) -> Iterator[None]:
    """After each attack the switch answers, has logged no traceback, and holds nothing that it did not hold before."""
    before = open_files(daemons)
    yield
    assert daemons.run("peer", "ovs-ofctl", "dump-flows", "br0").stdout
    assert "Traceback" not in daemons.log("ovs-vswitchd")
    deadline = time.monotonic() + 5
    while open_files(daemons) > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert open_files(daemons) <= before


def process(daemons: Daemons) -> Path:
    return Path(f"/proc/{daemons.processes['ovs-vswitchd'].pid}")


def open_files(daemons: Daemons) -> int:
    return len(list((process(daemons) / "fd").iterdir()))


def memory(daemons: Daemons) -> int:
    """Resident memory, in kB."""
    found = re.search(r"VmRSS:\s+(\d+)", (process(daemons) / "status").read_text())
    assert found
    return int(found[1])


def connect(daemons: Daemons, name: str = "br0.mgmt") -> socket.socket:
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(5)
    peer.connect(str(daemons.directory / name))
    return peer


def read_all(peer: socket.socket) -> bytes:
    """Everything until the other side closes."""
    data = b""
    while piece := peer.recv(65536):
        data += piece
    return data


def flood(peer: socket.socket, data: bytes) -> None:
    """Write until the other side takes no more for half a second."""
    peer.settimeout(0.5)
    with suppress(TimeoutError):
        while True:
            peer.sendall(data)


def test_a_tool_that_reads_nothing_costs_others_nothing(daemons):
    """Requests whose answers are thousands of times their size, from somebody who does not read the answers."""
    flows = daemons.directory / "flows"
    flows.write_text("".join(f"ip,nw_src=10.0.{n >> 8}.{n & 255},actions=output:1\n" for n in range(3000)))
    daemons.run("ours", "ovs-ofctl", "add-flows", "br0", str(flows))
    before = memory(daemons)
    with connect(daemons) as peer:
        peer.sendall(bytes([1]) + HELLO[1:])
        flood(peer, ALL_FLOWS * 1000)
        started = time.monotonic()
        assert daemons.run("peer", "ovs-appctl", "version").stdout
        assert time.monotonic() - started < 2
        assert memory(daemons) - before < 30_000
    daemons.run("ours", "ovs-ofctl", "del-flows", "br0")
    daemons.run("ours", "ovs-ofctl", "add-flow", "br0", "actions=NORMAL")


def test_a_snooper_that_reads_nothing_misses_messages(daemons):
    before = memory(daemons)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        daemons.run("ours", "ovs-vsctl", "set-controller", "br0", f"tcp:127.0.0.1:{server.getsockname()[1]}")
        controller, _ = server.accept()
        with connect(daemons, "br0.snoop") as snooper, controller:
            snooper.sendall(HELLO)
            assert snooper.recv(2) == b"\6\0", "a HELLO"
            controller.sendall(HELLO)
            controller.settimeout(10)
            complaint = struct.pack("!BBHI", 4, 1, 60000, 7) + bytes(59992)
            for _ in range(500):
                controller.sendall(complaint)
            controller.sendall(bytes([4, 20, 0, 8]) + bytes([0, 0, 0, 99]))
            while not controller.recv(65536).endswith(bytes([4, 21, 0, 8, 0, 0, 0, 99])):
                pass
            assert memory(daemons) - before < 15_000
    daemons.run("ours", "ovs-vsctl", "del-controller", "br0")


def test_versions_that_we_do_not_speak_are_refused_in_words(daemons):
    """Version 0x07 by a bitmap alone: HELLO_FAILED, INCOMPATIBLE."""
    with connect(daemons) as peer:
        peer.sendall(bytes.fromhex("07000010000000010001000800000080"))
        answer = read_all(peer)
    assert answer[:1] == b"\6"
    error = answer[struct.unpack_from("!H", answer, 2)[0] :]
    assert error[1] == 1, "an ERROR"
    assert struct.unpack_from("!HH", error, 8) == (0, 0)
    assert b"no common versions" in error
