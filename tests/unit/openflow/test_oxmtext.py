import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.base.errors import TextError
from vswitch.flow.match import parse_match
from vswitch.openflow.oxmtext import format_entries, parse_entries, take_hex
from vswitch.openflow.wirematch import encode_entries

MATCHES = [
    "in_port=1,tcp,nw_dst=10.0.0.0/8,tp_dst=80",
    "dl_vlan=5,arp",
    "reg0=5/7,ct_state=+trk,metadata=1",
    "nsh,nsh_spi=3",
]


@pytest.mark.parametrize("match", [match for match in MATCHES if not match.startswith("nsh")])
@pytest.mark.parametrize("version", [1, 3, 6])
def test_there_and_back(match, version):
    entries = encode_entries(parse_match(match), version)
    assert parse_entries(format_entries(entries)) == entries


def test_nothing():
    assert format_entries(b"") == "<any>"
    assert parse_entries("<any>") == parse_entries(" ,, ") == b""


@given(st.binary(max_size=40))
def test_any_bytes_have_a_text(data):
    format_entries(data)


@given(st.text(alphabet="NXM_OF_IN_PORTW(0123/) ,", max_size=40))
def test_any_text_has_an_answer(text):
    with contextlib.suppress(TextError):
        parse_entries(text)


def test_cookies_are_not_the_fields_of_their_number():
    text = "NXM_NX_COOKIE_W(0000000000000001/00000000000000ff)"
    assert format_entries(parse_entries(text)) == text


@pytest.mark.parametrize(
    ("text", "taken"), [("01 02zz", (b"\1\2", "zz")), (" ", (b"", "")), ("0", (b"", "0"))]
)
def test_hexadecimal(text, taken):
    assert take_hex(text) == taken
