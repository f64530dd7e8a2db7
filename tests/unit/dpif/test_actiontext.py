import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.dpif import vectors
from vswitch.base.errors import TextError
from vswitch.dpif.action import Output, format_actions
from vswitch.dpif.actiontext import parse_actions
from vswitch.dpif.ports import OdpPort


@pytest.mark.parametrize("text", vectors.actions())
def test_vectors(text: str):
    actions = parse_actions(text)
    assert format_actions(actions) == text
    assert parse_actions(format_actions(actions)) == actions


def test_ports_by_name():
    assert parse_actions("p2,7", vectors.PORTS) == (Output(OdpPort(2)), Output(OdpPort(7)))
    assert format_actions((Output(OdpPort(2)), Output(OdpPort(7))), vectors.NAMES) == "p2,7"


def test_drop_is_no_action():
    assert parse_actions("drop") == parse_actions("") == ()
    assert format_actions(()) == "drop"


@pytest.mark.parametrize(
    "text",
    ["bogus", "2,drop", "set(eth_src(1))", "set(1)", "trunc(x)", "push_vlan(vid=4096)", "userspace(pid=1)",
     "userspace(pid=0,controller(nope=1))", "set(eth(src=1", "1)("],
)  # fmt: skip
def test_what_is_refused(text: str):
    with pytest.raises(TextError):
        parse_actions(text)


@given(st.text(alphabet="()=,/abcdefhiklmnoprstuvwy_0123456789:.", max_size=40))
def test_any_text_is_taken_or_refused(text: str):
    try:
        actions = parse_actions(text)
    except TextError:
        return
    assert parse_actions(format_actions(actions)) == actions
