"""`vswitch up`: a switch with no set-up."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from vswitch.ovsdb.schemafiles import schema_path

PROGRAMS = Path(sys.executable).parent
SCHEMAS = Path(schema_path("vswitch")).parent


def test_up_serves_and_comes_down(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    environment = os.environ | {"OVS_RUNDIR": str(directory)}

    def run(*words: str) -> str:
        done = subprocess.run(
            [PROGRAMS / words[0], *words[1:]],
            env=environment,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    for _ in range(2):  # the second time, from the database of the first
        words = [PROGRAMS / "vswitch", "up", "--dir", directory, "--enable-dummy", "--disable-system"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            deadline = time.monotonic() + 20
            while not (directory / "ovs-vswitchd.pid").exists() or not (directory / "db.sock").exists():
                assert time.monotonic() < deadline
                assert process.poll() is None, process.communicate()
                time.sleep(0.05)
            run(
                "ovs-vsctl",
                "--may-exist",
                "add-br",
                "br0",
                "--",
                "set",
                "bridge",
                "br0",
                "datapath_type=dummy",
            )
            assert run("ovs-appctl", "ofproto/list") == "br0\n"
            assert run("ovs-appctl", "-t", "ovsdb-server", "version").startswith(
                "ovsdb-server (Open vSwitch)"
            )
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")
        assert output.splitlines()[0].startswith("vswitch (Open vSwitch) ")
        assert output.splitlines()[-1] == "down"
        assert [path.name for path in directory.iterdir() if not path.name.startswith(".")] == ["conf.db"]


def test_what_vswitch_does_not_know() -> None:
    for words, complaint in (
        ([], "missing command name; use --help for help"),
        (["nope"], "unknown command 'nope'; use --help for help"),
        (["up", "x"], "up takes no arguments, but there is 'x'"),
        (["demo", "x"], "demo takes no arguments, but there is 'x'"),
    ):
        done = subprocess.run([PROGRAMS / "vswitch", *words], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (1, f"vswitch: {complaint}\n")


def refusal(directory: Path) -> str:
    """Why `vswitch up` does not start there."""
    words = [PROGRAMS / "vswitch", "up", f"--dir={directory}", "--disable-system"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_what_is_in_the_way_is_named_and_the_way_out(tmp_path: Path) -> None:
    journal = tmp_path / "conf.db"
    journal.write_text("shopping list")
    assert refusal(tmp_path).startswith(
        f"vswitch: ovsdb error: {journal}: unexpected file format: move it away"
    )
    journal.write_text("")
    assert refusal(tmp_path).startswith(f"vswitch: {journal}: this is no database, not Open_vSwitch: move it")
    journal.unlink()
    subprocess.run([PROGRAMS / "ovsdb-tool", "create", journal, str(SCHEMAS / "vtep.ovsschema")], check=True)
    assert "this is the database hardware_vtep, not Open_vSwitch" in refusal(tmp_path)
    assert refusal(journal) == f"vswitch: {journal}: cannot be made (File exists); --dir=DIR takes another\n"


def test_a_database_that_is_served_already(tmp_path: Path) -> None:
    journal = tmp_path / "conf.db"
    subprocess.run(
        [PROGRAMS / "ovsdb-tool", "create", journal, str(SCHEMAS / "vswitch.ovsschema")], check=True
    )
    server = [PROGRAMS / "ovsdb-server", f"--remote=punix:{tmp_path}/db", "--unixctl=none", journal]
    with subprocess.Popen(server, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 20
        while not (tmp_path / "db").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert refusal(tmp_path) == (
            f"ovs-vswitchd: I/O error: {journal}: failed to lock lockfile (Resource temporarily unavailable): "
            "is another server at work there?  --dir=DIR takes another directory\n"
        )
        process.terminate()
