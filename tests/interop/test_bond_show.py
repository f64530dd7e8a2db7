"""bond/show and bond/list beside the peer's, while links come and go and the configuration changes; time stands still.

What a program of the host reads of it (xcp-networkd: a line for each member, and the active one) is in there.
"""

from __future__ import annotations

import contextlib
import re
import time

import pytest

from tests.interop.daemons import Daemons, Make

pytestmark = pytest.mark.interop

BOND = (
    "--no-wait add-bond br0 bond0 eth0 eth1 -- set interface eth0 type=dummy -- set interface eth1 type=dummy"
    " -- set port bond0 "
)
NETWORKD = (
    "lacp=off bond_mode=balance-slb bond_updelay=31000 bond_downdelay=200 other-config:bond-miimon-interval=100"
    " other-config:bond-detect-mode=carrier other-config:bond-rebalance-interval=1800000"
)
SETTINGS = [
    "bond_mode=active-backup bond_updelay=2000 bond_downdelay=1000 other_config:bond-primary=eth0",
    NETWORKD,
    "bond_mode=balance-tcp other_config:lb-output-action=true other_config:bond-hash-basis=7",
    "bond_mode=balance-slb other_config:bond-rebalance-interval=0 other_config:all-members-active=true",
    "bond_mode=balance-slb other_config:bond-rebalance-interval=5 other_config:bond-primary=eth9",
    "bond_mode=active-backup other_config:bond-primary=eth9",
]
EVENTS = [
    "", "eth0 down", "500", "600", "eth0 up", "1000", "1100", "eth0 down", "eth1 down", "500", "600", "eth1 up", "100",
    "2000", "eth0 up", "500", "eth0 down", "500", "2000", "eth0 up", "3000",
]  # fmt: skip


class Switch:
    """One make's switch, with a bond, whose time is the test's."""

    def __init__(self, daemons: Daemons) -> None:
        self._daemons = daemons
        self.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy")
        self.appctl("time/stop")

    def vsctl(self, line: str) -> None:
        self._daemons.run("peer", "ovs-vsctl", *line.split())

    def appctl(self, *words: str) -> str:
        done = self._daemons.run("peer", "ovs-appctl", "-t", "ovs-vswitchd", *words, check=False)
        return done.stdout + done.stderr

    def bond(self, settings: str) -> None:
        """A new bond; the switch knows of it afterwards."""
        self.vsctl("--no-wait --if-exists del-port bond0")
        self._wait(lambda text: "no such bond" in text)
        self.vsctl(BOND + settings)
        self._wait(lambda text: "member eth0" in text and "member eth1" in text)

    def _wait(self, holds) -> None:
        deadline = time.monotonic() + 10
        while not holds(self.appctl("bond/show", "bond0")):
            assert time.monotonic() < deadline
            self.appctl("time/warp", "1")
            time.sleep(0.02)

    def tells_the_active_member(self) -> bool:
        """Whether the database has come to say what bond/show says."""
        [mac] = re.findall(r"active member mac: ([0-9a-f:]{17})", self.appctl("bond/show", "bond0"))
        words = ("--timeout=5", "wait-until", "port", "bond0", f'bond_active_slave="{mac}"')
        return not self._daemons.run("peer", "ovs-vsctl", *words, check=False).returncode

    def event(self, event: str) -> None:
        if event.isdecimal():
            self.appctl("time/warp", event)
        elif event:
            self.appctl("netdev-dummy/set-admin-state", *event.split())
            self.appctl("time/warp", "1")


@pytest.fixture(scope="module")
def switches(tmp_path_factory):
    makes: tuple[Make, ...] = ("peer", "ours")
    with contextlib.ExitStack() as stack:
        yield [
            Switch(stack.enter_context(Daemons(tmp_path_factory.mktemp(make), make, make, "--enable-dummy")))
            for make in makes
        ]


def comparable(text: str, *, has_primary: bool = True) -> str:
    """Without addresses, which each make gives its dummies; and, unless something decides, without who is active."""
    text = re.sub(r"active member mac: (?!00:00:00:00:00:00)[0-9a-f:]{17}", "active member mac: MAC", text)
    text = re.sub(r"(next rebalance): \d+ ms", r"\1: TIME", text)
    text = re.sub(r"(Recirc-ID :|bond-id:) \d+", r"\1 N", text)  # the peer counts on, whoever goes
    if not has_primary:
        text = re.sub(r"MAC\(eth\d\)", "MAC", text).replace("  active member\n", "")
    return text


def test_links_come_and_go(switches):
    for switch in switches:
        switch.bond(SETTINGS[0])
    for event in EVENTS:
        for switch in switches:
            switch.event(event)
        theirs, mine = (comparable(switch.appctl("bond/show")) for switch in switches)
        # What it took to set the bond up differs by milliseconds, so that what is left of a delay may, too.
        assert re.sub(r"\d+ ms", "N ms", mine) == re.sub(r"\d+ ms", "N ms", theirs), event
        left = [re.findall(r"expires in (\d+) ms", text) for text in (mine, theirs)]
        assert all(abs(int(one) - int(other)) <= 5 for one, other in zip(*left, strict=True)), event
        assert switches[1].tells_the_active_member(), event


@pytest.mark.parametrize("settings", SETTINGS)
def test_settings(switches, settings):
    for switch in switches:
        switch.bond(settings)
    theirs, mine = (comparable(switch.appctl("bond/show", "bond0"), has_primary=False) for switch in switches)
    assert mine == theirs
    lists = [switch.appctl("bond/list").splitlines() for switch in switches]
    assert lists[0][0] == lists[1][0]
    name, mode, number, members = lists[0][1].split("\t")
    ours = lists[1][1].split("\t")
    assert [ours[0], ours[1], ours[3]] == [name, mode, ", ".join(sorted(members.split(", ")))]
    assert (ours[2] == "0") == (number == "0")


def test_packets_go_through_the_active_member(switches):
    """Out by it, in by no other; the peer in the mode that does the same."""
    for switch in switches:
        switch.bond(SETTINGS[0])
    flows = [
        f"in_port={port},dl_src=02:00:00:00:01:0{number},dl_dst=ff:ff:ff:ff:ff:ff,dl_type=0x1234"
        for number, port in enumerate(("LOCAL", "eth0", "eth1"))
    ]
    seen = set()
    for event in EVENTS:
        for switch in switches:
            switch.event(event)
        for flow in flows:
            theirs, mine = (actions(switch, flow) for switch in switches)
            assert mine == theirs, (event, flow)
            seen.add(mine)
    assert seen >= {"eth0", "eth1", "br0", "drop"}


def actions(switch: Switch, flow: str) -> str:
    """What the datapath does with a packet, with ports by their names."""
    shown = switch.appctl("dpif/show")
    names = {odp: name for name, odp in re.findall(r"^ +(\S+) \d+/(\d+):", shown, re.MULTILINE)}
    last = switch.appctl("ofproto/trace", "br0", flow).splitlines()[-1].removeprefix("Datapath actions: ")
    return ",".join(sorted(names.get(word, word) for word in last.split(",")))


def test_no_such_bond(switches):
    theirs, mine = (switch.appctl("bond/show", "nope") for switch in switches)
    assert mine == theirs


def test_what_networkd_reads(switches):
    """It looks for `member NAME: enabled|disabled` and `active member mac: MAC(NAME)`."""
    for switch in switches:
        switch.bond(NETWORKD)
        switch.event("eth1 down")
        switch.event("300")
        text = switch.appctl("bond/show", "bond0")
        assert re.findall(r"^member (\S+): (enabled|disabled)$", text, re.MULTILINE) == [
            ("eth0", "enabled"),
            ("eth1", "disabled"),
        ]
        assert re.search(r"^active member mac: [0-9a-f:]{17}\(eth0\)$", text, re.MULTILINE)
        switch.event("eth1 up")
