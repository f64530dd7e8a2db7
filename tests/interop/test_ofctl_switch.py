"""The rest of ovs-ofctl at a switch of either make: comparing flows, tables, listening; ours and the peer's do the same."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons, Make, program

pytestmark = pytest.mark.interop

FILES = {
    "a": "in_port=1,actions=output:2\ntable=1,priority=5,tcp,tp_dst=80,cookie=0x5,idle_timeout=10,actions=drop\n"
    "table=1,priority=5,tcp,tp_dst=81,importance=4,hard_timeout=3,actions=drop\nudp,actions=NORMAL\n"
    "send_flow_rem,arp,actions=3\n",
    "b": "# c\nin_port=1,actions=output:1\ntable=1,priority=5,tcp,tp_dst=80,cookie=0x6,idle_timeout=10,actions=drop\n"
    "udp,actions=NORMAL\nicmp,actions=drop\n",
    "bad": "actions=drop\nin_port=1,actions=foo\n",
    "twice": "tcp,actions=drop\ntcp,actions=1\n",
    "empty": "",
    "loose": "tp_dst=80,actions=drop\n",
}  # fmt: skip
PAUSED = "in_port=1,actions=controller(pause),output:2"
PACKET = "ffffffffffff00000000000008060001"


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemons]:
    """A switch of the peer's."""
    with running(tmp_path_factory.mktemp("peers"), "peer") as daemons:
        yield daemons


@pytest.fixture(scope="module", params=["peer", "ours"])
def switch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemons]:
    """A switch of either make."""
    with running(tmp_path_factory.mktemp("ofctl"), request.param) as daemons:
        yield daemons


@contextlib.contextmanager
def running(directory: Path, make: Make) -> Iterator[Daemons]:
    with Daemons(directory, "peer", make) as daemons:
        versions = "protocols=OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15"
        ports = [word for n in "12" for word in ("--", "add-port", "br0", f"p{n}", "--", "set", "interface", f"p{n}",
                                                 "type=dummy", f"ofport_request={n}")]  # fmt: skip
        bridge = ["datapath_type=dummy", "fail_mode=secure", versions]
        daemons.run("peer", "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", *bridge, *ports)
        for name, text in FILES.items():
            (daemons.directory / name).write_text(text)
        yield daemons


def said(switch: Daemons, make: Make, *words: str) -> tuple[list[str], str, int]:
    """Lines of output, sorted: tables have no order; messages; status."""
    done = switch.run(make, "ovs-ofctl", *words, check=False)
    output = re.sub(r"time=[0-9.]+|in [0-9.]+ ms.*|xid=0x[0-9a-f]+", "", done.stdout)
    return sorted(output.splitlines()), re.sub(r"(?m)^[0-9T:.-]+Z\|[0-9]+", "", done.stderr), done.returncode


def both(switch: Daemons, *words: str) -> tuple[list[str], str, int]:
    theirs, ours = said(switch, "peer", *words), said(switch, "ours", *words)
    assert ours == theirs
    return ours


@pytest.mark.parametrize("options", [[], ["--names", "-O", "OpenFlow14"]], ids=" ".join)
@pytest.mark.parametrize(
    "sources",
    ["./a ./b", "a a", "a bad", "a ./nofile", "a .", "br0 a", "a br0", "br0 br0", "nobr a", "br0", "- a", "twice empty",
     "loose empty", "empty empty"],
)  # fmt: skip
def test_flows_are_compared(peers, options, sources):
    peers.run("peer", "ovs-ofctl", "-O", "OpenFlow14", "replace-flows", "br0", "b")
    both(peers, *options, "diff-flows", *sources.split())


@pytest.mark.parametrize(
    ("version", "options"), [("OpenFlow13", []), ("OpenFlow14", ["--bundle"]), ("OpenFlow15", ["--readd"])]
)
def test_flows_are_replaced(switch, version, options):
    dumps = {}
    for make in ("peer", "ours"):
        switch.run("peer", "ovs-ofctl", "del-flows", "br0")
        dumps[make] = []
        for file in ("a", "b", "empty", "bad", "nofile"):
            dumps[make].append(said(switch, make, "-O", version, *options, "replace-flows", "br0", file))
            dumps[make].append(said(switch, "peer", "-O", version, "--no-stats", "dump-flows", "br0")[0])
    assert dumps["ours"] == dumps["peer"]


@pytest.mark.parametrize("words", ["add-flow br0 drop", "del-flows br0", "mod-port br0 p1 up", "bundle br0 a", "show nobr",
                                   "replace-flows br0 a", "add-meter br0 x", "add-flow br0", "get-frags br0"])  # fmt: skip
def test_read_only(peers, words):
    both(peers, "--read-only", *words.split())


@pytest.mark.parametrize("words", ["br0 10 10", "br0 70000 10", "br0 10 0", "br0 a b", "br0 1", "nobr 1 1"])
def test_echos_are_measured(peers, words):
    both(peers, "benchmark", *words.split())


@pytest.mark.parametrize("version", ["OpenFlow10", "OpenFlow13", "OpenFlow15"])
def test_features_of_tables(switch, version):
    """The peer's program passes over the types of registers that it does not have."""
    words = "-O", version, "dump-table-features", "br0"
    lines, *rest = said(switch, "ours", *words)
    known = [
        re.sub(r"\b(xreg0\.\.\.xreg)15 (xxreg0\.\.\.xxreg)7\b", r"\g<1>7 \g<2>3", line) for line in lines
    ]
    assert (known, *rest) == said(switch, "peer", *words)


ARGUMENTS = (
    *(f"-O OpenFlow14 mod-table br0 0 vacancy{text}" for text in ("", ":", ":20", ":,20", ":x,20", ":20,101", ":200,300", ":1,2,3")),
    *(f"{command} br0" for command in ("add-group", "mod-group", "insert-buckets", "remove-buckets", "add-groups", "add-meter")),
    *(f"queue-stats br0 1 {queue}" for queue in ("x", "5x", "0x5", "4294967296", "99999999999", "any", "all")),
    *(f"-O {version} queue-get-config br0 {words}" for version in ("OpenFlow10", "OpenFlow12", "OpenFlow14")
      for words in ("", "all", "any", "1", "1 x", "in_port")),
    *(f"ct-flush br0 {words}" for words in ("ct_nw_src=1.1.1.1 ct_nw_dst=1.1.1.1 ct_nw_src=x", "zone=1 a b c", "x y z", "5")),
    *(f"add-tlv-map br0 {words}" for words in ("a b", "{class=0xffff,type=1,len=3}->tun_metadata1")),
    *(f"-F OpenFlow10 {command} br0 {query}" for command in ("dump-flows", "dump-aggregate", "del-flows")
      for query in ("reg0=1,table=5", "cookie=1/1,table=3", "out_group=5,table=3", "table=255,reg0=1")),
    "-O OpenFlow13 insert-buckets br0 group_id=5,command_bucket_id=first,bucket=output:1",
    "set-frags br0 reassemble", "ping br0 70000", "ping br0 5x", "benchmark br0 x y",
)  # fmt: skip


@pytest.mark.parametrize("words", ARGUMENTS)
def test_odd_arguments(peers, words):
    both(peers, *words.split())


@contextlib.contextmanager
def listening(switch: Daemons, make: Make, *words: str) -> Iterator[Callable[..., tuple[str, int]]]:
    """A monitor in the background; gives what ovs-appctl says to it."""

    def tell(*command: str) -> tuple[str, int]:
        done = switch.run("peer", "ovs-appctl", "-t", "ovs-ofctl", *command, check=False)
        return done.stdout + done.stderr, done.returncode

    output = (switch.directory / "monitor").open("w")
    command = [program(make, "ovs-ofctl"), *words, "--detach", "--no-chdir", "--pidfile"]
    with output:
        environment, where = switch.environment, switch.directory
        subprocess.run(
            command, env=environment, cwd=where, stderr=output, stdout=output, timeout=30, check=True
        )
    try:
        yield tell
    finally:
        tell("exit")


def heard(switch: Daemons, n_lines: int) -> list[str]:
    """What a monitor has printed, when it is so many lines, without transaction ids."""
    deadline = time.monotonic() + 5
    while True:
        text = re.sub(r"xid=0x[0-9a-f]+", "", (switch.directory / "monitor").read_text())
        if len(text.splitlines()) >= n_lines or time.monotonic() > deadline:
            return text.splitlines()
        time.sleep(0.02)


def conversation(switch: Daemons, make: Make, version: str) -> list[object]:
    switch.run("peer", "ovs-ofctl", "-O", "OpenFlow14", "replace-flows", "br0", "empty")
    (switch.directory / "monitor").unlink(missing_ok=True)
    with listening(switch, make, "-O", version, "monitor", "br0", "65534", "watch:") as tell:
        seen: list[object] = [
            tell("ofctl/send", "0102000c00000002aabbccdd", "zz", "01", "0102000c00000002aabbccddee"),
            tell("ofctl/barrier"),
            tell("ofctl/packet-out", f"in_port=controller packet={PACKET} actions=controller"),
            tell("ofctl/packet-out", "foo"),
            tell("ofctl/barrier"),
            tell("ofctl/block"),
            tell("ofctl/block"),
            tell("ofctl/unblock"),
            tell("ofctl/unblock"),
            tell("ofctl/set-output-file", "/nonexistent/x"),
        ]
        for flow in ("in_port=1,actions=drop", "tcp,actions=output:1"):
            switch.run("peer", "ovs-ofctl", "-O", version, "add-flow", "br0", flow)
        switch.run("peer", "ovs-ofctl", "-O", version, "del-flows", "br0", "tcp")
        seen += [tell("ofctl/barrier"), sorted(heard(switch, 14))]
        return seen


@pytest.mark.parametrize("version", ["OpenFlow10", "OpenFlow13", "OpenFlow14"])
def test_monitor_as_a_daemon(switch, version):
    assert conversation(switch, "ours", version) == conversation(switch, "peer", version)


@pytest.mark.parametrize("version", ["OpenFlow10", "OpenFlow13"])
def test_paused_packets_go_on(switch, version):
    """`resume` answers a packet that pauses; then the switch goes on with its actions."""
    seen = {}
    for make in ("ours", "peer"):
        switch.run("peer", "ovs-ofctl", "del-flows", "br0")
        switch.run("peer", "ovs-ofctl", "add-flow", "br0", PAUSED)
        (switch.directory / "monitor").unlink(missing_ok=True)
        with listening(switch, make, "-O", version, "monitor", "br0", "resume"):
            switch.run("peer", "ovs-appctl", "netdev-dummy/receive", "p1", PACKET)
            seen[make] = heard(switch, 6)
    assert seen["ours"] == seen["peer"]
    assert any(line.startswith("send: NXT_RESUME") for line in seen["ours"])


@pytest.mark.parametrize(
    "words",
    [
        "br0 foo",
        "br0 watch:foo",
        "br0 watch:table=x",
        "br0 watch:foo=1",
        "nobr",
        "-P foo br0",
        "-O OpenFlow13 br0 invalid_ttl",
    ],
)
def test_what_cannot_be_watched(peers, words):
    both(peers, "monitor", *words.split())


COLORED = """\
in_port=1,actions=output:2
udp,actions=NORMAL
table=1,priority=5,tcp,tp_dst=80,cookie=0x5,idle_timeout=10,send_flow_rem,actions=drop
dl_vlan=5,reg0=5,ip,nw_src=1.2.3.0/24,actions=strip_vlan,mod_dl_src:aa:bb:cc:dd:ee:ff,resubmit(,2),resubmit:3
arp,arp_spa=1.2.3.4,actions=learn(table=1,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])
ipv6,ipv6_src=aa::1,actions=move:NXM_NX_REG0[]->NXM_NX_REG1[],controller,dec_ttl,load:5->NXM_NX_REG0[]
tcp6,actions=ct(commit,zone=1),exit
ipv6,actions=ct(commit,nat(dst=[fe80::1]:80,persistent)),output(port=2,max_len=100)
in_port=LOCAL,actions=multipath(eth_src,50,modulo_n,1,0,NXM_NX_REG0[]),FLOOD,set_queue:4,pop_queue
"""


def test_colors(peers):
    (peers.directory / "colored").write_text(COLORED)
    peers.run("peer", "ovs-ofctl", "del-flows", "br0")
    peers.run("peer", "ovs-ofctl", "add-flows", "br0", "colored")
    for when in ("--color", "--color=always", "--color=never", "--color=auto", "--color=foo"):
        both(peers, when, "--no-stats", "dump-flows", "br0")
