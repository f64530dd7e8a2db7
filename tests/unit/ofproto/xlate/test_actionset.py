from vswitch.ofproto.xlate.actionset import in_order
from vswitch.openflow.actions.base import format_actions
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.names import NO_NAMES


def ordered(text: str) -> str:
    return format_actions(in_order(parse_actions(text, NO_NAMES)))


def test_sets_execute_in_their_own_order() -> None:
    written = "output:1,set_queue:2,set_field:5->reg0,dec_ttl,push_vlan:0x8100,pop_vlan"
    assert ordered(written) == "pop_vlan,push_vlan:0x8100,dec_ttl,set_field:0x5->reg0,set_queue:2,output:1"


def test_the_last_of_a_kind_counts() -> None:
    assert ordered("output:1,set_queue:2,output:3,set_queue:4") == "set_queue:4,output:3"


def test_without_an_output_nothing_happens() -> None:
    assert ordered("set_field:5->reg0") == "drop"


def test_a_group_outranks_an_output() -> None:
    assert ordered("output:1,group:2") == "group:2"
