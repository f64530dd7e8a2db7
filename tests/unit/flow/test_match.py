"""Matches: what they hold, and how they read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.flow.vectors import matches
from vswitch.base.errors import TextError
from vswitch.base.text import key_values
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import (
    ETH_DST,
    ETH_TYPE,
    FIELDS,
    IN_PORT,
    IP_PROTO,
    IP_SRC,
    PACKET_TYPE,
    REG,
    TCP_FLAGS,
    TUN_METADATA,
    TUN_METADATA_PRESENT,
    VLAN_TCI,
    XREG,
)
from vswitch.flow.match import Match, format_match, parse_match
from vswitch.flow.normalize import normalize
from vswitch.flow.ports import OfPort


def read(text: str) -> str:
    """What becomes of a match in ovs-ofctl, which takes the priority out and drops what does not fit."""
    words = [word for word in text.split(",") if not word.startswith("priority=")]
    priority = next((int(value) for name, value in key_values(text) if name == "priority"), 0x8000)
    try:
        return format_match(normalize(parse_match(",".join(words))), priority=priority)
    except TextError as error:
        return f"! {error}"


@pytest.mark.parametrize(("given", "result"), matches())
def test_matches_read_as_the_peer_reads_them(given, result):
    assert read(given) == result


# What is printed can be read, but for names that only printing knows.
OTHERWISE = {"gtpu_flags": "tun_gtpu_flags", "gtpu_msgtype": "tun_gtpu_msgtype"}
OTHERWISE6 = {"icmp_type": "icmpv6_type", "icmp_code": "icmpv6_code"}


@pytest.mark.parametrize("text", [result for _, result in matches() if not result.startswith("!")])
def test_what_is_printed_can_be_read(text):
    again = text
    for name, other in (OTHERWISE | OTHERWISE6 if "icmp6" in text else OTHERWISE).items():
        again = again.replace(name, other)
    assert read(again) == text


def test_a_value_has_no_bits_outside_its_mask():
    with pytest.raises(AssertionError):
        Match(Flow(3), Mask(1))


def test_where_replaces_what_was_said_of_the_field():
    match = Match().where(IP_SRC, 0x0A000001).where(IP_SRC, 0x0B000000, 0xFF000000)
    assert match == Match().where(IP_SRC, 0x0B000000, 0xFF000000)
    assert match.where(IP_SRC, 0, 0) == Match() == match.without(IP_SRC)


def test_fields_share_bits():
    match = Match().where(XREG[0], 0x1_0000_0002)
    assert (match.exactly(REG[0]), match.exactly(REG[1]), match.exactly(REG[2])) == (1, 2, None)


def test_a_field_of_ethernet_makes_a_match_on_ethernet_packets():
    assert Match().where(ETH_DST, 1).mask & PACKET_TYPE.mask
    assert Match().where(PACKET_TYPE, 0x1_0800).where(ETH_DST, 1).exactly(PACKET_TYPE) == 0x1_0800
    assert not Match().where(REG[0], 1).mask & PACKET_TYPE.mask


def test_a_tunnel_option_is_present_where_its_value_matters():
    match = Match().where(TUN_METADATA[5], 0, 0)
    assert match.value == match.mask == 1 << 5 << TUN_METADATA_PRESENT.offset


def test_covers_and_overlaps():
    tcp = Match().where(ETH_TYPE, 0x0800).where(IP_PROTO, 6)
    ten = Match().where(ETH_TYPE, 0x0800).where(IP_SRC, 0x0A000000, 0xFF000000)
    arp = Match().where(ETH_TYPE, 0x0806)
    both = tcp.where(IP_SRC, 0x0A000000, 0xFF000000)
    assert tcp.covers(both)
    assert ten.covers(both)
    assert not both.covers(tcp)
    assert tcp.overlaps(ten)
    assert not tcp.overlaps(arp)
    assert Match().covers(tcp)


def test_matches_are_values():
    assert {Match().where(IN_PORT, 1): "a"}[parse_match("in_port=1")] == "a"
    with pytest.raises(AttributeError):
        Match().value = Flow(1)


def test_ports_have_the_names_that_a_switch_gives_them():
    match = parse_match('in_port="1st"', {"1st": OfPort(3)})
    assert match.exactly(IN_PORT) == 3
    assert format_match(match, {3: "1st"}) == 'in_port="1st"'
    assert format_match(match, {3: "eth0"}) == "in_port=eth0"
    assert format_match(match) == "in_port=3"


def test_flags_of_no_packet_are_none():
    assert str(Match().where(TCP_FLAGS, 0).where(ETH_TYPE, 0x0800).where(IP_PROTO, 6)) == "tcp,tcp_flags=0"


def test_a_tag_is_told_from_none():
    assert parse_match("dl_vlan=0xffff").exactly(VLAN_TCI) == 0


PRINTED = [
    field for field in FIELDS if field.needs.name == "none" and field.maskable and "tun_" not in field.name
]


@given(st.dictionaries(st.sampled_from(PRINTED), st.tuples(st.integers(0), st.integers(1)), max_size=5))
def test_text_round_trip(parts):
    match = Match()
    for field, (value, mask) in parts.items():
        match = match.where(field, value & field.ones, mask & field.ones)
    if not any(field.name == "ct_state" for field in parts):
        assert parse_match(str(match)) == match
