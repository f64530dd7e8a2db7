"""The counters of ports beyond the usual ones come back as they went, and read as the peer prints them."""

import struct

import pytest

from vswitch.flow.ports import OfPort
from vswitch.openflow.errors import BadProperty, OpenFlowError
from vswitch.openflow.message import decode, encode
from vswitch.openflow.messages.port import UNKNOWN_COUNT, PortStats, PortStatsReply
from vswitch.openflow.messages.portcounters import RFC2819_NAMES, decode_custom, decode_rfc2819
from vswitch.openflow.properties import Property
from vswitch.openflow.text import print_message
from vswitch.openflow.version import OF13, OF14, OF15

ALL = tuple(range(1, 22))
ONE = (UNKNOWN_COUNT,) * 20 + (5,)
CUSTOM = (("rx_q0_bytes", 1), ("b", 2), ("c", UNKNOWN_COUNT), ("d" * 63, 4))
STATS = [PortStats(OfPort(1), duration_sec=5, rfc2819=counters, custom=custom) for counters in (ALL, ONE, ()) for custom in (CUSTOM, ())]  # fmt: skip
HEAD = struct.pack("!II", 0xAA01, 1)


@pytest.mark.parametrize("version", [OF14, OF15])
def test_round_trip(version):
    reply = PortStatsReply(tuple(STATS))
    assert decode(encode(reply, version, 1))[2] == reply


def test_older_versions_have_none():
    reply = PortStatsReply((STATS[0],))
    plain = PortStatsReply((PortStats(OfPort(1), duration_sec=5),))
    assert encode(reply, OF13, 1) == encode(plain, OF13, 1)


def test_text():
    lines = print_message(encode(PortStatsReply((STATS[2],)), OF14, 1), 2).splitlines()
    assert lines[-4:] == [
        "           rx rfc2819 rx_jabber_errors=5, ",
        "           CUSTOM Statistics",
        "                      rx_q0_bytes=1, b=2, c=18446744073709551615,",
        f"                      {'d' * 63}=4,",
    ]


def test_there_are_as_many_names_as_counters():
    assert len(RFC2819_NAMES) == len(set(RFC2819_NAMES)) == len(ALL)


@pytest.mark.parametrize("size", [0, 4, 171, 173])
def test_the_wrong_number_of_counters(size):
    with pytest.raises(OpenFlowError) as caught:
        decode_rfc2819(Property(0xFFFF, HEAD + bytes(size)))
    assert caught.value.code is BadProperty.BAD_LEN


@pytest.mark.parametrize("entries", [b"", b"\5ab", b"\1a" + bytes(7), b"\1a" + bytes(8)])
def test_fewer_named_counters_than_promised(entries):
    head = struct.pack("!IIHH", 0xAA01, 2, 0, 2)
    with pytest.raises(OpenFlowError) as caught:
        decode_custom(Property(0xFFFF, head + entries))
    assert caught.value.code is BadProperty.BAD_LEN


def test_properties_of_others_are_passed_over():
    other = Property(0xFFFF, struct.pack("!II", 0xAA02, 1))
    assert decode_rfc2819(other) is decode_custom(other) is None
