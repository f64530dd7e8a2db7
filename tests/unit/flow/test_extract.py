"""Packets to flows: what headers say; and nothing that bytes can say makes it fail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.flow.packets import FLOWS, SAMPLES
from vswitch.flow.compose import compose
from vswitch.flow.extract import extract
from vswitch.flow.fields import (
    ETH_TYPE,
    FIELDS,
    IN_PORT,
    IP_FRAG,
    IP_PROTO,
    IPV6_LABEL,
    ND_OPTIONS_TYPE,
    TCP_FLAGS,
    TP_DST,
    TP_SRC,
    VLAN2_TCI,
    VLAN2_TPID,
    VLAN_TCI,
    VLAN_TPID,
)
from vswitch.flow.match import parse_match

ETHERNET = "0002 0002 0002 0001 0001 0001"


def flow_of(*words: str) -> int:
    return extract(bytes.fromhex("".join(words)))


@pytest.mark.parametrize("text", FLOWS)
def test_a_packet_composed_of_a_flow_has_the_flow(text):
    flow = parse_match(text).value
    packet = compose(flow)
    assert (
        extract(packet) & ~(VLAN_TPID.mask | VLAN2_TPID.mask | ND_OPTIONS_TYPE.mask)
        == flow & ~ND_OPTIONS_TYPE.mask
    )
    assert compose(extract(packet)) == packet


@pytest.mark.parametrize("text", FLOWS)
def test_every_truncation_gives_a_flow_that_says_less(text):
    packet = compose(parse_match(text).value)
    for size in range(len(packet)):
        flow = extract(packet[:size], 7)
        assert IN_PORT.get(flow) == 7
        if size >= 60 and ETH_TYPE.get(flow) == 0x0800:
            assert IP_PROTO.get(flow) == 0  # the total length is beyond the end


@given(st.binary(max_size=200))
def test_any_bytes_give_a_flow(data):
    assert extract(data) >= 0


@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(12, 120), st.integers(0, 255)), max_size=5),
    st.data(),
)
def test_no_damage_makes_it_fail(packet, changes, data):
    damaged = bytearray(packet)
    for at, byte in changes:
        if at < len(damaged):
            damaged[at] = byte
    cut = data.draw(st.integers(0, len(damaged)))
    flow = extract(bytes(damaged[:cut]))
    assert all(field.get(flow) <= field.ones for field in FIELDS)


def test_two_tags_are_kept_and_further_ones_are_payload():
    flow = flow_of(ETHERNET, "88a8 2064", "8100 6005", "8100 0007", "0800")
    assert (VLAN_TPID.get(flow), VLAN_TCI.get(flow)) == (0x88A8, 0x3064)
    assert (VLAN2_TPID.get(flow), VLAN2_TCI.get(flow)) == (0x8100, 0x7005)
    assert ETH_TYPE.get(flow) == 0x8100


def test_a_length_instead_of_a_type():
    assert ETH_TYPE.get(flow_of(ETHERNET, "0100", "4242 03")) == 0x05FF
    assert ETH_TYPE.get(flow_of(ETHERNET, "0100", "aaaa 0300 0000 0806")) == 0x0806
    assert ETH_TYPE.get(flow_of(ETHERNET, "0100", "aaaa 0300 0000 0100")) == 0x05FF


TCP = "0011 0022 00000000 00000000 {} 0000 0000 0000"
IPV4 = "0800 4500 0028 0000 0000 4006 0000 01020304 05060708"


@pytest.mark.parametrize(
    ("offset", "is_parsed"), [("0012", False), ("4012", False), ("5012", True), ("6012", False)]
)
def test_a_tcp_header_must_be_within_the_packet(offset, is_parsed):
    flow = flow_of(ETHERNET, IPV4, TCP.format(offset))
    assert (TP_SRC.get(flow), TP_DST.get(flow), TCP_FLAGS.get(flow)) == (
        (0x11, 0x22, 0x12) if is_parsed else (0, 0, 0)
    )


def test_only_the_first_fragment_has_ports():
    later = flow_of(ETHERNET, IPV4.replace("0028 0000 0000", "0028 0000 2001"), TCP.format("5012"))
    first = flow_of(ETHERNET, IPV4.replace("0028 0000 0000", "0028 0000 2000"), TCP.format("5012"))
    assert (IP_FRAG.get(later), TP_SRC.get(later)) == (3, 0)
    assert (IP_FRAG.get(first), TP_SRC.get(first)) == (1, 0x11)


def test_extension_headers_are_skipped():
    base = f"86dd 6001 2345 0018 00ff {'00' * 16} {'11' * 16}"
    flow = flow_of(ETHERNET, base, "3c00 0000 0000 0000", "1100 0000 0000 0000", "0035 0036 0008 0000")
    assert (IP_PROTO.get(flow), TP_SRC.get(flow), IPV6_LABEL.get(flow)) == (17, 0x35, 0x12345)
