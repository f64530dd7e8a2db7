import struct

from vswitch.packet.tcpstream import Reassembly, parse_segment


def frame(sequence: int, flags: int, data: bytes, tags: bytes = b"") -> bytes:
    segment = struct.pack("!HHIIBBHHH", 5, 6, sequence, 0, 0x50, flags, 0, 0, 0) + data
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0) + bytes(
        [10, 0, 0, 1, 10, 0, 0, 2]
    )
    return bytes(12) + tags + b"\x08\x00" + header + segment


def test_segments():
    found = parse_segment(frame(7, 0x18, b"hi", b"\x81\x00\x00\x05") + bytes(8))
    assert found is not None
    assert (found.source, found.destination) == ((0x0A000001, 5), (0x0A000002, 6))
    assert (found.sequence, found.flags, found.payload) == (7, 0x18, b"hi")


def test_what_is_no_segment():
    whole = frame(7, 0x18, b"")
    for size in range(len(whole)):
        assert parse_segment(whole[:size]) is None
    assert parse_segment(bytes(12) + b"\x86\xdd" + bytes(60)) is None


def test_streams_take_what_comes_in_order():
    streams = Reassembly()

    def add(sequence: int, flags: int, data: bytes = b"") -> bytes | None:
        segment = parse_segment(frame(sequence, flags, data))
        assert segment is not None
        stream = streams.add(segment)
        return bytes(stream.data) if stream else None

    assert add(0xFFFFFFFE, 2) is None
    assert add(0xFFFFFFFF, 0x10, b"ab") == b"ab"
    assert add(1, 0x10, b"c") == b"abc"
    assert add(1, 0x10, b"c") == b"abc"
    assert add(9, 0x10, b"late") == b"abc"
    assert add(2, 0x11) is None
    assert add(50, 0x10) is None
    assert add(60, 0x10, b"x") == b"x"
