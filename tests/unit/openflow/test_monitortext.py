import pytest

from vswitch.base.errors import TextError
from vswitch.flow.match import parse_match
from vswitch.openflow.messages.monitor import OFPFMF_INITIAL, OFPFMF_ONLY_OWN
from vswitch.openflow.monitortext import parse_flow_monitor
from vswitch.openflow.names import OFPTT_ALL


def test_everything_but():
    everything = parse_flow_monitor("")
    assert (everything.flags, everything.table_id) == (0x5F, OFPTT_ALL)
    part = parse_flow_monitor("!initial,!own,table=3,tcp,out_port=2", 7)
    assert part.flags == everything.flags & ~(OFPFMF_INITIAL | OFPFMF_ONLY_OWN)
    assert (part.id, part.table_id, part.out_port, part.match) == (7, 3, 2, parse_match("tcp"))


@pytest.mark.parametrize("text", ["foo", "foo=1", "table=x", "table"])
def test_mistakes(text):
    with pytest.raises(TextError):
        parse_flow_monitor(text)
