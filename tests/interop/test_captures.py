"""ovs-pcap and ovs-tcpundump, ours and the peer's: the same packets, complaints and exit status."""

import subprocess
from pathlib import Path

import pytest

from tests.interop.daemons import Make, program

pytestmark = pytest.mark.interop

HEADER = bytes.fromhex("d4c3b2a1 02000400 00000000 00000000 ffff0000 01000000")
PACKET = bytes.fromhex("01000000 02000000 04000000 04000000") + b"abcd"
CAPTURES = {
    **{f"{n} bytes": (HEADER + PACKET)[:n] for n in (0, 7, 23, 24, 25, 39, 40, 43, 44)},
    "two packets": HEADER + PACKET * 2,
    "a packet and a half": HEADER + PACKET + PACKET[:18],
    "no capture": bytes(range(24)),
    "too long": HEADER + PACKET[:8] + bytes.fromhex("04000040 04000040") + b"abcd",
    "other version": HEADER[:6] + b"\x05" + HEADER[7:],
}
DUMP = """\
12:00:00.000000 IP 1.2.3.4.1 > 5.6.7.8.2: tcp
\t0x0000:  4500 0028 0001 0000 4006 0000
\t0x0010:  0102
12:00:01.000000 x
\t0x0000:  ff
"""


def said(make: Make, name: str, *words: str, stdin: str = "") -> tuple[str, str, int]:
    command = [program(make, name), *words]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout, done.stderr.replace(command[0], name), done.returncode


@pytest.mark.parametrize("data", CAPTURES.values(), ids=CAPTURES)
def test_captures_are_printed(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "capture"
    file.write_bytes(data)
    assert said("ours", "ovs-pcap", str(file)) == said("peer", "ovs-pcap", str(file))


@pytest.mark.parametrize("words", [(), ("a", "b")], ids=len)
def test_one_capture_is_needed(words: tuple[str, ...]) -> None:
    assert said("ours", "ovs-pcap", *words) == said("peer", "ovs-pcap", *words)


@pytest.mark.parametrize("text", [DUMP, "", "x\n", DUMP.replace("\t0x0000", "0x0000"), DUMP * 2], ids=len)
def test_dumps_are_read(text: str) -> None:
    assert said("ours", "ovs-tcpundump", stdin=text) == said("peer", "ovs-tcpundump", stdin=text)
