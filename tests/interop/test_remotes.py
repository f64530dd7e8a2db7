"""Remotes that rows name, beside the peer's: how they fare, how long they may be silent, and what becomes of clients when a
row changes."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.daemons import Make
from tests.interop.dbservers import Client, DatabaseServer, until

pytestmark = pytest.mark.interop
MAKES: tuple[Make, Make] = ("peer", "ours")


def optional(kind: str) -> Any:
    return {"type": {"key": kind, "min": 0, "max": 1}}


COLUMNS = {
    "target": {"type": "string"},
    "max_backoff": optional("integer"),
    "inactivity_probe": optional("integer"),
    "read_only": optional("boolean"),
    "is_connected": {"type": "boolean", "ephemeral": True},
    "status": {
        "type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"},
        "ephemeral": True,
    },
}
SCHEMA = {"name": "D", "tables": {"Manager": {"isRoot": True, "columns": COLUMNS}, "Root": {
    "isRoot": True,
    "columns": {"managers": {"type": {"key": {"type": "uuid", "refTable": "Manager"}, "min": 0, "max": "unlimited"}}},
}}}  # fmt: skip


class Remotes(DatabaseServer):
    """A server whose remotes are in its database."""

    def add(self, target: str, **options: Any) -> None:
        """One more remote."""
        row = {"target": target.replace("DIR", str(self.directory)), **options}
        manager = {"op": "insert", "table": "Manager", "uuid-name": "m", "row": row}
        insert = {"op": "insert", "table": "Root", "row": {"managers": ["named-uuid", "m"]}}
        assert "error" not in json.dumps(self.ask("transact", "D", manager, insert))

    def change(self, **cells: Any) -> None:
        """Write these columns of all of them."""
        update = {"op": "update", "table": "Manager", "where": [], "row": cells}
        assert self.ask("transact", "D", update) == [{"count": 1}]

    def status(self) -> tuple[bool, dict[str, str]]:
        """Of the only one."""
        [row] = self.rows("D", "Manager", "is_connected", "status")
        return row["is_connected"], dict(row["status"][1])

    def told(self) -> tuple[bool, dict[str, str]]:
        """The same, without how long."""
        is_connected, status = self.status()
        return is_connected, {key: re.sub(r"\d+", "N", value) for key, value in status.items()}


@pytest.fixture(params=MAKES)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Remotes]:
    schema = tmp_path / "schema"
    schema.write_text(json.dumps(SCHEMA))
    with Remotes(
        request.param,
        tmp_path / "s",
        str(tmp_path / "s" / "db"),
        "--remote=db:D,Root,managers",
        schema=schema,
    ) as server:
        yield server


def test_a_connection_that_the_server_makes(server: Remotes) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(server.directory / "client"))
    listener.settimeout(20)
    with listener:
        listener.listen(5)
        server.add("unix:DIR/client", max_backoff=1000)
        first, _ = listener.accept()
        until(lambda: server.told() == (True, {"state": "ACTIVE", "sec_since_connect": "N"}))
        first.close()
        second, _ = listener.accept()
        lived = {"sec_since_connect": "N", "sec_since_disconnect": "N"}
        until(lambda: server.told() == (True, {"state": "ACTIVE"} | lived))
        (server.directory / "client").unlink()
        second.close()
        until(lambda: server.told() == (False, {"state": "BACKOFF"} | lived))


def echo_after(client: Client, patience: float) -> float | None:
    """Seconds until the server asks for a sign of life; None if it does not in time."""
    client.socket.settimeout(patience)
    start = time.monotonic()
    try:
        assert client.receive() == {"id": "echo", "method": "echo", "params": []}
    except TimeoutError:
        return None
    return time.monotonic() - start


def test_a_probe_comes_after_a_second_at_least(server: Remotes) -> None:
    server.add("punix:DIR/m", inactivity_probe=50)
    until((server.directory / "m").exists)
    with Client(server.directory / "m") as client:
        after = echo_after(client, 5)
        assert after is not None
        assert 0.8 < after < 3
        with pytest.raises(EOFError):
            client.receive()


def test_clients_stay_when_the_probe_changes(server: Remotes) -> None:
    server.add("ptcp:0:127.0.0.1", inactivity_probe=0)
    port = int(until(lambda: server.status()[1].get("bound_port")))
    with Client(("127.0.0.1", port)) as client:
        assert echo_after(client, 1.5) is None
        client.socket.settimeout(20)
        assert client.ask("list_dbs") == ["D", "_Server"]
        server.change(inactivity_probe=1000)
        assert echo_after(client, 8) is not None
    assert int(server.status()[1]["bound_port"]) == port
