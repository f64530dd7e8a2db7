"""The commands of ovs-ofctl that need no switch, ours and the peer's: the same output, messages and exit status."""

from __future__ import annotations

import os
import re
import struct
import subprocess
from pathlib import Path

import pytest

from tests.interop.daemons import Make, program
from tests.unit.openflow.samples import ACTION_VECTORS, VECTORS, vectors
from vswitch.cli.ofctl.main import MODULES, main

pytestmark = pytest.mark.interop


def said(make: Make, words: list[str], stdin: bytes, where: Path) -> tuple[bytes, bytes, int]:
    environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"} | {
        f"OVS_{what}DIR": str(where) for what in ("RUN", "LOG", "DB", "SYSCONF")
    }
    command = [program(make, "ovs-ofctl"), *words]
    done = subprocess.run(
        command, input=stdin, env=environment, cwd=where, capture_output=True, timeout=60, check=False
    )
    messages = re.sub(rb"(?m)^[0-9T:.-]+Z\|[0-9]+", b"", done.stderr)
    return done.stdout, messages.replace(b"/usr/bin/", b""), done.returncode


def check(where: Path, words: list[str], stdin: str | bytes = b"") -> None:
    data = stdin.encode("latin-1") if isinstance(stdin, str) else stdin
    assert said("ours", words, data, where) == said("peer", words, data, where)


NXM = """\
# a comment
  # indented

NXM_OF_IN_PORT(0001)
NXM_OF_ETH_TYPE(0800)NXM_NX_REG0_W(00000005/00000007)  # behind
<any>
NXM_OF_VLAN_TCI_W(1000/1000), NXM_OF_ETH_SRC(01 02 03 04 05 06)
 ,, NXM_OF_ETH_TYPE(86dd), NXM_NX_IPV6_SRC_W(20010000000000000000000000000000/ffff0000000000000000000000000000)
NXM_OF_ETH_TYPE(0800), NXM_OF_IP_PROTO(06), NXM_OF_TCP_DST(0050)
NXM_OF_ETH_TYPE(0800), NXM_OF_ETH_TYPE(0800)
NXM_NX_COOKIE_W(0000000000000001/00000000000000ff)
OXM_OF_METADATA(0123456789abcdef), NXM_NX_TUN_ID(0000000000000001)
"""
OXM = """\
OXM_OF_IN_PORT(00000001), OXM_OF_ETH_TYPE(0800), OXM_OF_IPV4_SRC_W(0a000000/ff000000)
OXM_OF_VLAN_VID_W(1000/1000)
OXM_OF_VLAN_VID(1005), OXM_OF_VLAN_PCP(03)
OXM_OF_VLAN_VID(0000)
OXM_OF_ETH_TYPE(0806), OXM_OF_ARP_OP(0001)
OXM_OF_METADATA_W(0000000000000001/0000000000000001)
"""


@pytest.mark.parametrize("command", [["parse-nxm"], ["parse-nx-match"], ["parse-oxm", "OpenFlow12"],
                                     ["parse-oxm", "OpenFlow15"]], ids=" ".join)  # fmt: skip
@pytest.mark.parametrize("options", [[], ["--strict"], ["-m"]], ids=" ".join)
def test_entries(tmp_path, command, options):
    check(tmp_path, [*options, *command], NXM if len(command) == 1 else OXM)


BAD_ENTRIES = [
    *("bad", "NXM_OF_FOO(0000)", "NXM_OF_IN_PORT(00", "NXM_OF_IN_PORT(00)", "NXM_OF_IN_PORT(0000/ffff)"),
    *("NXM_OF_IN_PORT_W(0000)", "NXM_NX_REG0_W(00000001)", "NXM_NX_REG0(0000000z)", "12345678(00112233)"),
    *("00000000()", "NXM_OF_IN_PORT(0001) x", "NXM_OF_IN_PORT (0001)", "()", "(" * 100000, "\0", "\xff\xfe"),
]


@pytest.mark.parametrize("line", BAD_ENTRIES, ids=lambda line: line[:30].encode().hex())
def test_entries_that_are_wrong(tmp_path, line):
    check(tmp_path, ["parse-nxm"], line + "\n")


@pytest.mark.parametrize("words", [["parse-oxm"], ["parse-oxm", "OpenFlow10"], ["parse-oxm", "x"], ["parse-nxm", "x"],
                                   ["parse-actions"], ["parse-actions", "foo"], ["parse-instructions"],
                                   ["parse-key-value"], ["check-vlan", "0"], ["compose-packet"],
                                   ["compose-packet", "a", "b", "c"], ["parse-packet", "x"], ["parse-pcap"],
                                   ["ofp-parse-pcap"], ["print-error"], ["encode-error-reply", "x"],
                                   ["encode-hello"], ["ofp-print"], ["ofp-parse"], ["parse-flow"], ["parse-flows"],
                                   ["parse-group"]], ids=" ".join)  # fmt: skip
def test_too_few_words(tmp_path, words):
    check(tmp_path, words)


MATCH10 = "%s %s 000000000001 000000000000 %s 03 00 %s %s %s 0000 01020304 05060708 0001 0002"


@pytest.mark.parametrize(
    "wildcards",
    ["003fffff", "003ffffe", "00000000", "003820ff", "00300000", "002fffff", "ffffffff", "0008208f"],
)
@pytest.mark.parametrize("eth_type", ["0800 04 06", "0800 00 01"])
def test_matches_of_openflow_10(tmp_path, wildcards, eth_type):
    lines = [MATCH10 % (wildcards, port, vlan, *eth_type.split())
             for port in ("0001", "fffe", "0000") for vlan in ("ffff", "0005", "0000")]  # fmt: skip
    check(tmp_path, ["parse-ofp10-match"], "\n# comment\n".join(lines) + "\n")


@pytest.mark.parametrize(
    "line", ["00", "zz", "x", MATCH10 % ("003fffff", "xxxx", "0000", "0000", "xx", "00") + " 1"]
)
def test_matches_that_are_wrong(tmp_path, line):
    check(tmp_path, ["parse-ofp10-match"], line + "\n")
    check(tmp_path, ["parse-ofp11-match"], line + "\n")


MATCH11 = (
    "%s 0058 00000001 %s 000000000001 %s 000000000002 000000000000 %s 03 00 %s 04 %s "
    "01020304 000000ff 05060708 00000000 0001 0002 00000005 01 000000 0000000000000003 ffffffff00000000"
)


@pytest.mark.parametrize(
    "wildcards", ["000003ff", "000003fe", "00000000", "000003f9", "00000341", "80000000"]
)
def test_matches_of_openflow_11(tmp_path, wildcards):
    lines = [MATCH11 % (kind, wildcards, mask, vlan, eth_type, proto)
             for kind in ("0000", "0001") for mask in ("000000000000", "ffffffffffff") for vlan in ("ffff", "0005", "fffe")
             for eth_type, proto in (("0800", "06"), ("0806", "01"), ("8847", "00"), ("0800", "3a"))]  # fmt: skip
    check(tmp_path, ["parse-ofp11-match"], "\n".join(lines) + "\n")


ACTIONS = {
    "OpenFlow10": ["0000 0008 0001 4321", "ffff 0010 00002320 0014 000000000001", "0001 0008 0009 0000",
                   "ffff 0020 00002320 0015 00050000 5a5a5a5a5a5a5a5a 0000000000000000", ],
    "OpenFlow11": ["0000 0010 00000001 0000 000000000000", "0011 0008 8100 0000", "0018 0008 00000000"],
    "OpenFlow13": ["0000 0010 fffffffd ffff 000000000000", "0019 0010 80000a02 0005 000000000000", "0016 0008 00000005",
                   "1,0000 0010 00000001 0000 000000000000"],
    "OpenFlow15": ["0019 0018 80000106 000102030405 ffffffffffff 0000 0000 0000", "001d 0008 00000003"],
}  # fmt: skip


@pytest.mark.parametrize("version", ACTIONS)
def test_actions(tmp_path, version):
    check(
        tmp_path,
        ["parse-actions", version],
        "\n".join(["# c", *ACTIONS[version], "", "0000 0008 00", "00 07"]) + "\n",
    )


@pytest.mark.parametrize("version", ["OpenFlow10", "OpenFlow13", "OpenFlow14", "OpenFlow15"])
def test_instructions(tmp_path, version):
    lines = ["0001 0008 03 000000", "5,0001 0008 03 000000", "0004 0018 00000000 0000 0010 00000001 0000 000000000000",
             "0005 0008 00000000", "0006 0008 00000001", "0002 0018 00000000 0000000000000001 00000000000000ff",
             "0001 0008 03 000000 0001 0008 03 000000", "0009 0008 00000000",
             "0001 0008 03 000000 0005 0008 00000000", "0001000803"]  # fmt: skip
    check(tmp_path, ["parse-instructions", version], "\n".join(lines) + "\n")


@pytest.mark.parametrize("words", [["zz"], ["00 0"], ["0000 0008 0001 0000 x"], ["\0\0"], ["[" * 100000]],
                         ids=lambda words: words[0][:8].encode().hex())  # fmt: skip
def test_actions_that_are_wrong(tmp_path, words):
    check(tmp_path, ["parse-actions", "OpenFlow10"], words[0] + "\n")


@pytest.mark.parametrize(
    ("tci", "mask"),
    [("0", "0"), ("1000", "1000"), ("0x1000", "1fff"), ("0", "ffff"), ("1005", "ffff"), ("3005", "ffff"), ("7000", "f000"),
     ("0", "1000"), ("1005", "1005"), ("0005", "0fff"), ("e000", "e000"), ("0", "xyz"), ("3123", "3fff")],
)  # fmt: skip
def test_tags(tmp_path, tci, mask):
    check(tmp_path, ["check-vlan", tci, mask])


ERRORS = ["OFPBAC_BAD_LEN", "OFPFMFC_BAD_FLAGS", "NXBRC_NXM_INVALID", "OFPBFC_UNKNOWN", "NXFMFC_HARDWARE", "OFPHFC_EPERM",
          "OFPBIC_UNKNOWN_INST", "OFPMMFC_BAD_BAND", "OFPTFFC_BAD_TABLE", "NXR_STALE", "OFPBMC_BAD_FIELD", "foo", "3", ""]  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(tmp_path, name):
    check(tmp_path, ["print-error", name])
    for request in ("0112000812345678", "0412000a12345678aaaa", "0212000812345678", "0612000812345678",
                    "0502006412345678" + "ab" * 92, "0712000812345678", "0012000812345678"):  # fmt: skip
        check(tmp_path, ["encode-error-reply", name, request])


@pytest.mark.parametrize(
    "request_", ["", "01", "04zz", "0412000812345678aaaa", "01 12 00 08 12 34 56 78", "0012000812345678"]
)
def test_requests_that_are_wrong(tmp_path, request_):
    check(tmp_path, ["encode-error-reply", "OFPBAC_BAD_LEN", request_])


@pytest.mark.parametrize("bitmap", ["0x2", "0x7e", "0x52", "020", "0x12", "0x40", "18"])
def test_hellos(tmp_path, bitmap):
    check(tmp_path, ["encode-hello", bitmap])


@pytest.mark.parametrize(
    "texts",
    [["a,b=1,c:2,d(3,4)->x,e=[1,(2"], ["a=b,=c", "", " x y"], ["x(y(z)", "((((", "a==b", ")->", "a(b)->"], ["{a}=b,[c"],
     ["a(1)b(2)"], ["(" * 60000], ["\xff=\xfe"]],
    ids=lambda texts: texts[0][:20].encode().hex(),
)  # fmt: skip
def test_keys_and_values(tmp_path, texts):
    check(tmp_path, ["parse-key-value", *texts])


FLOWS = [
    "tcp,tp_dst=80", "eth_src=01:02:03:04:05:06,tcp,tp_dst=80,nw_src=1.2.3.4", "arp,arp_op=1", "dl_vlan=5,udp", "icmp",
    "dl_type=0x8847", "ip,nw_proto=2", "icmp6", "udp6,ipv6_src=::1,tp_src=5", "in_port=1,icmp,icmp_type=8", "foo", "igmp",
    "ip,nw_src=1.2.3.0/24", "nw_src=1.2.3.0", "tcp,nw_src", "", "tcp,actions=drop", "tcp,tcp", "tcp,reg0[1..2]=4",
    "tcp,in_port=p1", "ip,nw_proto=17,udp_dst=53", "icmp6,icmpv6_type=135,nd_target=::1", "rarp", "tcp,nw_ttl=64,nw_tos=4",
    "dl_vlan=5,dl_vlan_pcp=3,tcp", "tcp,tp_src=1,tp_src=2", "ip,tcp", "tcp6,tcp_flags=+syn", "tcp,tp_dst=x",
    "tcp,nw_frag=first", "tcp,dl_dst=x", "ip,tp_dst=5",
]  # fmt: skip


@pytest.mark.parametrize("flow", FLOWS)
def test_packets_are_composed(tmp_path, flow):
    check(tmp_path, ["compose-packet", flow])


@pytest.mark.parametrize("payload", ["abcdef", "", "xyz", "1 2", " 01 02 "])
def test_packets_carry_what_is_given(tmp_path, payload):
    for flow in ("tcp", "udp,dl_vlan=5", "udp6", "arp"):
        check(tmp_path, ["compose-packet", flow, payload])


def tcp(source: int, destination: int, sequence: int, flags: int, data: bytes) -> bytes:
    segment = struct.pack("!HHIIBBHHH", source, destination, sequence, 0, 0x50, flags, 0, 0, 0) + data
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0) + bytes(
        [10, 0, 0, 1, 10, 0, 0, 2]
    )
    return bytes(12) + b"\x08\x00" + header + segment


HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
HELLO, ECHO = bytes.fromhex("0100000800000001"), bytes.fromhex("0102000c00000002aabbccdd")
SEGMENTS = [
    tcp(1234, 6653, 100, 2, b""), tcp(6653, 1234, 500, 0x12, b""), tcp(1234, 6653, 101, 0x18, HELLO + ECHO[:5]),
    tcp(6653, 1234, 501, 0x18, HELLO), tcp(1234, 6653, 114, 0x18, ECHO[5:]), tcp(1234, 6653, 114, 0x18, ECHO[5:]),
    tcp(9, 9, 1, 0x18, HELLO), tcp(5, 6633, 7, 0x18, ECHO), tcp(5, 6633, 19, 0x18, ECHO), tcp(5, 6633, 31, 0x11, b""),
]  # fmt: skip


def record(packet: bytes, size: int = -1) -> bytes:
    size = len(packet) if size < 0 else size
    return struct.pack("<IIII", 1000, 123456, size, size) + packet


CAPTURES = {
    "segments": HEADER + b"".join(map(record, SEGMENTS)),
    "empty": HEADER,
    "nothing": b"",
    "half": HEADER[:10],
    "other": b"\1\2\3\4" + HEADER[4:],
    "cut": HEADER + record(SEGMENTS[2]) + record(SEGMENTS[3])[:40],
    "long": HEADER + record(SEGMENTS[2]) + record(bytes(70000)),
    "short": HEADER + record(b"12345"),
    "no packet": HEADER + record(SEGMENTS[2]) + record(b"") + record(SEGMENTS[3]),
    "any": HEADER[:20] + b"\x71\0\0\0" + record(b"\0\0\0\1\0\6" + bytes(8) + SEGMENTS[2][12:]),
    "any, short": HEADER[:20] + b"\x71\0\0\0" + record(bytes(15)),
    "raw": HEADER[:20] + b"\x65\0\0\0" + record(SEGMENTS[2]),
    "lengths": HEADER + record(tcp(1234, 6653, 101, 0x18, HELLO + bytes(8) + HELLO)) + record(SEGMENTS[3]),
    "swapped": struct.pack(">IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    + struct.pack(">IIII", 1000, 5, len(SEGMENTS[2]), len(SEGMENTS[2])) + SEGMENTS[2],
}  # fmt: skip


@pytest.mark.parametrize("name", CAPTURES)
def test_captures(tmp_path, name):
    (tmp_path / "capture").write_bytes(CAPTURES[name])
    check(tmp_path, ["parse-pcap", "capture", "missing", "capture"])
    for options in ([], ["-m"], ["--timestamp"]):
        check(tmp_path, [*options, "ofp-parse-pcap", "capture"])
    check(tmp_path, ["ofp-parse-pcap", "capture", "9", "6653"])


def test_streams_of_messages(tmp_path):
    (tmp_path / "messages").write_bytes(HELLO + ECHO)
    for options in ([], ["-m"], ["-mmm"]):
        check(tmp_path, [*options, "ofp-parse", "messages"])


@pytest.mark.parametrize("name", ["missing", "."])
def test_captures_that_cannot_be_read(tmp_path, name):
    check(tmp_path, ["parse-pcap", name])
    check(tmp_path, ["ofp-parse-pcap", name])


@pytest.mark.parametrize("packet", [SEGMENTS[2], b"", bytes(5), b"\xff" * 100, bytes(12) + b"\x81\x00\x20\x05" + SEGMENTS[3][12:]],
                         ids=len)  # fmt: skip
def test_packets_are_parsed(tmp_path, packet):
    check(tmp_path, ["parse-packet"], packet)


FILES = {
    "empty": b"", "comment": b"# only\n\n", "nul": b"actions=drop\0\n", "latin": b"actions=\xff\xfe\n",
    "brackets": b"actions=" + b"(" * 200000 + b"\n", "long": b"in_port=1," * 20000 + b"actions=drop\n",
    "bad": b"actions=drop\n\nin_port=x,actions=drop\n", "crlf": b"in_port=1,actions=drop\r\n",
    "verbs": b"add in_port=1,actions=drop\nmodify tcp,actions=drop\ndelete_strict in_port=3\ndelete udp\n",
    "last": b"in_port=1,actions=output:2",
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_files_of_flows(tmp_path, name):
    (tmp_path / "flows").write_bytes(FILES[name])
    check(tmp_path, ["parse-flows", "flows"])
    check(tmp_path, ["-O", "OpenFlow13", "parse-flows", "flows"])


@pytest.mark.parametrize("command", ["parse-flows", "ofp-parse"])
@pytest.mark.parametrize("name", ["missing", ".", "-"])
def test_files_that_cannot_be_read(tmp_path, command, name):
    check(tmp_path, [command, name])


@pytest.mark.parametrize("module", MODULES)
def test_what_is_logged_of_messages(tmp_path, module):
    """Lengths that are wrong, and a vendor that nobody knows, unless the module is to say nothing."""
    for message in ("0105000900000001aa", "01040010000000010000000100000000"):
        check(tmp_path, [f"-v{module}:console:off", "ofp-print", message])


@pytest.mark.parametrize("digits", ["0100 0008 0000 0001", "", "01", "01 x", "0", "010000080000000100", "01000009000000010",
                                    "05" * 40000], ids=lambda text: text[:20])  # fmt: skip
@pytest.mark.parametrize("verbosity", [[], ["0"], ["3"], ["x"], ["-1"]], ids=str)
def test_messages_are_printed(tmp_path, digits, verbosity):
    check(
        tmp_path,
        ["ofp-print", digits, "--", *verbosity] if verbosity == ["-1"] else ["ofp-print", digits, *verbosity],
    )


COMMA = (
    b"\033[35m\033[K),\033[m"  # after exec(), where there is nothing: the peer leaves it with colours only
)

NEWER = bytes.fromhex("00002320 0033")  # sample with fields as ids


@pytest.mark.parametrize("path", [VECTORS, ACTION_VECTORS], ids=lambda path: path.stem)
def test_messages_are_coloured(tmp_path, path, capsys, monkeypatch):
    """All messages of OpenFlow 1.0 and 1.5, and all actions of OpenFlow 1.3."""
    monkeypatch.delenv("OVS_COLORS", raising=False)
    wanted = (1, 6) if path is VECTORS else (4,)
    for packet in [packet for packet, _ in vectors(path) if packet[0] in wanted and NEWER not in packet]:
        words = ["--color=always", "ofp-print", packet.hex(), "1"]
        theirs, _, status = said("peer", words, b"", tmp_path)
        assert main(words) == status
        assert capsys.readouterr().out.encode() == theirs.replace(COMMA, COMMA.replace(b",", b""))
