"""What a list of actions comes to."""

from __future__ import annotations

import pytest

from vswitch.flow.ports import OFPP_CONTROLLER
from vswitch.ofproto.actionlists import flattened, output_groups, output_ports, teaches
from vswitch.openflow.actions.base import Action
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.names import NO_NAMES


def actions(text: str) -> tuple[Action, ...]:
    return parse_actions(text, NO_NAMES)


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("output:1,output:2", [1, 2]),
        ("enqueue:3:1,output(port=4,max_len=100)", [3, 4]),
        ("controller(max_len=5),output:1", [OFPP_CONTROLLER, 1]),
        ("clone(output:5,clone(output:6)),output:7", [5, 6, 7]),
        ("write_actions(output:8)", [8]),
        ("group:1,resubmit(,2),NORMAL", [0xFFFFFFFA]),
        ("output:NXM_NX_REG0[]", []),  # who knows
        ("drop", []),
    ],
)
def test_ports_that_are_named(text: str, ports: list[int]) -> None:
    assert list(output_ports(actions(text))) == ports


def test_groups_that_are_named() -> None:
    assert output_groups(actions("group:1,clone(group:2),write_actions(group:3,output:4)")) == {1, 2, 3}
    assert output_groups(actions("output:1")) == set()


def test_actions_within_actions_come_after_what_holds_them() -> None:
    names = [action.name for action in flattened(actions("clone(output:1,clone(dec_ttl)),output:2"))]
    assert names == ["clone", "output", "clone", "dec_ttl", "output"]


def test_whose_pupils_go_with_them() -> None:
    kept = "learn(table=1,cookie=3,in_port=1)"
    gone = "learn(table=2,cookie=4,delete_learned,in_port=1)"
    assert teaches(actions(kept)) == ()
    assert teaches(actions(f"{kept},{gone},clone({gone}),output:1")) == ((2, 4), (2, 4))
