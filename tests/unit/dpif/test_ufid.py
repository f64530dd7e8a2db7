import pytest

from vswitch.base.errors import TextError
from vswitch.dpif.ufid import format_ufid, parse_ufid, ufid_of
from vswitch.flow.field import Flow, Mask


def test_a_ufid_names_what_is_matched():
    name = ufid_of(Flow(0xABCD), Mask(0xFF00), b"key")
    assert ufid_of(Flow(0xAB00), Mask(0xFF00), b"key") == name
    others = [
        ufid_of(Flow(0xAC00), Mask(0xFF00), b"key"),
        ufid_of(Flow(0xABCD), Mask(0xFFFF), b"key"),
        ufid_of(Flow(0xABCD), Mask(0xFF00), b"other"),
        ufid_of(Flow(0), Mask(0), b"key"),
    ]
    assert len({name, *others}) == 5


def test_text():
    name = ufid_of(Flow(1), Mask(1), b"key")
    assert parse_ufid(format_ufid(name)) == parse_ufid(f"ufid:{format_ufid(name)}") == name
    assert format_ufid(name)[14] == "4"  # a UUID of version 4
    assert format_ufid(name)[19] in "89ab"
    with pytest.raises(TextError):
        parse_ufid("ufid:62544d6b-2874")
