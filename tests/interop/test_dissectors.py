"""Decoders that nobody here wrote, over our messages: tshark calls none of them malformed, os-ken reads the same values."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest
from os_ken.ofproto import ofproto_parser, ofproto_protocol

from tests.interop.daemons import program
from tests.unit.openflow.samples import encoded
from vswitch.openflow.message import Multipart
from vswitch.openflow.messages.flow import FlowMod
from vswitch.openflow.messages.flowstats import FlowStatsReply
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.port import PortDescReply, PortStatsReply
from vswitch.openflow.messages.queue import QueueDescReply, QueueStatsReply
from vswitch.openflow.text import print_message

pytestmark = pytest.mark.interop
# Vendor messages and statistics are not for these decoders.
STANDARD = [
    (message, version, packet)
    for message, version, packet in encoded()
    if packet[1] != 4 and not (isinstance(message, Multipart) and packet[8:10] == b"\xff\xff")
]

# OpenFlow 1.5 is left to the peer's own programs, and so are errors, whose samples quote a request of another version.
# tshark takes the queues of OpenFlow 1.4, which the peer's programs read as we write them, for those of 1.3.
FOR_TSHARK = [
    case
    for case in STANDARD
    if case[1] < 6
    and not isinstance(case[0], Error)
    and not (case[1] == 5 and isinstance(case[0], QueueDescReply | QueueStatsReply))
]


def tcp(payload: bytes, sequence: int) -> bytes:
    """A segment from port 6653, in IPv4 and Ethernet."""
    header = struct.pack("!HHIIBBHHH", 6653, 40000, sequence, 1, 5 << 4, 0x18, 65535, 0, 0)
    size = 20 + len(header) + len(payload)
    ip = struct.pack("!BBHHHBBHII", 0x45, 0, size, 0, 0, 64, 6, 0, 0x0A000001, 0x0A000002)
    return bytes.fromhex("0200000000010200000000020800") + ip + header + payload


def test_tshark_finds_nothing_malformed(tmp_path: Path) -> None:
    capture = tmp_path / "messages.pcap"
    with capture.open("wb") as out:
        out.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        sequence = 1
        for _, _, packet in FOR_TSHARK:
            frame = tcp(packet, sequence)
            sequence += len(packet)
            out.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    done = subprocess.run(
        [
            program("peer", "tshark"),
            "-r",
            str(capture),
            "-d",
            "tcp.port==6653,openflow",
            "-Y",
            "_ws.malformed",
            *("-T", "fields", "-e", "frame.number"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    wrong = [FOR_TSHARK[int(number) - 1] for number in done.stdout.split()]
    assert [(type(message).__name__, version, packet.hex()) for message, version, packet in wrong] == []


class _Datapath(ofproto_protocol.ProtocolDesc):
    """What os-ken's parsers need to know of a switch."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.id = 1


_FROM_SWITCHES = (
    *(
        "Error",
        "Echo",
        "Features",
        "GetConfig",
        "Barrier",
        "Desc",
        "PortStatus",
        "PortDesc",
        "PortStats",
        "PacketIn",
    ),
    *("FlowRemoved", "FlowStats", "AggregateStats", "TableStats", "Role"),
)

# os-ken is a controller: it reads what switches say.
FROM_SWITCHES = [
    case
    for case in STANDARD
    if case[1] != 2
    and not (case[2][1] in (17, 19) and case[2][8:10] == b"\xff\xff")  # Nicira's statistics
    and not (type(case[0]).__name__ == "PortDescReply" and case[1] < 4)  # an extension there
    and type(case[0]).__name__.removesuffix("Reply") in _FROM_SWITCHES
]


@pytest.mark.parametrize(
    ("message", "version", "packet"),
    FROM_SWITCHES,
    ids=lambda item: type(item).__name__ if not isinstance(item, bytes) else "",
)
def test_os_ken_reads_what_we_wrote(message, version, packet) -> None:
    _, type_, length, xid = ofproto_parser.header(packet)
    parsed = ofproto_parser.msg(_Datapath(version), version, type_, length, xid, packet)
    if parsed is None:
        pytest.fail(f"os-ken cannot read {type(message).__name__}")
    match message:
        case FlowMod():
            assert (parsed.priority, parsed.command) == (message.priority, message.command)
            assert (parsed.idle_timeout, parsed.hard_timeout) == (message.idle_timeout, message.hard_timeout)
        case FlowStatsReply() if version < 6:
            assert [flow.cookie for flow in parsed.body] == [flow.cookie for flow in message.flows]
            assert [flow.packet_count for flow in parsed.body] == [
                flow.packet_count for flow in message.flows
            ]
        case PortStatsReply():
            assert [entry.rx_packets for entry in parsed.body] == [
                entry.rx_packets for entry in message.stats
            ]
        case PortDescReply():
            assert [bytes(port.name).rstrip(b"\0").decode() for port in parsed.body] == [
                port.name for port in message.ports
            ]


# And it says what controllers say: each with what ovs-ofctl calls it, in OpenFlow 1.3 and later.
FROM_CONTROLLERS = {
    "flow-mod": (
        lambda dp, p, o: p.OFPFlowMod(
            dp,
            cookie=7,
            table_id=3,
            priority=5,
            idle_timeout=9,
            out_port=o.OFPP_ANY,
            out_group=o.OFPG_ANY,
            match=p.OFPMatch(in_port=1, eth_type=0x0800, ipv4_dst=("10.0.0.0", "255.0.0.0")),
            instructions=[p.OFPInstructionActions(o.OFPIT_APPLY_ACTIONS, [p.OFPActionOutput(2, 128)])],
        ),
        "OFPT_FLOW_MOD: ADD table:3 priority=5,ip,in_port=1,nw_dst=10.0.0.0/8 cookie:0x7 idle:9 actions=output:2",
    ),
    "nicira's": (
        lambda dp, p, o: p.OFPFlowMod(
            dp,
            out_port=o.OFPP_ANY,
            out_group=o.OFPG_ANY,
            match=p.OFPMatch(reg0=5),
            instructions=[
                p.OFPInstructionActions(
                    o.OFPIT_APPLY_ACTIONS,
                    [
                        p.NXActionResubmitTable(table_id=9),
                        p.NXActionRegMove(src_field="reg0", dst_field="reg1", n_bits=16),
                        p.NXActionStackPush(field="reg0", start=0, end=32),
                    ],
                )
            ],
        ),
        "OFPT_FLOW_MOD: ADD priority=32768,reg0=0x5 actions=resubmit(,9),"
        "move:NXM_NX_REG0[0..15]->NXM_NX_REG1[0..15],push:NXM_NX_REG0[]",
    ),
    "barrier": (lambda dp, p, o: p.OFPBarrierRequest(dp), "OFPT_BARRIER_REQUEST:"),
    "role": (
        lambda dp, p, o: p.OFPRoleRequest(dp, o.OFPCR_ROLE_SLAVE, 5),
        "OFPT_ROLE_REQUEST: role=secondary generation_id=5",
    ),
    "meter": (
        lambda dp, p, o: p.OFPMeterMod(
            dp, o.OFPMC_ADD, o.OFPMF_KBPS | o.OFPMF_BURST, 1, [p.OFPMeterBandDrop(100, 10)]
        ),
        "OFPT_METER_MOD: ADD meter=1 kbps burst bands=\ntype=drop rate=100 burst_size=10",
    ),
    "configuration": (
        lambda dp, p, o: p.OFPSetConfig(dp, 0, 77),
        "OFPT_SET_CONFIG: frags=normal miss_send_len=77",
    ),
    "features of tables": (
        lambda dp, p, o: p.OFPTableFeaturesStatsRequest(dp, 0, []),
        "OFPST_TABLE_FEATURES request:",
    ),
    "features of meters": (
        lambda dp, p, o: p.OFPMeterFeaturesStatsRequest(dp, 0),
        "OFPST_METER_FEATURES request:",
    ),
}


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("name", FROM_CONTROLLERS)
def test_we_read_what_os_ken_writes(name: str, version: int) -> None:
    make, text = FROM_CONTROLLERS[name]
    datapath = _Datapath(version)
    written = make(datapath, datapath.ofproto_parser, datapath.ofproto)
    written.xid = 2
    written.serialize()
    ours = print_message(bytes(written.buf)).strip()
    assert ours.replace(f" (OF1.{version - 1}) (xid=0x2)", "") == text.replace("priority=32768,", "")
