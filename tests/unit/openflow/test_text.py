"""Messages in bytes and in text, against what Open vSwitch says of them."""

import pytest

from tests.unit.openflow.samples import encoded, vectors
from vswitch.openflow.message import CLASSES, Dialect, decode, encode, encode_as
from vswitch.openflow.messages.hello import Error, Hello
from vswitch.openflow.text import print_message
from vswitch.openflow.version import ALL_VERSIONS

VECTORS = list(vectors())


@pytest.mark.parametrize(
    ("packet", "text"), VECTORS, ids=lambda item: item[:16].hex() if isinstance(item, bytes) else ""
)
def test_prints_as_the_peer_does(packet, text):
    assert print_message(packet, 1) == text


@pytest.mark.parametrize(
    ("packet", "text"), VECTORS, ids=lambda item: item[:16].hex() if isinstance(item, bytes) else ""
)
def test_the_peers_bytes_survive(packet, text):
    version, xid, message = decode(packet, table_ids=True)
    nxm = True if "NXT_FLOW" in text or "NXST_" in text else None
    if isinstance(message, Hello | Error):
        return  # a bitmap that says nothing new is not sent again; errors of one version may be several
    name = text.partition(" (")[0]
    if message.choose(Dialect(version, nxm, True)).name == name:
        assert encode(message, version, xid, nxm, table_ids=True) == packet
    else:
        assert encode_as(message, name, version, xid) == packet


def test_the_vectors_are_our_own_bytes():
    """Together with what the peer prints of them, this holds the encoders in place."""
    assert [packet for packet, _ in VECTORS] == [packet for _, _, packet in encoded()]


def test_every_kind_of_message_has_a_vector():
    assert set(CLASSES) == {type(message) for message, _, _ in encoded()}


def test_more_verbosity_shows_the_bytes():
    assert print_message(bytes.fromhex("0102000a000000016162"), 5).endswith(
        "2 bytes of payload\n"
        "00000000  61 62                                           |ab              |\n"
        "00000000  01 02 00 0a 00 00 00 01-61 62                   |........ab      |\n"
    )


@pytest.mark.parametrize(
    ("packet", "text"),
    [
        ("01", "OpenFlow packet too short (only 1 bytes):\n"),
        ("0100000900000000", "OFPT_HELLO (xid=0x0):\n(***truncated to 8 bytes from 9***)\n"),
        ("0163000900000000", "(***truncated to 8 bytes from 9***)\n"),
        ("010000080000000000", "(***only uses 8 bytes out of 9***)\n"),
        ("0163000800000000", "***decode error: OFPBRC_BAD_TYPE***\n"),
    ],
)
def test_what_is_no_message_is_shown_in_hexadecimal(packet, text):
    assert print_message(bytes.fromhex(packet)).startswith(text)


@pytest.mark.parametrize("version", sorted(ALL_VERSIONS))
def test_a_long_reply_becomes_several_messages(version):
    from vswitch.flow.match import Match
    from vswitch.openflow.messages.flowstats import FlowStats, FlowStatsReply

    flows = tuple(FlowStats(Match(), cookie=i) for i in range(3000))
    data, found = encode(FlowStatsReply(flows), version, 9), []
    while data:
        size = int.from_bytes(data[2:4], "big")
        _, xid, part = decode(data[:size])
        data = data[size:]
        assert (xid, part.more) == (9, bool(data))
        found += part.flows
    assert [flow.cookie for flow in found] == list(range(3000))
