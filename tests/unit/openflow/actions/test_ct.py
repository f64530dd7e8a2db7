"""What ct and nat say that has no meaning here is there when they are sent on."""

import pytest

from vswitch.openflow.actions.base import decode_actions, encode_actions, format_actions
from vswitch.openflow.errors import BadAction, OpenFlowError
from vswitch.openflow.version import OF13

KEPT = {
    "ffff0018000023200023 8004 00000000 0005 01 0000000000": "ct(table=1,zone=5)",
    "ffff0018000023200023 fffd 00000000 0005 01 0000000000": "ct(commit,table=1,zone=5)",
    "ffff0038000023200023 0001 00000000 0000 ff 0000000000"
    "ffff0020000023200024 0000 0001 0033 0a000009 0a000009 0050 0050 00000000": "ct(commit,nat(src=10.0.0.9:80))",
}


@pytest.mark.parametrize("digits", KEPT)
def test_what_has_no_meaning_is_kept_and_not_shown(digits):
    data = bytes.fromhex(digits)
    actions = decode_actions(OF13, data)
    assert format_actions(actions) == KEPT[digits]
    assert encode_actions(OF13, actions) == data


def test_force_without_commit_is_what_is_wrong_first():
    """Before a zone that is no field."""
    with pytest.raises(OpenFlowError) as caught:
        decode_actions(OF13, bytes.fromhex("ffff00180000232000230002fffffffe000f010000000000"))
    assert caught.value.code is BadAction.BAD_ARGUMENT
