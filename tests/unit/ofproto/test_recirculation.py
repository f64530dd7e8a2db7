"""Numbers for states of translation."""

from __future__ import annotations

from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import FIELDS, IN_PORT, REG
from vswitch.ofproto.recirculation import Frozen, FrozenStates

MARK = FIELDS["pkt_mark"]
STATE = Frozen("br0", Flow(1), 3)


def test_equal_states_have_one_number() -> None:
    states = FrozenStates()
    number = states.number(STATE)
    assert states.number(Frozen("br0", Flow(1), 3)) == number
    assert states.number(Frozen("br0", Flow(1), 4)) != number
    assert states.get(number) == STATE
    assert number > 0, "0 is no recirculation"


def test_a_state_lives_as_long_as_a_megaflow_names_it() -> None:
    states = FrozenStates()
    number = states.number(STATE)
    states.hold([number])
    states.hold([number])
    states.release([number])
    states.collect()
    assert states.get(number) == STATE
    states.release([number])
    states.collect()
    assert states.get(number) is None
    assert states.number(STATE) != number, "a packet that is still on its way must not meet another state"


def test_a_state_has_what_the_switch_made_and_what_it_has_looked_at() -> None:
    flow = IN_PORT.put(REG[2].put(MARK.put(Flow(0), 9), 7), 4)
    unseen = Frozen.of("br0", flow, Mask(0), 0).metadata
    seen = Frozen.of("br0", flow, Mask(MARK.mask), 0).metadata
    assert (IN_PORT.get(unseen), REG[2].get(unseen), MARK.get(unseen), MARK.get(seen)) == (4, 7, 0, 9)
