import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.dpif import vectors
from vswitch.base.errors import TextError
from vswitch.dpif.key import ATTRIBUTES, format_key, parse_key
from vswitch.flow.extract import extract
from vswitch.flow.fields import ETH_TYPE, IN_PORT, TP_SRC, VLAN_TCI, VLAN_TPID


@pytest.mark.parametrize(
    ("text", "expected"), vectors.flow_keys(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_vectors(text: str, expected: list[str]):
    if len(expected) == 1:
        with pytest.raises(TextError) as refused:
            parse_key(text, vectors.PORTS)
        assert str(refused.value) == expected[0]
        return
    flow, mask = parse_key(text, vectors.PORTS)
    assert format_key(flow, mask) == expected[0]
    assert format_key(flow, mask, vectors.NAMES, verbose=True) == expected[1]


def test_a_flow_is_what_a_packet_of_that_kind_gives():
    flow, mask = parse_key(
        "in_port(3),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),eth_type(0x8100),vlan(vid=5,pcp=1),"
        "encap(eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17,tos=0,ttl=64,frag=no),udp(src=7,dst=8))"
    )
    assert IN_PORT.get(flow) == 3
    assert (VLAN_TPID.get(flow), VLAN_TCI.get(flow), ETH_TYPE.get(flow)) == (0x8100, 0x3005, 0x0800)
    assert TP_SRC.get(flow) == 7
    assert flow & ~mask == 0


def test_a_frame_with_a_length_has_no_type():
    flow = extract(bytes(12) + b"\0\x2e" + bytes(46), 1)
    assert format_key(flow).endswith(",eth_type(0/0xffff)")
    assert parse_key("in_port(1),eth(),eth_type(0/0xffff)")[0] == parse_key("in_port(1),eth()")[0]


def test_every_attribute_round_trips_alone():
    for attribute in ATTRIBUTES.values():
        values = attribute.mask
        text = attribute.format(values, values)
        flow, mask = attribute.parse(text[len(attribute.name) + 1 : -1])
        assert mask == attribute.mask, text
        assert attribute.format(flow, mask) == text


@given(st.binary(min_size=14, max_size=120), st.integers(0, 100))
def test_what_packets_give_round_trips(data: bytes, port: int):
    text = format_key(extract(data, port))
    assert format_key(*parse_key(text)) == text or "mpls" in text


@given(st.text(alphabet="()=,/abcdefhiklmnoprstuvwy_0123456789:.+-|", max_size=60))
def test_any_text_is_taken_or_refused(text: str):
    try:
        flow, mask = parse_key(text)
    except TextError:
        return
    format_key(flow, mask, verbose=True)
