"""Clusters for tests: ours, of servers that share a log in an etcd of their own; and Open vSwitch's."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests.chaos.etcd import EtcdServer, free_ports
from tests.interop.daemons import Make, program


def until(condition: Callable[[], object], what: str, seconds: float = 20) -> Any:
    """What `condition` returns, as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return result


class Server:
    """One server, of either make."""

    def __init__(self, make: Make, directory: Path, *words: str) -> None:
        directory.mkdir()
        self.make: Make = make
        self.directory = directory
        self.words = words
        [self.port] = free_ports(1)
        self.remote = f"tcp:127.0.0.1:{self.port}"
        self.socket = f"unix:{directory / 'db.sock'}"
        self.start()

    def start(self) -> None:
        """Run it."""
        environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
        environment |= {f"OVS_{what}DIR": str(self.directory) for what in ("RUN", "LOG", "DB", "SYSCONF")}
        with (self.directory / "err").open("wb") as errors:
            self.process = subprocess.Popen(
                [
                    program(self.make, "ovsdb-server"),
                    *self.words,
                    f"--remote=punix:{self.directory / 'db.sock'}",
                    f"--remote=ptcp:{self.port}:127.0.0.1",
                    f"--unixctl={self.directory / 'ctl'}",
                    f"--log-file={self.directory / 'log'}",
                    "-vconsole:off",
                ],
                env=environment,
                cwd=self.directory,
                stdout=errors,
                stderr=errors,
            )
        until(lambda: self.process.poll() is not None or self._answers(), "no answer")

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def appctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Ask the server itself."""
        return subprocess.run(
            [program("peer", "ovs-appctl"), "-t", str(self.directory / "ctl"), *words],
            capture_output=True,
            text=True,
            check=False,
        )

    def client(self, *words: str, make: Make = "peer") -> str:
        """What ovsdb-client prints, of this server, whether it leads or not."""
        done = subprocess.run(
            [
                program(make, "ovsdb-client"),
                "--no-leader-only",
                "-t",
                "20",
                words[0],
                self.socket,
                *words[1:],
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.returncode, done.stderr
        return done.stdout

    def transact(self, *operations: Any, database: str = "S") -> Any:
        """The results of a transaction."""
        return self.ask("transact", database, *operations)

    def ask(self, method: str, *params: Any) -> Any:
        """The result of a request."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(json.dumps({"method": method, "params": params, "id": 0}).encode())
            text = bytearray()
            while True:
                text += connection.recv(1 << 20)
                try:
                    message = json.loads(text)
                except ValueError:
                    continue
                assert message.get("error") is None, message
                return message["result"]

    def names(self) -> set[str]:
        """The rows that the server shows, certainly up to date."""
        query = {"op": "select", "table": "T", "where": [], "columns": ["name"]}
        results = self.transact({"op": "commit", "durable": True}, query)
        return {row["name"] for row in results[1]["rows"]}

    def service(self, database: str = "S") -> dict[str, Any]:
        """What `_Server` says of the database."""
        query = {"op": "select", "table": "Database", "where": [["name", "==", database]]}
        return self.transact(query, database="_Server")[0]["rows"][0]

    def log(self) -> str:
        """What the server has logged."""
        return (self.directory / "log").read_text()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


def tool(*words: str, make: Make = "ours", status: int = 0) -> str:
    """What ovsdb-tool prints; on stderr if it fails."""
    done = subprocess.run([program(make, "ovsdb-tool"), *words], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout


class OurCluster(AbstractContextManager["OurCluster"]):
    """Servers of ours, with an etcd."""

    def __init__(self, directory: Path, contents: Path, n: int = 3, name: str = "S", *options: str) -> None:
        self.etcd = EtcdServer(directory, *options)
        self.address = f"etcd:{self.etcd.endpoint}/{name}"
        self.servers: list[Server] = []
        try:
            tool("create-cluster", self.address, str(contents))
            for number in range(n):
                self.servers.append(Server("ours", directory / f"{number}", f"--cluster={self.address}"))
        except BaseException:
            self.__exit__()
            raise

    def leader(self) -> Server:
        """The server that leads."""

        def find() -> Server | None:
            alive = [server for server in self.servers if server.process.poll() is None]
            return next((s for s in alive if "Role: leader" in s.appctl("cluster/status", "S").stdout), None)

        found = until(find, "no leader")
        assert isinstance(found, Server)
        return found

    def __exit__(self, *exc: object) -> None:
        for server in self.servers:
            server.stop()
        self.etcd.__exit__()


class PeerCluster(AbstractContextManager["PeerCluster"]):
    """Three servers of Open vSwitch."""

    def __init__(self, directory: Path, contents: Path, name: str = "S", made_by: Make = "peer") -> None:
        ports = free_ports(3)
        self.files = [directory / f"{number}.db" for number in range(3)]
        addresses = [f"tcp:127.0.0.1:{port}" for port in ports]
        self.servers: list[Server] = []
        tool("create-cluster", str(self.files[0]), str(contents), addresses[0], make=made_by)
        for file, address in zip(self.files[1:], addresses[1:], strict=True):
            tool("join-cluster", str(file), name, address, addresses[0], make=made_by)
        try:
            for number, file in enumerate(self.files):
                self.servers.append(Server("peer", directory / f"peer{number}", str(file)))
            for server in self.servers:
                until(
                    lambda server=server: "cluster member" in server.appctl("cluster/status", name).stdout,
                    "the peer's cluster does not form",
                )
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *exc: object) -> None:
        for server in self.servers:
            server.stop()
