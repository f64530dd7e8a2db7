"""Properties that the peer passes over come back as they came, and those of optical ports mean something."""

import pytest

from vswitch.flow.ports import OfPort
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.message import decode, encode
from vswitch.openflow.messages.optical import OpticalMod
from vswitch.openflow.messages.port import PortMod
from vswitch.openflow.messages.table import TableDesc, TableDescReply
from vswitch.openflow.messages.tablefeatures import TableFeatures, TableFeaturesReply
from vswitch.openflow.properties import Property

TUNED = PortMod(OfPort(3), 5, optical=OpticalMod(2, 191_500_000, -3, 50_000, 100))
VENDOR = Property(0xFFFF, bytes.fromhex("4f4e460000000001beef"))


@pytest.mark.parametrize("version", [5, 6])
def test_ports_are_tuned(version):
    packet = encode(TUNED, version, 1)
    assert packet[-24:-20].hex() == "00010018"
    assert decode(packet, loose=True)[2] == TUNED
    with pytest.raises(OpenFlowError, match="OFPBPC_BAD_TYPE"):
        decode(packet)  # as a switch that has no such ports


@pytest.mark.parametrize("version", [5, 6])
@pytest.mark.parametrize(
    "message",
    [
        TableFeaturesReply((TableFeatures(1, others=(VENDOR,)),)),
        TableDescReply((TableDesc(1, others=(VENDOR, Property(9, b"abcd"))),)),
    ],
    ids=lambda message: message.name,
)
def test_unknown_properties_survive(message, version):
    assert decode(encode(message, version, 1))[2] == message
