"""The peer's daemons run under the fixture that the interop tests use."""

from pathlib import Path

import pytest

from tests.interop.daemons import Daemons

pytestmark = pytest.mark.interop


def test_the_peer_switches(tmp_path: Path) -> None:
    with Daemons(tmp_path, "peer", "peer") as daemons:
        daemons.run("peer", "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy")
        assert daemons.run("peer", "ovs-vsctl", "list-br").stdout == "br0\n"
