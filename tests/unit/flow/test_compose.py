"""Flows to packets; test_extract.py shows that the way back ends where it began."""

from vswitch.flow.compose import PAYLOAD, compose
from vswitch.flow.extract import extract
from vswitch.flow.fields import VLAN2_TCI, VLAN2_TPID, VLAN_TCI, VLAN_TPID
from vswitch.flow.match import parse_match


def packet_of(text: str, payload: bytes | None = None) -> bytes:
    return compose(parse_match(text).value, payload)


def test_protocols_that_carry_data_carry_some():
    assert packet_of("udp").endswith(PAYLOAD)
    assert packet_of("tcp,tcp_flags=ack").endswith(PAYLOAD)
    assert len(packet_of("tcp,tcp_flags=syn")) == 14 + 20 + 20
    assert packet_of("udp", b"mine").endswith(b"mine")


def test_two_tags_with_their_types():
    flow = parse_match("dl_vlan=5,dl_type=0x1234").value
    flow = VLAN2_TCI.put(VLAN_TPID.put(flow, 0x88A8), 0x1007)
    assert compose(flow).hex()[24:] == "88a80005810000071234"
    assert extract(compose(flow)) == VLAN2_TPID.put(flow, 0x8100)


def test_no_tag_without_its_presence():
    assert len(compose(VLAN_TCI.put(parse_match("dl_type=0x1234").value, 0x0FFF))) == 14


def test_a_length_in_place_of_a_type():
    assert packet_of("dl_type=0x05ff", b"12345")[12:] == b"\0\x05" + b"12345"
