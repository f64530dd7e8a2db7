"""Database servers of either make, each in a directory of its own, and clients that speak JSON to them."""

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

from tests.interop.daemons import Make, program

Json = Any
PATIENCE = 20.0  # seconds until a test gives up


def until(condition: Callable[[], object]) -> Any:
    """The first true value of `condition`."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.02)
    return found


class Client(AbstractContextManager["Client"]):
    """One connection to a server."""

    def __init__(self, path: Path | tuple[str, int]) -> None:
        """At a Unix socket's path, or at a host and a port."""
        self.socket = socket.socket(socket.AF_UNIX if isinstance(path, Path) else socket.AF_INET)
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.connect(str(path) if isinstance(path, Path) else path)
        except OSError:
            self.socket.close()
            raise
        self.heard: list[Json] = []
        self._text = ""
        self._n = 0

    def ask(self, method: str, *params: Json) -> Json:
        """The result, or the error, of a request; notifications meanwhile go to `heard`."""
        self._n += 1
        self.send({"id": self._n, "method": method, "params": params})
        while True:
            message = self.receive()
            if message.get("id") == self._n:
                return message["result"] if message.get("error") is None else message["error"]
            self.heard.append(message)

    def send(self, message: Json) -> None:
        """Send one message."""
        self.socket.sendall(json.dumps(message).encode())

    def receive(self) -> Json:
        """The next message."""
        while True:
            text = self._text.lstrip()
            try:
                message, end = json.JSONDecoder().raw_decode(text)
            except ValueError:
                data = self.socket.recv(1 << 16)
                if not data:
                    raise EOFError from None
                self._text = text + data.decode()
            else:
                self._text = text[end:]
                return message

    def __exit__(self, *exc: object) -> None:
        self.socket.close()


class DatabaseServer(AbstractContextManager["DatabaseServer"]):
    """A running ovsdb-server."""

    def __init__(self, make: Make, directory: Path, *words: str, schema: Path | None = None) -> None:
        self.make: Make = make
        self.directory = directory
        self.words = words
        self.socket = directory / "db.sock"
        self.file = directory / "db"
        directory.mkdir(exist_ok=True)
        self.environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"} | {
            f"OVS_{what}DIR": str(directory) for what in ("RUN", "LOG", "DB", "SYSCONF")
        }
        if schema is not None:
            self.run("ovsdb-tool", "create", str(self.file), str(schema))
        self.start()

    def start(self) -> None:
        """Run the server until it answers."""
        command = [
            program(self.make, "ovsdb-server"),
            *self.words,
            f"--remote=punix:{self.socket}",
            f"--unixctl={self.directory}/ctl",
            f"--log-file={self.directory}/log",
            "-vconsole:off",
        ]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(
            command, env=self.environment, cwd=self.directory, stdout=quiet, stderr=quiet
        )
        until(self._answers)

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log if (self.directory / "log").exists() else ""
        try:
            with self.client() as client:
                return bool(client.ask("list_dbs"))
        except OSError:
            return False

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self.directory / "log").read_text()

    def run(self, name: str, *words: str) -> str:
        """What a tool of the same make prints."""
        done = subprocess.run(
            [program(self.make, name), *words],
            env=self.environment, cwd=self.directory, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    def control(self, command: str, *words: str) -> str:
        """The answer to a control command."""
        with Client(self.directory / "ctl") as client:
            return str(client.ask(f"ovsdb-server/{command}", *words))

    def client(self) -> Client:
        """A new connection."""
        return Client(self.socket)

    def ask(self, method: str, *params: Json) -> Json:
        """One request on a connection of its own."""
        with self.client() as client:
            return client.ask(method, *params)

    def rows(self, database: str, table: str, *columns: str) -> list[Json]:
        """What a table holds."""
        select = {"op": "select", "table": table, "where": [], "columns": list(columns)}
        result = self.ask("transact", database, select)
        if not isinstance(result, list):
            return []
        return sorted(result[0].get("rows", []), key=lambda row: json.dumps(row, sort_keys=True))

    def kill(self) -> None:
        """As a crash would."""
        self.process.kill()
        self.process.wait()

    def __exit__(self, *exc: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
