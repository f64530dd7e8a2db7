import pytest

from vswitch.base.errors import TextError
from vswitch.flow.fields import ETH_TYPE, IN_PORT, IP_PROTO, TP_DST
from vswitch.flow.ports import OFPP_ANY
from vswitch.openflow.exacttext import parse_exact_flow


def test_a_flow():
    flow = parse_exact_flow("in_port=3,tcp,tcp_dst=80")
    assert [field.get(flow) for field in (IN_PORT, ETH_TYPE, IP_PROTO, TP_DST)] == [3, 0x0800, 6, 80]
    assert IN_PORT.get(parse_exact_flow("")) == OFPP_ANY


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("foo", "unknown field foo"),
        ("nw_src=1.2.3.4", "prerequisites not met for setting nw_src"),
        ("tcp,udp", "Ethernet type set multiple times"),
        ("tcp,tcp_dst=1,tcp_dst=2", "field tcp_dst set multiple times"),
        ("ip,nw_src=1.2.3.0/24", "bad value for nw_src (1.2.3.0/24: wildcards not allowed here)"),
    ],
)
def test_mistakes(text, why):
    with pytest.raises(TextError) as raised:
        parse_exact_flow(text)
    assert str(raised.value) == f"{text}: {why}"
