"""OpenFlow over TLS, with keys that ovs-pki has made: tools and controllers of one make, switches of the other."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons, Make, program

pytestmark = pytest.mark.interop
MAKES: list[Make] = ["ours", "peer"]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """switch and controller have certificates of one authority, which both trust; stranger is of another."""
    where = tmp_path_factory.mktemp("keys")
    pki = [program("ours", "ovs-pki"), "--log=log"]
    for name, directory in (("host", "pki"), ("stranger", "other")):
        for words in (["init"], ["req+sign", name]):
            subprocess.run([*pki, f"--dir={directory}", *words], cwd=where, capture_output=True, check=True)
    return where


def options(keys: Path, name: str = "host", directory: str = "pki") -> list[str]:
    authority = keys / directory / "switchca" / "cacert.pem"
    return ["-p", f"{keys / name}-privkey.pem", "-c", f"{keys / name}-cert.pem", "-C", str(authority)]


@pytest.fixture(scope="module", params=MAKES)
def switch(
    request: pytest.FixtureRequest, keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Daemons, str]]:
    """A switch that listens with TLS, and where."""
    files = [word for word in options(keys) if word.startswith("/")]
    with Daemons(tmp_path_factory.mktemp("tls"), "peer", request.param) as daemons:
        daemons.run("peer", "ovs-vsctl", "--", "set-ssl", *files)
        daemons.run(
            "peer",
            "ovs-vsctl",
            "add-br",
            "br0",
            "--",
            "set",
            "bridge",
            "br0",
            "datapath_type=dummy",
            "fail_mode=secure",
        )
        daemons.run("peer", "ovs-vsctl", "set-controller", "br0", "pssl:0:127.0.0.1")
        deadline = time.monotonic() + 30
        while "listening on port" not in daemons.log("ovs-vswitchd"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        port = daemons.log("ovs-vswitchd").rpartition("listening on port ")[2].split()[0]
        yield daemons, f"ssl:127.0.0.1:{port}"


@pytest.mark.parametrize("make", MAKES)
def test_tools(switch, keys, make):
    daemons, target = switch
    say = daemons.run(
        make, "ovs-ofctl", *options(keys), "add-flow", target, "in_port=1,actions=drop", check=False
    )
    assert (say.returncode, say.stderr) == (0, "")
    dump = daemons.run(make, "ovs-ofctl", *options(keys), "--no-stats", "dump-flows", target)
    assert dump.stdout.splitlines()[-1] == " in_port=1 actions=drop"
    for extra in (["--ssl-protocols=TLSv1.2"], ["--ssl-ciphers=HIGH:!MD5"]):
        assert daemons.run(make, "ovs-ofctl", *options(keys), *extra, "probe", target).returncode == 0


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("trusted", [("stranger", "pki"), ("host", "other")], ids="-".join)
def test_strangers_are_not_talked_to(switch, keys, make, trusted):
    """A key of another authority, or a switch that is not of ours."""
    daemons, target = switch
    done = daemons.run(make, "ovs-ofctl", "-t", "5", *options(keys, *trusted), "probe", target, check=False)
    assert done.returncode != 0


@pytest.mark.parametrize("make", MAKES)
def test_no_keys(switch, make):
    daemons, target = switch
    done = daemons.run(make, "ovs-ofctl", "-t", "5", "probe", target, check=False)
    assert done.returncode == 1


@pytest.mark.parametrize("make", MAKES)
def test_a_controller(keys, make, tmp_path):
    """The peer's switch and our controller, and the reverse."""
    other: Make = "peer" if make == "ours" else "ours"
    files = [word for word in options(keys) if word.startswith("/")]
    with Daemons(tmp_path, "peer", other) as daemons:
        daemons.run("peer", "ovs-vsctl", "--", "set-ssl", *files)
        daemons.run("peer", "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy")
        words = [
            program(make, "ovs-testcontroller"),
            *options(keys),
            "pssl:0:127.0.0.1",
            "--unixctl=none",
            f"--log-file={tmp_path / 'log'}",
        ]
        with subprocess.Popen(words, env=daemons.environment, stderr=subprocess.DEVNULL) as controller:
            try:
                port = wait_for(
                    lambda: re.findall(r"listening on port (\d+)\s", (tmp_path / "log").read_text())
                )
                daemons.run("peer", "ovs-vsctl", "set-controller", "br0", f"ssl:127.0.0.1:{port[0]}")
                connected = ["get", "controller", "br0", "is_connected"]
                wait_for(lambda: "true" in daemons.run("peer", "ovs-vsctl", *connected).stdout)
            finally:
                controller.terminate()


def wait_for(what):
    deadline = time.monotonic() + 30
    while True:
        try:
            if answer := what():
                return answer
        except OSError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.02)
