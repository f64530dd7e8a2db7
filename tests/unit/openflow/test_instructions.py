"""Instructions are in order, also where Nicira's write_metadata stands among actions."""

import pytest

from vswitch.openflow.errors import BadAction, OpenFlowError
from vswitch.openflow.instructions import decode_flow_actions, decode_instructions
from vswitch.openflow.version import OF13, OF15

METADATA = bytes.fromhex("ffff002000002320 0016000000000000 0000000000000005 00000000000000ff")
OUTPUT = bytes.fromhex("0000001000000001 ffff000000000000")
METER = bytes.fromhex("001d000800000003")  # an action in OpenFlow 1.5


def instruction(number: int, actions: bytes) -> bytes:
    return number.to_bytes(2, "big") + (8 + len(actions)).to_bytes(2, "big") + bytes(4) + actions


def names(version: int, *actions: bytes) -> list[str]:
    return [item.name for item in decode_instructions(version, instruction(4, b"".join(actions)))]


@pytest.mark.parametrize("version", [OF13, OF15])
def test_write_metadata_is_last_among_actions_and_alone(version):
    assert names(version, OUTPUT, METADATA) == ["output", "write_metadata"]
    for first in (METADATA, METADATA + OUTPUT):
        with pytest.raises(OpenFlowError) as caught:
            names(version, first, METADATA)
        assert caught.value.code is BadAction.UNSUPPORTED_ORDER


def test_an_action_that_is_no_instruction_any_more_stands_anywhere():
    assert names(OF15, OUTPUT, METER, OUTPUT, METADATA) == ["output", "meter", "output", "write_metadata"]


def test_an_action_set_has_none():
    with pytest.raises(OpenFlowError) as caught:
        decode_instructions(OF13, instruction(3, METADATA))
    assert caught.value.code is BadAction.BAD_TYPE


def test_what_is_wrong_is_said_as_the_peer_says_it():
    with pytest.raises(OpenFlowError) as caught:
        decode_flow_actions(METADATA * 2)
    wanted = "duplicate write_metadata instruction not allowed, for OpenFlow 1.1+ compatibility"
    assert [remark.text for remark in caught.value.remarks] == [wanted]
