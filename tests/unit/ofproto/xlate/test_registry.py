import pytest

import vswitch.ofproto.connections  # noqa: F401 - translators register themselves
from tests.switch.machine import Machine
from vswitch.flow.match import parse_match
from vswitch.ofproto.check import checked_actions
from vswitch.ofproto.xlate.registry import TRANSLATORS
from vswitch.openflow.actions.base import CLASSES, Action
from vswitch.openflow.actions.output import Group
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.errors import BadAction, MeterModFailed, OpenFlowError
from vswitch.openflow.version import OF15

# Actions that must make sense to be looked at.
TEXTS = {
    "bundle": "bundle(eth_src,0,hrw,ofport,members:1)",
    "multipath": "multipath(eth_src,0,hrw,1,0,reg0[])",
    "delete_field": "delete_field:tun_metadata0",
}
REFUSED_ALONE = {"meter": MeterModFailed.INVALID_METER}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.name)
def test_every_action_translates_or_is_refused(kind: type[Action]) -> None:
    if kind in TRANSLATORS:
        return
    (action,) = parse_actions(TEXTS[kind.name]) if kind.name in TEXTS else (anything(kind),)
    with pytest.raises(OpenFlowError) as caught:
        checked_actions([action], parse_match("tcp,dl_vlan=1"), 0, OF15, ())
    expected = REFUSED_ALONE.get(kind.name)
    assert expected is None or caught.value.code is expected


def anything(kind: type[Action]) -> Action:
    """An action whose parts are numbers."""
    action = object.__new__(kind)
    for name in kind.__match_args__:
        getattr(kind, name).__set__(action, kind.DEFAULTS.get(name, 1))
    return action


def test_a_group_that_does_not_exist_is_refused() -> None:
    with pytest.raises(OpenFlowError) as caught:
        checked_actions([Group(5)], parse_match("tcp"), 0, OF15, {4})
    assert caught.value.code is BadAction.BAD_OUT_GROUP
    assert checked_actions([Group(5)], parse_match("tcp"), 0, OF15, {5}) == (Group(5),)


def test_what_translates_are_actions() -> None:
    assert set(TRANSLATORS) <= set(CLASSES)


def test_the_switch_has_its_own_rules_for_misses() -> None:
    machine = Machine()
    assert len(machine.br0.tables[254]) == 4
