"""The reference Python IDL (PyPI `ovs`) on our server over unix, tcp and ssl, while the server is killed and comes back."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons
from tests.interop.test_tls import keys

pytestmark = pytest.mark.interop
__all__ = ["keys"]  # a fixture

# Counts up in a map, one transaction at a time; prints each number that the server has acknowledged.
COUNTER = """
import sys, time, ovs.db.idl, ovs.poller, ovs.stream
remote, schema, *files = sys.argv[1:]
if files:
    ovs.stream.Stream.ssl_set_private_key_file(files[0])
    ovs.stream.Stream.ssl_set_certificate_file(files[1])
    ovs.stream.Stream.ssl_set_ca_cert_file(files[2])
helper = ovs.db.idl.SchemaHelper(schema)
helper.register_columns("Open_vSwitch", ["external_ids", "next_cfg"])
idl = ovs.db.idl.Idl(remote, helper)
idl._session.reconnect.set_backoff(50, 50)
deadline = time.monotonic() + 30
acknowledged = 0
while acknowledged < 40:
    assert time.monotonic() < deadline, acknowledged
    idl.run()
    rows = list(idl.tables["Open_vSwitch"].rows.values())
    if not rows:
        poller = ovs.poller.Poller()
        idl.wait(poller)
        poller.timer_wait(100)
        poller.block()
        continue
    txn = ovs.db.idl.Transaction(idl)
    rows[0].verify("external_ids")
    count = int(rows[0].external_ids.get("n", "0")) + 1
    rows[0].setkey("external_ids", "n", str(count))
    status = txn.commit_block()
    if status == txn.SUCCESS:
        acknowledged += 1
        print(count, flush=True)
        time.sleep(0.01)
    else:
        assert status == txn.TRY_AGAIN, (status, txn.get_error())
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(params=["unix", "tcp", "ssl"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Daemons, str, list[str]]]:
    """Our server, the remote to reach it by, and the options for that."""
    keys = request.getfixturevalue("keys") if request.param == "ssl" else []
    with Daemons(tmp_path / "d", "ours") as daemons:
        port = free_port()
        remote = {
            "unix": f"unix:{daemons.socket}", "tcp": f"tcp:127.0.0.1:{port}", "ssl": f"ssl:127.0.0.1:{port}"
        }[request.param]  # fmt: skip
        passive = (
            f"p{request.param}:{port}:127.0.0.1" if request.param != "unix" else f"punix:{daemons.socket}.2"
        )
        daemons.run("peer", "ovs-vsctl", "--no-wait", "init")
        options = [f"--remote={passive}", *keys]
        restart(daemons, options)
        yield daemons, remote, options


def restart(daemons: Daemons, options: list[str]) -> None:
    daemons.kill("ovsdb-server")
    daemons.start(
        "ovsdb-server", str(daemons.directory / "conf.db"), f"--remote=punix:{daemons.socket}", *options
    )


def test_no_acknowledged_update_is_lost(served: tuple[Daemons, str, list[str]]) -> None:
    daemons, remote, options = served
    files = options[2::2]  # of -p, -c and -C
    schema = "/usr/share/openvswitch/vswitch.ovsschema"
    command = [sys.executable, "-c", COUNTER, remote, schema, *files]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as idl:
        assert idl.stdout is not None
        counts = []
        for at in range(40):
            counts.append(int(idl.stdout.readline()))
            if at == 20:
                restart(daemons, options)
        assert idl.wait(timeout=20) == 0
    # Each is made on top of all before; one that was made but not acknowledged may come between.
    assert counts == sorted(set(counts))
    final = daemons.run("ours", "ovs-vsctl", "--no-wait", "get", "Open_vSwitch", ".", "external_ids:n").stdout
    assert final.strip() == f'"{counts[-1]}"'
    assert counts[-1] <= 40 + 1
