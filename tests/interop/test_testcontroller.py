"""ovs-testcontroller, ours and the peer's, for switches of both makes: the same flows for the same packets."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.interop.daemons import Daemons, Make, program
from vswitch.flow.compose import compose
from vswitch.openflow.exacttext import parse_exact_flow

pytestmark = pytest.mark.interop

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
PACKETS = [
    ("p1", f"dl_src={A},dl_dst={B},icmp,nw_src=10.0.0.1,nw_dst=10.0.0.2,icmp_type=8"),
    ("p2", f"dl_src={B},dl_dst={A},icmp,nw_src=10.0.0.2,nw_dst=10.0.0.1,icmp_type=0"),
    ("p1", f"dl_src={A},dl_dst={B},tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=5,tp_dst=80,nw_tos=4"),
    ("p2", f"dl_src={B},dl_dst={A},dl_vlan=5,dl_vlan_pcp=3,udp,nw_src=10.0.0.2,nw_dst=10.0.0.1,udp_src=53"),
    ("p1", f"dl_src={A},dl_dst={B},udp6,ipv6_src=::1,ipv6_dst=::2,udp_dst=53"),
    ("p1", f"dl_src={A},dl_dst=01:80:c2:00:00:0e,dl_type=0x88cc"),
    ("p1", f"dl_src={A},dl_dst={A},dl_type=0x1234"),
]


@pytest.fixture(scope="module", params=["ours", "peer"])
def switch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemons]:
    with Daemons(tmp_path_factory.mktemp("controller"), "peer", request.param) as daemons:
        ports = [word for n in "12" for word in ("--", "add-port", "br0", f"p{n}", "--", "set", "interface", f"p{n}",
                                                 "type=dummy", f"ofport_request={n}")]  # fmt: skip
        bridge = ["datapath_type=dummy", "fail_mode=secure", "other_config:hwaddr=02:00:00:00:00:01"]
        versions = "protocols=OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15"
        daemons.run(
            "peer", "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", *bridge, versions, *ports
        )
        (daemons.directory / "flows.txt").write_text("table=1,in_port=1,actions=drop\nudp,actions=NORMAL\n")
        yield daemons


@contextmanager
def controller(switch: Daemons, make: Make, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A controller that the switch has connected to."""
    path = switch.directory / f"controller.{make}"
    words = [program(make, "ovs-testcontroller"), f"punix:{path}", "--unixctl=none", *options]
    with subprocess.Popen(words, env=switch.environment, stderr=subprocess.DEVNULL) as process:
        try:
            until(path.exists)
            switch.run("peer", "ovs-vsctl", "set-controller", "br0", f"unix:{path}")
            until(lambda: "true" in switch.run("peer", "ovs-vsctl", "get", "controller", "br0", "is_connected",
                                               check=False).stdout)  # fmt: skip
            yield process
        finally:
            switch.run("peer", "ovs-vsctl", "del-controller", "br0")
            process.terminate()


def until(condition) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def flows(switch: Daemons) -> list[str]:
    dump = switch.run("peer", "ovs-ofctl", "-O", "OpenFlow13", "--no-stats", "dump-flows", "br0").stdout
    return sorted(re.sub(r"reset_counts ", "", dump).splitlines()[1:])


def settled(switch: Daemons, expected: list[str] | None, patience: float) -> list[str]:
    """The flows, when they are what is expected, or when no more come for `patience` seconds."""
    before, since = flows(switch), time.monotonic()
    while before != expected and time.monotonic() - since < patience:
        now = flows(switch)
        if now != before:
            before, since = now, time.monotonic()
    return before


def play(
    switch: Daemons, make: Make, *options: str, patience: float, expected: list[list[str]] | None = None
) -> list[list[str]]:
    """The flows after each packet."""
    switch.run("peer", "ovs-ofctl", "del-flows", "br0")
    with controller(switch, make, *options):
        seen = [settled(switch, expected[0] if expected else None, patience)]
        for i, (port, text) in enumerate(PACKETS, 1):
            packet = compose(parse_exact_flow(text), b"x" * 30)
            switch.run("peer", "ovs-appctl", "netdev-dummy/receive", port, packet.hex())
            seen.append(settled(switch, expected[i] if expected else None, patience))
        return seen


OPTIONS = [
    [], ["-w"], ["--hub", "--max-idle=5"], ["-n"], ["-q", "3", "-O", "OpenFlow10"], ["--with-flows=flows.txt"],
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: " ".join(options) or "plain")
def test_the_same_flows(switch, options):
    if options[-1:] == ["--with-flows=flows.txt"]:
        options = [f"--with-flows={switch.directory / 'flows.txt'}"]
    expected = play(switch, "peer", *options, patience=0.1)
    if (
        play(switch, "ours", *options, patience=1.0, expected=expected) != expected
    ):  # the peer may have been slow
        expected = play(switch, "peer", *options, patience=1.0)
        assert play(switch, "ours", *options, patience=1.0, expected=expected) == expected
