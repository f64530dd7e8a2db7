"""What is said of messages that cannot be: the words of Open vSwitch 3.1's ofp-print, on standard error."""

import pytest

from vswitch.openflow.errors import BadRequest, OpenFlowError
from vswitch.openflow.message import decode


@pytest.mark.parametrize(
    ("data", "code", "why"),
    [
        ("010e000c0000000161626364", BadRequest.BAD_LEN, "received OFPT_FLOW_MOD with incorrect length 12 (must be exactly 72 bytes or longer by an integer multiple of 8 bytes)"),
        ("0105000c0000000100000000", BadRequest.BAD_LEN, "received OFPT_FEATURES_REQUEST with incorrect length 12 (expected length 8)"),
        ("0101000a000000010000", BadRequest.BAD_LEN, "received OFPT_ERROR with incorrect length 10 (expected length at least 12 bytes)"),
        ("0104001000000001000023200000000a", BadRequest.BAD_LEN, "received NXT_ROLE_REQUEST with incorrect length 16 (expected length 20)"),
        ("04120010000000010001000000000000", BadRequest.BAD_LEN, "received OFPST_FLOW request with incorrect length 16 (must be exactly 48 bytes or longer by an integer multiple of 8 bytes)"),
        ("01630008000000ff", BadRequest.BAD_TYPE, "unknown OpenFlow message (version 1, type 99)"),
        ("011000100000000100630000ffffffff", BadRequest.BAD_STAT, "unknown OpenFlow message (version 1, type 16, stat 99)"),
        ("010400140000000100002320000003e700000000", BadRequest.BAD_SUBTYPE, "unknown OpenFlow message (version 1, type 4, vendor 0x2320, subtype 999)"),
        ("0412001800000001ffff00000000000000002320000003e7", BadRequest.BAD_SUBTYPE, "unknown OpenFlow message (version 4, type 18, stat 65535, vendor 0x2320, subtype 999)"),
        ("01040010000000010099999900000001", BadRequest.BAD_VENDOR, "OpenFlow message has unknown vendor 0x999999"),
    ],
)  # fmt: skip
def test_why_a_message_cannot_be(data: str, code: object, why: str) -> None:
    with pytest.raises(OpenFlowError) as caught:
        decode(bytes.fromhex(data))
    assert (caught.value.code, caught.value.why) == (code, why)
