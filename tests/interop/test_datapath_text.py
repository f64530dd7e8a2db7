"""The peer reads and prints datapath flows and actions just as our vectors say."""

from pathlib import Path

import pytest

from tests.interop.daemons import Daemons
from tests.unit.dpif import vectors

pytestmark = pytest.mark.interop
DATAPATH = "dummy@ovs-dummy"


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    directory: Path = tmp_path_factory.mktemp("peer")
    with Daemons(directory, "peer", "peer") as daemons:
        ports = [
            word
            for name in ("foo", "p2")
            for word in ("--", "add-port", "br0", name, "--", "set", "interface", name, "type=dummy")
        ]
        daemons.run(
            "peer", "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", *ports
        )
        daemons.run("peer", "ovs-appctl", "revalidator/pause", check=False)
        yield daemons


def installed(peer: Daemons, key: str, actions: str, *options: str) -> str:
    """How the peer shows a megaflow; or what it answers when it refuses it."""
    for _ in range(50):  # its revalidators may remove the megaflow before we have seen it
        peer.run("peer", "ovs-appctl", "dpctl/del-flows", DATAPATH)
        done = peer.run("peer", "ovs-appctl", "dpctl/add-flow", DATAPATH, key, actions, check=False)
        if done.returncode:
            return done.stderr
        lines = peer.run("peer", "ovs-appctl", "dpctl/dump-flows", *options, DATAPATH).stdout.splitlines()[1:]
        if lines:
            return lines[0]
    raise AssertionError(f"the peer does not keep {key}")


@pytest.mark.parametrize(
    ("key", "expected"), vectors.flow_keys(), ids=[key for key, _ in vectors.flow_keys()]
)
def test_keys(peer: Daemons, key: str, expected: list[str]):
    shown = installed(peer, key, "drop")
    if len(expected) == 1:
        assert f"({expected[0]})" in shown
        return
    assert shown.split(", packets:")[0] == expected[0]
    verbose = installed(peer, key, "drop", "-m").split(", packets:")[0]
    assert verbose.partition(", ")[2] == expected[1]


@pytest.mark.parametrize("actions", vectors.actions())
def test_actions(peer: Daemons, actions: str):
    shown = installed(peer, "in_port(1),eth(),eth_type(0x1234)", actions)
    assert shown.partition("actions:")[2] == actions
