import io
import struct

import pytest

from vswitch.base.errors import WireError
from vswitch.packet.pcap import PcapWriter, read_pcap


def capture(*packets: tuple[float, bytes]) -> bytes:
    file = io.BytesIO()
    writer = PcapWriter(file)
    for time, data in packets:
        writer.write(time, data)
    return file.getvalue()


def test_round_trip():
    packets = [(1700000000.25, b"abc"), (0.0, b""), (1.999999, bytes(2000))]
    assert [(pytest.approx(time), data) for time, data in read_pcap(capture(*packets))] == packets


def test_the_header_is_pcap_s():
    assert capture() == struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1518, 1)


def test_the_other_byte_order_and_nanoseconds():
    data = struct.pack(">IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1) + struct.pack(
        ">IIII", 7, 500_000_000, 2, 60
    )
    assert list(read_pcap(data + b"hi")) == [(7.5, b"hi")]


def test_a_capture_that_is_cut_off_says_where():
    data = capture((1.0, b"abcdef"))
    for size in range(len(data)):
        if 24 <= size < 24 + 16:  # nothing, or the beginning of a record
            assert list(read_pcap(data[:size])) == []
            continue
        with pytest.raises(WireError):
            list(read_pcap(data[:size]))


def test_something_else():
    with pytest.raises(WireError, match="bad magic 0x656d6f73 reading pcap file"):
        list(read_pcap(b"something else, really, that is long"))
