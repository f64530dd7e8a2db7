"""A learning switch on os-ken, a controller framework that other people wrote, teaches our switch."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons

pytestmark = pytest.mark.interop

MANAGER = Path(sys.executable).parent / "osken-manager"
APP = Path(__file__).with_name("osken_switch.py")
A, B = "50:54:00:00:00:0a", "50:54:00:00:00:0b"


def packet(in_port: int, source: str, target: str) -> str:
    return (
        f"in_port({in_port}),eth(src={source},dst={target}),eth_type(0x0800),"
        "ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)"
    )


def wait_for(daemons: Daemons, text: str, *words: str) -> None:
    """Until what a tool prints has `text` in it."""
    deadline = time.monotonic() + 20
    while text not in (said := daemons.run("peer", *words).stdout):
        assert time.monotonic() < deadline, said
        time.sleep(0.1)


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[int]:
    """The TCP port of a running os-ken controller."""
    assert MANAGER.exists(), "os-ken is not installed"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listen = ["--ofp-listen-host", "127.0.0.1", "--ofp-tcp-listen-port", str(port)]
    environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    with (tmp_path / "osken.log").open("w") as log:
        manager = subprocess.Popen(
            [MANAGER, *listen, str(APP)], env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=tmp_path
        )
        yield port
        manager.terminate()
        manager.wait(10)


def test_a_learning_switch_learns(tmp_path: Path, controller: int) -> None:
    with Daemons(tmp_path, "ours", "ours") as daemons:
        setup = (
            "add-br br0 -- set bridge br0 datapath_type=dummy protocols=OpenFlow13 fail_mode=secure "
            "-- add-port br0 p1 -- set interface p1 type=dummy ofport_request=1 "
            "-- add-port br0 p2 -- set interface p2 type=dummy ofport_request=2 "
            f"-- set-controller br0 tcp:127.0.0.1:{controller} -- set controller br0 max_backoff=1000"
        )
        daemons.run("peer", "ovs-vsctl", *setup.split())
        dump = ("ovs-ofctl", "-O", "OpenFlow13", "dump-flows", "br0")
        wait_for(daemons, "priority=0 actions=CONTROLLER:65535", *dump)
        wait_for(daemons, "true", "ovs-vsctl", "get", "controller", "br0", "is_connected")
        daemons.run("peer", "ovs-appctl", "netdev-dummy/receive", "p1", packet(1, A, B))
        wait_for(daemons, "tx pkts=1", "ovs-ofctl", "-O", "OpenFlow13", "dump-ports", "br0", "p2")
        daemons.run("peer", "ovs-appctl", "netdev-dummy/receive", "p2", packet(2, B, A))
        wait_for(daemons, f"in_port=2,dl_src={B},dl_dst={A} actions=output:1", *dump)
