"""An etcd of our own, on loopback, for as long as a test runs; and a proxy that can be cut."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path


def free_ports(n: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(n)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class EtcdServer(AbstractContextManager["EtcdServer"]):
    """One server of etcd with its data in `directory`; `options` are more of its options."""

    def __init__(self, directory: Path, *options: str) -> None:
        program = shutil.which("etcd", path="/usr/bin:/usr/sbin")
        assert program, "etcd (Debian's etcd-server) is not installed"
        self.port, peer_port = free_ports(2)
        scheme = "https" if any("cert-file" in option for option in options) else "http"
        client, peer = f"{scheme}://127.0.0.1:{self.port}", f"http://127.0.0.1:{peer_port}"
        self.log = directory / "etcd.log"
        self._command = [
            program,
            f"--data-dir={directory / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            *options,
        ]
        self.start()

    @property
    def endpoint(self) -> str:
        """Where clients reach it."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, or start it again, and wait until it serves."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while b"serving " not in self.log.read_bytes() or not self._accepts():
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < deadline, "etcd does not serve"
            time.sleep(0.05)

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """Kill it, as a crash would."""
        self.process.kill()
        self.process.wait()

    def __exit__(self, *exc: object) -> None:
        self.stop()


class Proxy:
    """Carries TCP connections from a port of its own to another port, unless it is cut."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.is_cut = False
        self._healed = asyncio.Event()
        self._healed.set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """From now on nothing gets through: the other side looks silent."""
        self.is_cut = True
        self._healed.clear()

    def heal(self) -> None:
        """What was held back goes on, as after a partition; connections that were refused do not."""
        self.is_cut = False
        self._healed.set()

    def reset(self) -> None:
        """Break all connections."""
        for writer in self._writers:
            writer.transport.abort()

    async def stop(self) -> None:
        """Carry nothing more."""
        self._server.close()
        self.reset()
        self._healed.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._healed.wait()
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        with suppress(asyncio.CancelledError):  # the loop ends
            await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))
        self._writers -= {writer, far_writer}

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self._healed.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()
