"""Bash completion: what it offers, with a switch and without."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent


def complete(line: str, rundir: Path) -> set[str]:
    """What bash offers for the last word of `line`, which may be empty; `=` and `:` are words of their own."""
    words = shlex.split(line.replace("=", " = "))
    if line.endswith(" "):
        words.append("")
    function = "_vswitch_" + words[0].replace("-", "_")
    script = "\n".join(
        [
            f". {shlex.quote(str(ROOT / 'completions' / words[0]))}",
            f"COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}",
            f"{function}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        ]
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=os.environ | {"PATH": f"{PROGRAMS}:{os.environ['PATH']}", "OVS_RUNDIR": str(rundir)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def rundir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("completion")
    words = [PROGRAMS / "vswitch", "up", "--dir", directory, "--enable-dummy", "--disable-system"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        deadline = time.monotonic() + 20
        while not process.stdout.readline().startswith("Up."):
            assert process.poll() is None
            assert time.monotonic() < deadline
        line = "add-br br0 -- set bridge br0 datapath_type=dummy -- add-port br0 p1 -- set interface p1 type=dummy"
        subprocess.run(
            [PROGRAMS / "ovs-vsctl", "--timeout=20", *line.split()],
            env=os.environ | {"OVS_RUNDIR": str(directory)},
            check=True,
        )
        yield directory
        process.terminate()
        process.communicate()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("ovs-vsctl add-p", {"add-port"}),
        ("ovs-vsctl --if-exists del-b", {"del-br", "del-bond-iface"}),
        ("ovs-vsctl del-br ", {"br0"}),
        ("ovs-vsctl list-br -- list-ports ", {"br0"}),
        ("ovs-vsctl del-port br0 ", {"p1"}),
        ("ovs-vsctl iface-to-br p", {"p1"}),
        ("ovs-vsctl list Br", {"Bridge"}),
        ("ovs-vsctl get Interface ", {"br0", "p1"}),
        ("ovs-vsctl get Interface p1 ofp", {"ofport", "ofport_request"}),
        ("ovs-vsctl add-port br0 l", {"lo"}),
        ("ovs-vsctl add-port br0 p2 vlan_", {"vlan_mode"}),
        ("ovs-vsctl set-fail-mode br0 ", {"standalone", "secure"}),
        ("ovs-vsctl --no-w", {"--no-wait"}),
        ("ovs-ofctl dump-ports-", {"dump-ports-desc"}),
        ("ovs-ofctl -O OpenFlow13 dump-flows ", {"br0"}),
        ("ovs-ofctl dump-ports br0 ", {"p1"}),
        ("ovs-appctl ofproto/", {"ofproto/list", "ofproto/trace", "ofproto/trace-packet-out"}),
        ("ovs-appctl fdb/show ", {"br0"}),
        ("ovs-appctl -t ", {"ovs-vswitchd", "ovsdb-server"}),
        (
            "ovs-appctl -t ovsdb-server ovsdb-server/list-",
            {"ovsdb-server/list-dbs", "ovsdb-server/list-remotes"},
        ),
        ("ovs-dpctl dump-", {"dump-dps", "dump-flows"}),
        ("ovsdb-client list-", {"list-dbs", "list-tables", "list-columns"}),
        ("ovsdb-client dump Open", {"Open_vSwitch"}),
        ("ovsdb-tool db-is-", {"db-is-standalone", "db-is-clustered"}),
        ("vswitch ", {"up", "demo", "db"}),
        ("vswitch db ", {"log", "show", "diff", "at", "revert", "classes"}),
        ("vswitch db log --gr", {"--grep"}),
        ("vswitch up --di", {"--dir", "--disable-system"}),
    ],
)
def test_with_a_switch(line: str, offered: set[str], rundir: Path) -> None:
    assert complete(line, rundir) == offered


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("ovs-vsctl del-br ", set()),
        ("ovs-vsctl add-p", {"add-port"}),
        ("ovs-vsctl list ", set()),
        ("ovs-ofctl dump-flows ", set()),
        ("ovs-appctl ", set()),
        ("ovs-appctl -t ", set()),
        ("vtep-ctl add-p", {"add-ps", "add-port"}),
        ("ovs-ctl rest", {"restart"}),
        ("ovs-ctl --db-s", {"--db-sock", "--db-schema"}),
        ("vtep-ctl --onel", {"--oneline"}),
        ("vtep-ctl del-ps ", set()),
        ("vtep-ctl set-replication-mode ls ", {"service_node", "source_node"}),
    ],
)
def test_without_a_switch(line: str, offered: set[str], tmp_path: Path) -> None:
    assert complete(line, tmp_path) == offered
