"""Decoders that nobody here wrote, over our messages: tshark calls none of them malformed, os-ken reads the same values."""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons, program
from tests.interop.test_osken_codecs import Datapath
from tests.unit.openflow.samples import encoded
from vswitch.openflow.message import encode, find
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.switch import BarrierRequest
from vswitch.openflow.text import print_message

pytestmark = pytest.mark.interop


def tcp(payload: bytes, sequence: int) -> bytes:
    """A segment from port 6653, in IPv4 and Ethernet."""
    header = struct.pack("!HHIIBBHHH", 6653, 40000, sequence, 1, 5 << 4, 0x18, 65535, 0, 0)
    size = 20 + len(header) + len(payload)
    ip = struct.pack("!BBHHHBBHII", 0x45, 0, size, 0, 0, 64, 6, 0, 0x0A000001, 0x0A000002)
    return bytes.fromhex("0200000000010200000000020800") + ip + header + payload


# What tshark misreads, by name and version.  The peer's own messages of these kinds are malformed for it, too: see below.
MATCH15 = "stops at the first field of a match of OpenFlow 1.5"
BUCKET15 = "reads buckets of OpenFlow 1.5 as those of 1.4"
VENDOR = "looks into a vendor's statistics for a layout that is not theirs"
MISREAD = {
    **dict.fromkeys(
        (
            *(("OFPST_FLOW reply", 6), ("OFPST_FLOW request", 6), ("OFPST_FLOW_MONITOR reply", 6)),
            *(("OFPST_FLOW_MONITOR request", 6), ("OFPT_BUNDLE_ADD_MESSAGE", 6), ("OFPT_FLOW_MOD", 6)),
            *(("OFPT_FLOW_REMOVED", 6), ("OFPT_PACKET_IN", 6), ("OFPT_PACKET_OUT", 6)),
            *(("OFPST_TABLE_FEATURES reply", 6), ("OFPST_TABLE_FEATURES request", 6)),
        ),
        MATCH15,
    ),
    **dict.fromkeys((("OFPT_GROUP_MOD", 6), ("OFPST_GROUP_DESC reply", 6)), BUCKET15),
    **dict.fromkeys(
        ((f"NXST_IPFIX_{what} reply", version) for what in ("BRIDGE", "FLOW") for version in (4, 5, 6)),
        VENDOR,
    ),
    ("ONFST_FLOW_MONITOR reply", 4): VENDOR,
}
# What the peer's switch, which has no queues and no optical ports here, does not send; its ovs-ofctl reads it as we do.
UNSENT = {
    **dict.fromkeys(
        (f"OFPST_QUEUE{what} reply", version) for what in ("", "_DESC") for version in (5, 6)
    ),  # taken for queues of OpenFlow 1.3, whose layout is another
    **dict.fromkeys(
        (f"OFPST_PORT{what} reply", version) for what in ("", "_DESC") for version in (5, 6)
    ),  # unknown properties are taken for Ethernet's, and their padding is not skipped
}


def malformed(directory: Path, packets: Sequence[bytes]) -> list[bytes]:
    """Those that tshark calls malformed."""
    capture = directory / "messages.pcap"
    with capture.open("wb") as out:
        out.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        sequence = 1
        for packet in packets:
            frame = tcp(packet, sequence)
            sequence += len(packet)
            out.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    command = [program("peer", "tshark"), "-r", str(capture), "-d", "tcp.port==6653,openflow"]
    command += ["-Y", "_ws.malformed", "-T", "fields", "-e", "frame.number"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [packets[int(number) - 1] for number in done.stdout.split()]


def name_of(packet: bytes) -> tuple[str, int]:
    """What ovs-ofctl calls a message, and its version."""
    return find(packet[0], packet[1], packet)[1].name, packet[0]


def samples() -> Iterator[bytes]:
    """Our messages; errors quote a request of their own version, for tshark knows no others."""
    for message, version, packet in encoded():
        quotes = isinstance(message, Error) and message.data[1:2] == b"\x12"
        yield (
            encode(Error(message.code, encode(BarrierRequest(), version, 5)), version, 2)
            if quotes
            else packet
        )


def test_tshark_finds_nothing_malformed(tmp_path: Path) -> None:
    """Of all messages in all versions, but those that it misreads."""
    wrong = {name_of(packet): packet.hex() for packet in malformed(tmp_path, list(samples()))}
    assert {name: packet for name, packet in wrong.items() if name not in {**MISREAD, **UNSENT}} == {}
    assert {**MISREAD, **UNSENT}.keys() - wrong.keys() == set(), "tshark has learned: remove the exceptions"


class Relay:
    """A socket between a client and a switch, that keeps what goes through."""

    def __init__(self, path: Path, target: Path) -> None:
        self._target, self._streams, self._ends = target, list[bytearray](), list[socket.socket]()
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                switch = socket.socket(socket.AF_UNIX)
                switch.connect(str(self._target))
                self._ends += client, switch
                for source, sink in ((client, switch), (switch, client)):
                    self._streams.append(bytearray())
                    arguments = source, sink, self._streams[-1]
                    threading.Thread(target=self._pump, args=arguments, daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                kept += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def messages(self) -> Iterator[bytes]:
        """The whole messages so far."""
        for stream in self._streams:
            data, at = bytes(stream), 0
            while len(data) - at >= 8 and len(data) - at >= (
                size := int.from_bytes(data[at + 2 : at + 4], "big")
            ):
                yield data[at : at + size]
                at += size

    def close(self) -> None:
        """End all conversations."""
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        for end in (self._server, *self._ends):
            end.close()


FLOW, PACKET = "ip,nw_dst=10.0.0.1,send_flow_rem,actions=output:1", "50540000000a50540000000b0800" + "00" * 46
TALK = (
    ("add-flow", FLOW),
    ("--bundle", "add-flow", FLOW),
    ("dump-flows", "ip"),
    ("add-group", "group_id=1,type=all,bucket=actions=output:1,set_queue:3,bucket=actions=drop"),
    ("add-group", "group_id=2,type=select,selection_method=dp_hash,bucket=weight:5,actions=output:1"),
    ("dump-groups",),
    ("dump-table-features",),
    ("packet-out", f"in_port=1 packet={PACKET} actions=controller"),
    ("dump-ipfix-bridge",),
    ("dump-ipfix-flow",),
)


def wait_for(relay: Relay, version: str, kind: str) -> None:
    """Until a message of this kind has gone through."""
    number, deadline = int(version[-1]) + 1, time.monotonic() + 20
    while not any(name.endswith(kind) and v == number for name, v in map(name_of, relay.messages())):
        assert time.monotonic() < deadline, kind
        time.sleep(0.05)


def test_tshark_misreads_the_peers_own_messages(tmp_path: Path) -> None:
    """Open vSwitch's tool talks to Open vSwitch's switch: what we say in MISREAD is true of what they send."""
    with Daemons(tmp_path, "peer", "peer") as daemons:
        words = (
            "add-br br0 -- set bridge br0 datapath_type=dummy protocols=OpenFlow13,OpenFlow14,OpenFlow15 ipfix=@i "
            '-- --id=@i create IPFIX targets="127.0.0.1:9" -- add-port br0 p1 -- set interface p1 type=dummy '
            "-- --id=@b get bridge br0 -- create Flow_Sample_Collector_Set id=1 bridge=@b ipfix=@i"
        )
        daemons.run("peer", "ovs-vsctl", *words.split())
        relay = Relay(tmp_path / "relay", tmp_path / "br0.mgmt")
        through = f"unix:{tmp_path / 'relay'}"
        for version in ("OpenFlow13", "OpenFlow14", "OpenFlow15"):
            tool = ("ovs-ofctl", "-O", version)
            watcher = subprocess.Popen(
                [
                    program("peer", tool[0]),
                    *tool[1:],
                    "monitor",
                    through,
                    "65534",
                    "-P",
                    "standard",
                    "watch:ip",
                ],
                env=daemons.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            wait_for(relay, version, "FLOW_MONITOR reply")
            for command, *rest in TALK:
                options, name = ((command,), rest.pop(0)) if command[0] == "-" else ((), command)
                daemons.run("peer", *tool, *options, name, through, *rest)
            daemons.run("peer", *tool, "del-flows", through)
            daemons.run("peer", *tool, "del-groups", through)
            wait_for(relay, version, "FLOW_REMOVED")
            watcher.terminate()
            watcher.wait(10)
        sent = list(relay.messages())
        relay.close()
    few: dict[tuple[str, int], list[bytes]] = {}
    for packet in sent:
        few.setdefault(name_of(packet), []).append(packet)
    packets = [packet for kind in few.values() for packet in kind[:3]]
    wrong = {name_of(packet) for packet in malformed(tmp_path, packets)}
    assert {*MISREAD} - {("OFPST_TABLE_FEATURES request", 6)} - wrong == set()


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
    datapath = Datapath(version)
    written = make(datapath, datapath.ofproto_parser, datapath.ofproto)
    written.xid = 2
    written.serialize()
    ours = print_message(bytes(written.buf)).strip()
    assert ours.replace(f" (OF1.{version - 1}) (xid=0x2)", "") == text.replace("priority=32768,", "")
