"""What a switch does to its own rules: for controllers that come and go, for limits, and to take changes back."""

from __future__ import annotations

import pytest

from tests.switch.machine import Machine, flow_mod, replies
from vswitch.flow.fields import IN_PORT
from vswitch.flow.match import Match, parse_match
from vswitch.ofproto.channel import ChannelKind
from vswitch.ofproto.rule import Rule, RuleFlags
from vswitch.ofproto.settings import FailMode
from vswitch.ofproto.switch import FAIL_OPEN_PRIORITY, Switch, split_duration
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.errors import OpenFlowError, RoleRequestFailed
from vswitch.openflow.messages.flow import FlowRemoved, RemovedReason
from vswitch.openflow.messages.role import SetAsync
from vswitch.openflow.messages.table import (
    TABLE_VACANCY_DOWN,
    TABLE_VACANCY_UP,
    TableMod,
    TableStatus,
    Vacancy,
)
from vswitch.openflow.version import OF14


def rule(text: str, priority: int = 5, **more: int) -> Rule:
    return Rule(0, parse_match(text), priority, parse_actions("output:1"), **more)


def rules(switch: Switch) -> list[str]:
    """Table 0, and what each rule does."""
    return sorted(f"{each.priority} {each.match} {len(each.actions)}" for each in switch.tables[0])


def configure(switch: Switch, fail_mode: FailMode, *, has_controllers: bool) -> None:
    switch.configure(fail_mode=fail_mode, has_controllers=has_controllers, now=1.0)


def test_a_standalone_switch_has_one_rule_which_a_controller_s_coming_and_going_brings_back() -> None:
    switch = Machine(standalone=True).br0
    assert rules(switch) == ["0  1"]
    switch.insert_rule(rule("in_port=1"))
    configure(switch, FailMode.STANDALONE, has_controllers=False)
    assert len(rules(switch)) == 2  # nothing is different
    configure(switch, FailMode.STANDALONE, has_controllers=True)
    assert rules(switch) == []
    switch.insert_rule(rule("in_port=1"))
    configure(switch, FailMode.SECURE, has_controllers=True)
    assert len(rules(switch)) == 1  # with controllers, the mode is for later
    configure(switch, FailMode.SECURE, has_controllers=False)
    assert rules(switch) == []
    configure(switch, FailMode.STANDALONE, has_controllers=False)
    assert rules(switch) == ["0  1"]


def test_standing_alone_is_a_rule_over_all_that_stays_once_and_goes_with_the_mode() -> None:
    switch = Machine(standalone=True).br0
    configure(switch, FailMode.STANDALONE, has_controllers=True)
    for _ in range(2):
        switch.set_fail_open(True, 2.0)
        assert [each.priority for each in switch.tables[0]] == [FAIL_OPEN_PRIORITY]
    configure(switch, FailMode.SECURE, has_controllers=True)
    assert rules(switch) == []


def test_rules_of_in_band_control_are_exactly_those_that_were_set_last() -> None:
    switch = Machine().br0
    one, two = rule("in_port=1", 180_000), rule("in_port=2", 180_001)
    switch.set_in_band([one, two], 0.0)
    switch.set_in_band([rule("in_port=1", 180_000), rule("in_port=2", 180_001)], 0.0)
    assert set(switch.tables[0]) == {one, two}  # the same: not touched
    three = rule("in_port=3", 180_002)
    switch.set_in_band([two, three], 0.0)
    assert set(switch.tables[0]) == {two, three}
    switch.flush_rules(0.0)
    assert set(switch.tables[0]) == {two, three}  # no controller's business
    switch.set_in_band([], 0.0)
    assert rules(switch) == []


def test_a_rule_is_not_put_beside_its_equal() -> None:
    switch = Machine().br0
    first = rule("in_port=1")
    assert switch.insert_rule(first) is None
    serial = switch.serial
    assert switch.insert_rule(rule("in_port=1")) is first
    assert switch.serial == serial
    assert rules(switch) == ["5 in_port=1 1"]


def test_everything_within_a_failed_step_is_taken_back_in_reverse() -> None:
    machine = Machine()
    switch = machine.br0
    kept, changed = rule("in_port=1", idle_timeout=9), rule("in_port=2")
    changed.packets = 7
    for each in (kept, changed):
        switch.insert_rule(each)
    before = rules(switch)

    def fail() -> None:
        with switch.revocable() as said:
            switch.remove_rule(kept, RemovedReason.DELETE, 1.0)
            switch.insert_rule(rule("in_port=1"))  # in the place of what just went
            switch.modify_rule(changed, (), 5, 1.0, reset=True)
            switch.replace_rule(changed, rule("in_port=2", cookie=1))
            said.append(None)  # type: ignore[arg-type]
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert rules(switch) == before
    assert set(switch.tables[0]) == {kept, changed}
    assert (changed.packets, changed.cookie) == (7, 0)
    assert list(switch.expiring) == [kept]
    assert switch.wiring.outbox == [None]


def test_what_succeeds_stays() -> None:
    switch = Machine().br0
    with switch.revocable():
        switch.insert_rule(rule("in_port=1"))
    assert rules(switch) == ["5 in_port=1 1"]
    switch.note(lambda: pytest.fail("nothing is revocable now"))


def test_a_table_that_may_hold_less_evicts_if_it_may() -> None:
    switch = Machine().br0
    for port, seconds in ((1, 30), (2, 10), (3, 0)):
        switch.insert_rule(rule(f"in_port={port}", hard_timeout=seconds))
    switch.configure_table(0, "first", 1, False, 0, 0.0)
    assert len(switch.tables[0]) == 3
    assert switch.tables[0].name == "first"
    switch.configure_table(0, "", 1, True, IN_PORT.mask, 0.0)
    assert [str(each.match) for each in switch.tables[0]] == ["in_port=3"]  # what never expires stays
    assert switch.tables[0].name == ""


def test_controllers_hear_when_room_gets_scarce_and_when_there_is_enough_again() -> None:
    machine = Machine()
    machine.br0.configure_table(0, "", 10, False, 0, 0.0)
    channel = machine.connect(OF14, ChannelKind.PRIMARY)
    channel.handle(SetAsync((("table_status", 0xFF, 0),)), 1, 0.0)
    channel.handle(TableMod(0, 1 << 3, vacancy=Vacancy(30, 60)), 1, 0.0)
    told = []
    for number in range(1, 9):
        told += replies(channel.handle(flow_mod(f"in_port={number} actions=drop"), 1, 0.0))
    assert [(each.reason, each.table.vacancy.vacancy) for each in told] == [(TABLE_VACANCY_DOWN, 20)]  # type: ignore[attr-defined]
    told = []
    for number in range(1, 9):
        told += replies(channel.handle(flow_mod(f"in_port={number}", 4), 1, 0.0))
    assert [(type(each), each.reason) for each in told] == [(TableStatus, TABLE_VACANCY_UP)]  # type: ignore[attr-defined]


def test_who_asked_for_it_hears_of_removals_but_never_of_the_switch_s_own_rules() -> None:
    machine = Machine()
    machine.connect(OF14, ChannelKind.PRIMARY)
    flags = int(RuleFlags.SEND_FLOW_REM)
    told = Rule(0, Match(), 1, (), flags=flags, created=1.0, packets=3, bytes=180)
    hidden = Rule(0, Match(), 1 << 17, (), flags=flags)
    for each in (told, hidden):
        machine.br0.insert_rule(each)
        machine.br0.remove_rule(each, RemovedReason.HARD_TIMEOUT, 3.5)
    [message] = replies(machine.br0.wiring.outbox)
    assert isinstance(message, FlowRemoved)
    assert (message.reason, message.duration_sec, message.duration_nsec) == (
        RemovedReason.HARD_TIMEOUT,
        2,
        500_000_000,
    )
    assert (message.packet_count, message.byte_count) == (3, 180)


@pytest.mark.parametrize(
    ("generations", "stale"),
    [([5, 5, 6], None), ([5, 4], 4), ([(1 << 64) - 1, 0], None), ([0, (1 << 64) - 1], (1 << 64) - 1)],
)
def test_roles_of_an_older_generation_are_stale_and_generations_wrap(
    generations: list[int], stale: int | None
) -> None:
    switch = Machine().br0
    for generation in generations:
        if generation == stale:
            with pytest.raises(OpenFlowError) as caught:
                switch.accept_generation(generation)
            assert caught.value.code is RoleRequestFailed.STALE
        else:
            switch.accept_generation(generation)


def test_durations_are_those_of_a_clock_with_milliseconds_that_does_not_run_backwards() -> None:
    assert split_duration(1.9996) == (2, 0)
    assert split_duration(0.0014) == (0, 1_000_000)
    assert split_duration(-1.0) == (0, 0)
