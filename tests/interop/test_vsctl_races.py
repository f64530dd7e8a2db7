"""Several ovs-vsctl at once, and waiting: for the server, for a row, for the switch."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.interop.daemons import Daemons, Make, program

pytestmark = pytest.mark.interop
SERVERS: list[Make] = ["peer", "ours"]


@pytest.fixture(params=SERVERS)
def database(request, tmp_path):
    with Daemons(tmp_path, request.param) as daemons:
        daemons.run("peer", "ovs-vsctl", "--no-wait", "add-br", "br0")
        yield daemons


def start(daemons: Daemons, *words: str, make: Make = "ours") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [program(make, "ovs-vsctl"), *words],
        env=daemons.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, errors = process.communicate(timeout=60)
    return process.returncode, out, errors


def test_racing_commands_lose_nothing(database):
    """Both makes beside each other: ports, keys of one map, and a number that each command is computed from."""
    makes: list[Make] = ["ours", "ours", "ours", "peer"]
    for round_ in range(3):
        processes = [
            start(
                database,
                "--no-wait",
                *f"add-port br0 p{round_}x{number} -- set bridge br0 other_config:k{round_}x{number}=v".split(),
                *f"-- add bridge br0 flood_vlans {10 * round_ + number}".split(),
                make=make,
            )
            for number, make in enumerate(makes)
        ]
        assert [finish(process) for process in processes] == [(0, "", "")] * len(makes)
    run = database.run
    names = {f"{round_}x{number}" for round_ in range(3) for number in range(len(makes))}
    assert set(run("peer", "ovs-vsctl", "list-ports", "br0").stdout.split()) == {f"p{name}" for name in names}
    keys = run("ours", "ovs-vsctl", "get", "bridge", "br0", "other_config").stdout
    assert all(f"k{name}=v" in keys for name in names)
    vlans = run("ours", "ovs-vsctl", "get", "bridge", "br0", "flood_vlans").stdout
    assert len(vlans.split(",")) == len(names)


def test_only_one_of_equals_wins(database):
    """The same bridge at the same time: the losers see the winner's, and say so."""
    processes = [start(database, "--no-wait", "add-br", "same") for _ in range(4)]
    results = sorted(finish(process) for process in processes)
    lost = "ovs-vsctl: cannot create a bridge named same because a bridge named same already exists\n"
    assert results == [(0, "", ""), *[(1, "", lost)] * 3]


def test_wait_until(database):
    waiting = start(
        database, "wait-until", "bridge", "br9", "stp_enable=true", "--", "get", "bridge", "br9", "name"
    )
    database.run("peer", "ovs-vsctl", "--no-wait", "add-br", "br9")
    assert waiting.poll() is None
    database.run("peer", "ovs-vsctl", "--no-wait", "set", "bridge", "br9", "stp_enable=true")
    assert finish(waiting) == (0, "br9\n", "")


def test_a_timeout_is_death_by_alarm(database):
    status, _, errors = finish(start(database, "-t", "1", "wait-until", "bridge", "nope"))
    assert status == -14
    assert errors.endswith("|fatal_signal|WARN|terminating with signal 14 (Alarm clock)\n")


def test_retry_waits_for_the_server(tmp_path):
    directory = tmp_path / "run"
    directory.mkdir()
    path = f"--db=unix:{directory}/db.sock"
    assert finish(
        subprocess.Popen([program("ours", "ovs-vsctl"), path, "list-br"], stderr=-1, stdout=-1, text=True)
    ) == (
        1,
        "",
        f"ovs-vsctl: unix:{directory}/db.sock: database connection failed (No such file or directory)\n",
    )
    waiting = subprocess.Popen(
        [program("ours", "ovs-vsctl"), path, "--retry", "--no-wait", "--", "add-br", "late", "--", "list-br"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with Daemons(directory, "peer"):
        assert finish(waiting) == (0, "late\n", "")


def test_the_switch_is_waited_for(tmp_path):
    """cur_cfg follows next_cfg; what could not be set up is told."""
    with Daemons(tmp_path, "peer", "peer") as daemons:
        done = daemons.run(
            "ours",
            "ovs-vsctl",
            *[
                "-t",
                "20",
                "add-br",
                "br0",
                "--",
                "set",
                "bridge",
                "br0",
                "datapath_type=dummy",
                "--",
                "add-port",
                "br0",
                "p1",
            ],
            *[
                "--",
                "set",
                "interface",
                "p1",
                "type=dummy",
                "--",
                "add-port",
                "br0",
                "p2",
                "--",
                "set",
                "interface",
                "p2",
                "type=patch",
            ],
        )
        assert done.stderr == (
            "ovs-vsctl: Error detected while setting up 'p2': p2: patch type requires valid 'peer' argument.  "
            "See ovs-vswitchd log for details.\n"
            f'ovs-vsctl: The default log directory is "{tmp_path}".\n'
        )
        done = daemons.run(
            "peer",
            "ovs-vsctl",
            "get",
            "interface",
            "p1",
            "ofport",
            "--",
            "get",
            "o",
            ".",
            "cur_cfg",
            "next_cfg",
        )
        ofport, current, wanted = done.stdout.split()
        assert int(ofport) > 0
        assert current == wanted


@pytest.mark.parametrize("scheme", ["tcp", "ptcp", "punix"])
def test_every_kind_of_connection(scheme, tmp_path):
    with Daemons(tmp_path, "peer") as daemons:
        log = daemons.log("ovsdb-server")
        [port] = [line.rsplit(" ", 1)[1] for line in log.splitlines() if "listening on port" in line]
        if scheme == "tcp":
            assert (
                daemons.run("ours", "ovs-vsctl", f"--db=tcp:127.0.0.1:{port}", "--no-wait", "list-br").stdout
                == ""
            )
            return
        passive = f"punix:{tmp_path}/passive" if scheme == "punix" else f"ptcp:{int(port) + 1}:127.0.0.1"
        active = passive[1:] if scheme == "punix" else f"tcp:127.0.0.1:{int(port) + 1}"
        waiting = start(daemons, f"--db={passive}", "--no-wait", "--", "add-br", "x", "--", "list-br")
        deadline = time.monotonic() + 30
        daemons.run("peer", "ovs-appctl", "-t", "ovsdb-server", "ovsdb-server/add-remote", active)
        while waiting.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert finish(waiting) == (0, "x\n", "")
