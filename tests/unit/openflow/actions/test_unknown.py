"""What an action says that has no meaning here is there when it is sent on."""

import pytest

from vswitch.openflow.actions.base import decode_actions, encode_actions, format_actions
from vswitch.openflow.errors import BadAction, OpenFlowError
from vswitch.openflow.version import OF13

KEPT = {
    "ffff00180000232000238004000000000005010000000000": "ct(table=1,zone=5)",
    "ffff0018000023200023fffd000000000005010000000000": "ct(commit,table=1,zone=5)",
    "ffff003800002320 00230001000000000000ff0000000000"
    "ffff002000002320 002400000001 0033 0a0000090a0000090050005000000000": "ct(commit,nat(src=10.0.0.9:80))",
    "ffff001000002320002e123400000000": "encap(ethernet)",
    "ffff002000002320002e00000001894f"
    "00040210 10000a04 12345678 00010000": "encap(nsh(tlv(0x1000,10,0x12345678)))",
}


@pytest.mark.parametrize("digits", KEPT)
def test_it_is_kept_and_not_shown(digits):
    data = bytes.fromhex(digits)
    actions = decode_actions(OF13, data)
    assert format_actions(actions) == KEPT[digits]
    assert encode_actions(OF13, actions) == data


def test_force_without_commit_is_what_is_wrong_first():
    """Before a zone that is no field."""
    with pytest.raises(OpenFlowError) as caught:
        decode_actions(OF13, bytes.fromhex("ffff00180000232000230002fffffffe000f010000000000"))
    assert caught.value.code is BadAction.BAD_ARGUMENT
