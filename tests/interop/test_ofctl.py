"""Our ovs-ofctl and the peer's, one after the other at the peer's switch: the same output, messages and exit status."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.interop.daemons import Daemons, Make, program

pytestmark = pytest.mark.interop

FLOWS = """\
# a comment
table=0,priority=100,in_port=1,tcp,tp_dst=80,actions=output:2
priority=5,arp actions=NORMAL  # at the end
table=1,cookie=0x5,ip,nw_src=10.0.0.0/8,actions=mod_nw_dst:1.2.3.4,resubmit(,2)
table=2,reg0=5/7,metadata=3,actions=set_field:5->reg1,resubmit(,3)
dl_vlan=5,actions=strip_vlan,mod_vlan_vid:6,IN_PORT
ipv6,ipv6_src=::1/64,actions=drop
idle_timeout=10,hard_timeout=20,udp,actions=controller(max_len=128,reason=action),flood
in_port=LOCAL,actions=all
"""
PACKET = "ffffffffffff0200000000010800" + "45000014000000000000baeb0000000000000000"
VERSIONS = ["OpenFlow10", "OpenFlow11", "OpenFlow12", "OpenFlow13", "OpenFlow14", "OpenFlow15"]


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemons]:
    with Daemons(tmp_path_factory.mktemp("ofctl"), "peer", "peer") as daemons:
        add = ["--", "add-port", "br0"]
        bridge = ["datapath_type=dummy", "fail_mode=secure", "datapath_id=0000000000000001"]
        ports = [
            word
            for n in ("1", "2")
            for word in (*add, f"p{n}", "--", "set", "interface", f"p{n}", "type=dummy")
        ]
        daemons.run("peer", "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", *bridge, *ports)
        (daemons.directory / "flows.txt").write_text(FLOWS)
        (daemons.directory / "broken.txt").write_text("actions=drop\nin_port=1\n")
        yield daemons


def said(switch: Daemons, make: Make, *words: str) -> tuple[str, str, int]:
    """Output, messages and status of one ovs-ofctl, without what time changes."""
    done = switch.run(make, "ovs-ofctl", *words, check=False)
    output = re.sub(
        r"(duration|idle_age|hard_age|n_packets|n_bytes|duration_sec|time)=[0-9.]+", r"\1=", done.stdout
    )
    return output, re.sub(r"(?m)^[0-9T:.-]+Z\|[0-9]+", "", done.stderr), done.returncode


def both(switch: Daemons, *words: str) -> str:
    theirs, ours = said(switch, "peer", *words), said(switch, "ours", *words)
    assert ours == theirs
    return ours[0]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "words",
    [
        "show br0",
        "dump-desc br0",
        "dump-ports-desc br0",
        "dump-ports-desc br0 1",
        "get-frags br0",
        "probe br0",
    ],
)
def test_what_the_switch_says_of_itself(switch, version, words):
    assert both(switch, "-O", version, *words.split()) or words == "probe br0"


@pytest.mark.parametrize("version", VERSIONS)
def test_flows_go_in_and_come_out(switch, version):
    """Each make loads the flows; both dump what each has loaded."""
    dumps, loaded = {}, {}
    for make in ("peer", "ours"):
        switch.run("peer", "ovs-ofctl", "del-flows", "br0")
        loaded[make] = said(switch, make, "-O", version, "add-flows", "br0", "flows.txt")
        dumps[make] = [
            both(switch, "-O", version, *options, "dump-flows", "br0")
            for options in (
                [],
                ["--no-stats"],
                ["--sort"],
                ["--rsort=in_port"],
                ["--sort=nw_src", "--rsort"],
                ["--names"],
            )
        ]
    assert loaded["ours"] == loaded["peer"]  # OpenFlow 1.1 has no registers: both say so
    assert sorted(dumps["ours"][1].splitlines()) == sorted(dumps["peer"][1].splitlines())


@pytest.mark.parametrize("version", ["OpenFlow10", "OpenFlow13"])
def test_flows_are_changed_and_deleted(switch, version):
    changes = [
        ["add-flow", "br0", "in_port=2,actions=output:1"],
        ["--strict", "mod-flows", "br0", "in_port=2,actions=drop"],
        ["mod-flows", "br0", "in_port=2,actions=p1"],
        ["--strict", "del-flows", "br0", "in_port=2"],
        ["del-flows", "br0", "cookie=0x5/-1"],
        ["del-flows", "br0", "tcp,out_port=2"],
        ["add-flow", "br0", "tp_dst=80,actions=drop"],
        ["del-flows", "br0"],
    ]
    dumps = {}
    for make in ("peer", "ours"):
        switch.run("peer", "ovs-ofctl", "del-flows", "br0")
        switch.run("peer", "ovs-ofctl", "add-flows", "br0", "flows.txt")
        dumps[make] = []
        for words in changes:
            dumps[make].append(said(switch, make, "-O", version, *words))
            dump = said(switch, "peer", "-O", version, "--no-stats", "dump-flows", "br0")[0]
            dumps[make].append(sorted(dump.splitlines()))
    assert dumps["ours"] == dumps["peer"]


@pytest.mark.parametrize(
    "words",
    [
        ["add-flow", "br0", "foo"],
        ["add-flow", "br0", "foo=1,actions=drop"],
        ["add-flow", "br0", "in_port=1"],
        ["add-flow", "br0", "in_port=1,actions=bad"],
        ["add-flow", "br0", "in_port=nope,actions=drop"],
        ["add-flow", "br0"],
        ["add-flow", "br0", "x", "y"],
        ["add-flow", "nowhere", "actions=drop"],
        ["add-flow", "tcp:127.0.0.1:1", "actions=drop"],
        ["add-flows", "br0", "/nonexistent"],
        ["add-flows", "br0", "broken.txt"],
        ["nosuch", "br0"],
        ["dump-ports", "br0", "nope"],
        ["mod-port", "br0", "p1", "foo"],
        ["mod-port", "br0", "nope", "up"],
        ["set-frags", "br0", "foo"],
        ["packet-out", "br0", "1", "output:2", "xyz"],
        ["-O", "OpenFlow99", "show", "br0"],
        ["-F", "foo", "dump-flows", "br0"],
    ],
    ids=" ".join,
)
def test_mistakes(switch, words):
    both(switch, *words)


@pytest.mark.parametrize(
    "action", ["down", "up", "no-flood", "noflood", "flood", "no-packet-in", "packet-in"]
)
def test_ports_are_configured(switch, action):
    both(switch, "mod-port", "br0", "p1", action)
    both(switch, "show", "br0")


PARSED = [
    "table=3,reg0=1,actions=drop",
    "in_port=1,actions=drop",
    "actions=goto_table:3",
    "actions=push_vlan:0x8100",
    "actions=meter:1",
    "metadata=1,actions=write_metadata:1",
    "ip,actions=dec_ttl",
    "ip,actions=ct(commit)",
    "actions=enqueue:1:2",
    "actions=learn(table=1,in_port=1)",
    "foo",
]


@pytest.mark.parametrize("options", [[], ["-O", "OpenFlow13"], ["-F", "nxm"]], ids=" ".join)
@pytest.mark.parametrize("flow", PARSED)
def test_flows_are_parsed(switch, flow, options):
    both(switch, *options, "parse-flow", flow)


@pytest.mark.parametrize(
    "digits", ["0100000800000001", "01000008", "zz", "0402000800000007", "010000080000000"]
)
def test_messages_are_printed(switch, digits):
    both(switch, "ofp-print", digits)


@pytest.mark.parametrize("digits", ["01000008000000010402000800000007", "0402000800", "0402000700000000", ""])
def test_files_of_messages_are_printed(switch, digits):
    (switch.directory / "messages").write_bytes(bytes.fromhex(digits))
    both(switch, "ofp-parse", "messages")


def test_packets_are_sent(switch):
    assert said(switch, "ours", "packet-out", "br0", f"in_port=1 packet={PACKET} actions=output:2") == (
        "",
        "",
        0,
    )
    assert said(switch, "ours", "packet-out", "br0", "1", "output:2", PACKET) == ("", "", 0)


def test_ping(switch):
    lines = said(switch, "ours", "ping", "br0", "100")[0].splitlines()
    assert len(lines) == 10
    assert all(line.startswith("100 bytes from br0: xid=") for line in lines)


@pytest.mark.parametrize("version", ["OpenFlow10", "OpenFlow12", "OpenFlow13", "OpenFlow14", "OpenFlow15"])
def test_tables_by_name(switch, version):
    """Since OpenFlow 1.3 names come with what the tables can do."""
    named = [
        "set",
        "bridge",
        "br0",
        "flow_tables:3=@acl",
        "--",
        "--id=@acl",
        "create",
        "flow_table",
        "name=acl",
    ]
    switch.run("peer", "ovs-vsctl", *named)
    try:
        both(switch, "-O", version, "del-flows", "br0")
        both(switch, "-O", version, "add-flow", "br0", "table=acl,tcp,actions=resubmit(,acl)")
        assert "table=acl" in both(switch, "-O", version, "--names", "dump-flows", "br0", "table=acl")
        assert "flow_count=1" in both(switch, "-O", version, "dump-aggregate", "br0", "table=acl")
        assert "table=3" in both(switch, "-O", version, "--no-names", "dump-flows", "br0")
        both(switch, "-O", version, "add-flow", "br0", "table=acl2,tcp,actions=drop")
    finally:
        switch.run("peer", "ovs-vsctl", "clear", "bridge", "br0", "flow_tables")


@pytest.mark.parametrize("version", ["OpenFlow13", "OpenFlow14", "OpenFlow15"])
def test_what_is_wrong_in_a_bundle_has_the_peers_transaction_ids(switch, version):
    (switch.directory / "wrong.txt").write_text("table=1,actions=1\ntable=1,actions=group:77\n")
    words = ["-O", version, "--bundle", "add-flows", "br0", str(switch.directory / "wrong.txt")]
    theirs, ours = said(switch, "peer", *words), said(switch, "ours", *words)
    assert ours == theirs
    assert "BAD_OUT_GROUP" in ours[1]


def test_replacing_goes_table_by_table(switch):
    """What the first error is about shows the order: deletions and additions by table, then by priority."""
    for name, text in (
        ("before", "table=0,priority=9,udp,actions=2\ntable=3,actions=1\ntable=0,priority=5,tcp,actions=1\n"),
        (
            "after",
            "table=2,actions=1\ntable=1,actions=group:77\ntable=0,priority=5,tcp,actions=2\ntable=0,ip,actions=1\n",
        ),
    ):
        (switch.directory / f"{name}.txt").write_text(text)
    told = []
    for make in ("peer", "ours"):
        switch.run("peer", "ovs-ofctl", "del-flows", "br0")
        replace = ["-O", "OpenFlow13", "replace-flows", "br0"]
        switch.run(make, "ovs-ofctl", *replace, str(switch.directory / "before.txt"))
        told.append(said(switch, make, *replace, str(switch.directory / "after.txt")))
    assert told[0] == told[1]
    assert "BAD_OUT_GROUP" in told[0][1]


@pytest.mark.parametrize(
    "words",
    [
        "dump-flows br0 -O OpenFlow14 -F nxm",
        "dump-aggregate br0 -O OpenFlow13 --names",
        "dump-aggregate br0 ip --names",
        "mod-port br0 nothing foo",
        "mod-port br0 1 foo",
    ],
)
def test_odd_words(switch, words):
    both(switch, *words.split())


def test_verbs_on_standard_input(switch):
    """add-flow takes any, the others none."""
    for command in ("add-flow", "mod-flows", "del-flows"):
        told = []
        for make in ("peer", "ours"):
            done = subprocess.run(
                [program(make, "ovs-ofctl"), command, "br0", "-"],
                input="add table=1,actions=1\nmodify actions=2\n",
                env=switch.environment,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            told.append((done.stdout, done.stderr, done.returncode))
        assert told[0] == told[1]


def test_what_is_said_is_logged(switch):
    """`-vvconn:dbg` shows messages; how many flow-mods share a barrier, and when names are asked for, is ours to choose."""
    for words in (
        "-O OpenFlow13,OpenFlow14 -vvconn:console:dbg --no-names dump-aggregate br0 table=9",
        "-vvconn:console:dbg --no-names add-flow br0 table=3,actions=1",
        "-vvconn:console:dbg -O OpenFlow15 --no-names dump-flows br0 table=99",
    ):
        told = [
            re.sub(r"(received: OFPT_HELLO .*xid=)0x[0-9a-f]+", r"\1", said(switch, make, *words.split())[1])
            for make in ("peer", "ours")
        ]
        assert told[0] == told[1]
        assert told[0].count("|vconn|DBG|") >= 5
