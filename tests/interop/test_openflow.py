"""OpenFlow, beside the peer's ovs-ofctl and against its switch."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons, program
from tests.unit.openflow.samples import encoded, vectors
from vswitch.base.errors import TextError
from vswitch.flow.match import parse_match
from vswitch.openflow.flowtext import format_flow_stats, parse_flow_mod
from vswitch.openflow.message import Message, Multipart, encode
from vswitch.openflow.messages.flow import OFPFC_DELETE, FlowMod
from vswitch.openflow.messages.flowstats import AggregateStatsRequest, FlowStatsReply, FlowStatsRequest
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.port import PortDescRequest, PortStatsRequest
from vswitch.openflow.messages.switch import BarrierReply, BarrierRequest, DescRequest, FeaturesRequest
from vswitch.openflow.messages.table import TableStatsRequest
from vswitch.openflow.session import Negotiated, Received, Session
from vswitch.openflow.text import print_message
from vswitch.openflow.version import ALL_VERSIONS, OF10, Version

pytestmark = pytest.mark.interop

MARK = re.compile(r"OFPT_ECHO_REQUEST \(xid=0xa[0-9a-f]{7}\): 0 bytes of payload\n")


def peer_prints(tmp_path: Path, messages: list[bytes]) -> list[str]:
    """What the peer's `ofp-parse`, which is `ofp-print` with a verbosity of 2, prints of each."""
    stream = tmp_path / "messages"
    marks = (bytes([1, 2, 0, 8]) + (0xA0000000 + i).to_bytes(4, "big") for i in range(len(messages)))
    stream.write_bytes(b"".join(part for pair in zip(messages, marks, strict=True) for part in pair))
    done = subprocess.run(
        [program("peer", "ovs-ofctl"), "-vconsole:off", "ofp-parse", str(stream)],
        capture_output=True,
        check=True,
    )
    return MARK.split(done.stdout.decode("utf-8", "replace"))[:-1]


def framed(data: bytes) -> bytes:
    """`data` with its own length in the header."""
    return data[:2] + len(data).to_bytes(2, "big") + data[4:]


def test_the_peer_prints_our_messages_as_we_do(tmp_path: Path) -> None:
    messages = [packet for _, _, packet in encoded()]
    assert [print_message(packet, 2) for packet in messages] == peer_prints(tmp_path, messages)


def test_the_vectors_are_what_the_peer_prints() -> None:
    for packet, text in list(vectors())[::16]:
        done = subprocess.run(
            [program("peer", "ovs-ofctl"), "ofp-print", packet.hex(), "1"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == text


def test_requests_cut_short_get_the_peers_errors(tmp_path: Path) -> None:
    """What a switch may receive, cut at each byte, with a header that tells the new length."""
    cases = [
        framed(packet[:size])
        for message, _, packet in encoded()
        if type(message).__name__
        in ("FlowMod", "FlowStatsRequest", "PortMod", "PacketOut", "RoleRequest", "SetAsync")
        for size in range(8, len(packet))
    ]
    wrong = {
        (ours.split("\n")[0], theirs.split("\n")[0])
        for ours, theirs in zip(
            (print_message(case, 2) for case in cases), peer_prints(tmp_path, cases), strict=True
        )
        if ours.split("\n")[0] != theirs.split("\n")[0]
    }
    assert not {pair for pair in wrong if "PACKET_OUT" not in pair[0]}


FLOWS = [
    "actions=output:1",
    "priority=5,tcp,nw_dst=10.0.0.0/8,tp_dst=80 actions=mod_dl_src:00:11:22:33:44:55,output:2",
    "dl_vlan=5,actions=strip_vlan,3",
    "actions=mod_vlan_vid:7,mod_vlan_pcp:3,normal",
    "ip,actions=mod_nw_src:1.2.3.4,mod_nw_dst:5.6.7.8,mod_nw_tos:32,dec_ttl,flood",
    "udp,actions=mod_tp_src:1,mod_tp_dst:2,all",
    "cookie=0x9,idle_timeout=3,hard_timeout=4,send_flow_rem,in_port=1 actions=in_port",
    "arp,arp_op=1,arp_spa=1.2.3.4 actions=controller:128",
    "ipv6,ipv6_dst=fe80::/64 actions=drop",
    "icmp6,icmpv6_type=135,nd_target=fe80::1 actions=local",
    "reg1=5/7,metadata=9 actions=load:3->reg2[4..7],move:reg1[]->reg3[],resubmit(,9)",
    "actions=set_field:5->reg1,set_tunnel:9,set_queue:3,output:1,pop_queue",
    "ip,actions=set_field:1.2.3.4->ip_src,set_field:6->ip_dscp,output:1",
    "actions=group:7",
    "actions=note:01.02.03,exit",
    "actions=enqueue:3:9",
    "actions=controller(reason=no_match,max_len=9,id=7,userdata=01.02)",
    "actions=output(port=3,max_len=100),output:reg1[0..15],output:NXM_NX_REG0[]",
    "actions=conjunction(5,1/2),conjunction(6,2/3)",
    "ip,actions=ct(commit,zone=5,nat(src=1.1.1.1-1.1.1.9:80-90),exec(set_field:1->ct_mark))",
    "ip,actions=ct(table=3,zone=reg0[0..15]),ct_clear",
    "actions=clone(output:1,set_queue:3),bundle(eth_src,0,hrw,ofport,members:4,8)",
    "actions=multipath(symmetric_l4,50,modulo_n,16,0,reg1[0..15])",
    "tcp,actions=fin_timeout(idle_timeout=3),check_pkt_larger(100)->reg0[3],push:reg1[],pop:reg2[]",
    "actions=sample(probability=9,collector_set_id=1,obs_domain_id=2,obs_point_id=3)",
    "mpls,actions=pop_mpls:0x800,output:1",
    "actions=learn(table=1,idle_timeout=10,priority=7,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])",
    "ip,actions=learn(table=3,cookie=9,eth_type=0x800,NXM_OF_VLAN_TCI[0..11],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15])",
    "actions=learn(table=1,limit=4,result_dst=reg0[3],delete_learned,load:7->reg1[0..3],eth_type=0x800,nw_proto=6)",
    "actions=learn(nw_proto=6)",
    "tcp",
    "actions=bogus",
    "actions=output:1,drop",
    "actions=resubmit()",
    "actions=mod_vlan_vid:5000",
    "actions=conjunction(1,9/5)",
    "ip,actions=ct(exec(output:1))",
]
MULTIVERSION = [
    "tcp,actions=push_vlan:0x8100,set_field:4097->vlan_vid,goto_table:9",
    "actions=write_actions(output:1),write_metadata:5/7,goto_table:3",
    "actions=output:1,clear_actions,goto_table:3",
]


@pytest.mark.parametrize("version", sorted(ALL_VERSIONS), ids=str)
@pytest.mark.parametrize("text", FLOWS + MULTIVERSION)
def test_flows_mean_what_they_mean_to_the_peer(version: Version, text: str) -> None:
    """The peer's `parse-flow` goes over the wire, too; what it prints of our bytes must be the same."""
    ofctl = program("peer", "ovs-ofctl")
    command = [ofctl, "-vconsole:off", "-O", version.long_name, "parse-flow", text]
    theirs = subprocess.run(command, capture_output=True, text=True)
    lines = (theirs.stdout + theirs.stderr).strip().split("\n")
    last = next((line for line in lines if "decode error" in line), lines[-1])
    if "no usable protocol" in theirs.stderr or "none of the usable flow formats" in theirs.stderr:
        return  # the version cannot say this; who sends it has to know
    try:
        flow_mod = parse_flow_mod(text)
    except TextError as error:
        assert last == f"ovs-ofctl: {error}"  # noqa: PT017
        return
    if theirs.returncode:
        assert "usable protocols" in last, f"ours is {flow_mod}, theirs {last}"
        return
    nxm = "NXT_FLOW_MOD" in last if version == OF10 else None
    packet = encode(flow_mod.replace(table_id=0 if version > OF10 else 0xFF), version, 1, nxm)
    assert print_message(packet, 0).split("\n")[0] == last
    shown = subprocess.run([ofctl, "ofp-print", packet.hex()], capture_output=True, text=True).stdout
    assert shown.split("\n")[0] == last


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The management socket of a bridge of the peer's, with two ports."""
    with Daemons(tmp_path_factory.mktemp("peer"), "peer", "peer") as daemons:
        versions = ",".join(version.long_name for version in sorted(ALL_VERSIONS))
        setup = "add-br br0 -- set bridge br0 datapath_type=dummy fail-mode=secure protocols=" + versions
        for port in ("p1", "p2"):
            setup += f" -- add-port br0 {port} -- set interface {port} type=dummy"
        daemons.run("peer", "ovs-vsctl", *setup.split())
        yield daemons.directory / "br0.mgmt"


class Talk(AbstractContextManager["Talk"]):
    """A conversation with a switch over its management socket."""

    def __init__(self, path: Path, version: Version) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(str(path))
        self.session = Session(time.monotonic(), [version])
        self.events = self._incoming()
        assert next(self.events) == Negotiated(version)

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _incoming(self) -> Iterator[object]:
        while True:
            self.socket.sendall(self.session.take_output())
            self.session.receive(self.socket.recv(65536), time.monotonic())
            yield from self.session.events()

    def ask(self, request: Message) -> list[Message]:
        """All parts of the reply."""
        xid, parts = self.session.send(request), []
        for event in self.events:
            assert isinstance(event, Received), event
            if event.xid == xid:
                parts.append(event.message)
                if not isinstance(event.message, Multipart) or not event.message.more:
                    return parts
        raise AssertionError

    def do(self, *messages: Message) -> list[Message]:
        """The errors that `messages` caused."""
        for message in messages:
            self.session.send(message)
        errors, xid = [], self.session.send(BarrierRequest())
        for event in self.events:
            assert isinstance(event, Received), event
            if isinstance(event.message, BarrierReply) and event.xid == xid:
                return errors
            errors.append(event.message)
        raise AssertionError


@pytest.mark.parametrize("version", sorted(ALL_VERSIONS), ids=str)
def test_a_conversation_with_the_peers_switch(switch: Path, version: Version) -> None:
    with Talk(switch, version) as talk:
        for request in (
            *(FeaturesRequest(), DescRequest(), PortDescRequest(), PortStatsRequest(), TableStatsRequest()),
            *(AggregateStatsRequest(), FlowStatsRequest()),
        ):
            (reply, *_) = talk.ask(request)
            assert not isinstance(reply, Error), (request, reply)
        added = [parse_flow_mod(text).replace(table_id=0) for text in FLOWS[:6]]
        assert (
            talk.do(
                FlowMod(
                    command=OFPFC_DELETE, new_cookie=None, table_id=0xFF if version > 2 or version == 1 else 0
                ),
                *added,
            )
            == []
        )
        flows = [
            flow
            for part in talk.ask(FlowStatsRequest())
            if isinstance(part, FlowStatsReply)
            for flow in part.flows
        ]
        assert {(flow.match, flow.priority) for flow in flows} == {(mod.match, mod.priority) for mod in added}
        dumped = subprocess.run(
            [program("peer", "ovs-ofctl"), "-O", version.long_name, "--no-stats", "dump-flows", f"unix:{switch}"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        ours = sorted(format_flow_stats(flow, show_stats=False) for flow in flows)
        assert ours == sorted(line.strip() for line in dumped.splitlines() if "actions=" in line)
        (error,) = talk.do(FlowMod(command=77, table_id=0))
        assert isinstance(error, Error)
        assert str(error.code) == "OFPFMFC_BAD_COMMAND"
        assert parse_match("") == FlowStatsRequest().match
