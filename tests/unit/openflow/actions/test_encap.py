"""What encap says that has no meaning here is there when it is sent on."""

import pytest

from vswitch.openflow.actions.base import decode_actions, encode_actions, format_actions
from vswitch.openflow.version import OF13

KEPT = {
    "ffff001000002320002e 1234 00000000": "encap(ethernet)",
    "ffff002000002320002e 0000 0001894f 0004 02 10 1000 0a 04 12345678 00010000": "encap(nsh(tlv(0x1000,10,0x12345678)))",
}


@pytest.mark.parametrize("digits", KEPT)
def test_what_has_no_meaning_is_kept_and_not_shown(digits):
    data = bytes.fromhex(digits)
    actions = decode_actions(OF13, data)
    assert format_actions(actions) == KEPT[digits]
    assert encode_actions(OF13, actions) == data
