"""Bundles of many additions.  That they come to the same as one by one is in tests/properties/test_additions.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.switch.machine import Machine, flow_mod, replies
from tests.unit.ofproto.test_loading import run_of
from vswitch.flow.fields import IP_DST, IP_SRC
from vswitch.flow.match import parse_match
from vswitch.ofproto import staging
from vswitch.ofproto.connections import Connection
from vswitch.ofproto.staging import Stage
from vswitch.openflow.errors import BadAction
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.grouptext import parse_group_mod
from vswitch.openflow.message import Message, encode
from vswitch.openflow.messages.flow import OFPFC_DELETE
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.monitor import FlowMonitor, FlowMonitorRequest
from vswitch.openflow.messages.nested import BundleAdd, BundleControl
from vswitch.openflow.version import OF14

COMMIT, DISCARD = 4, 6


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "MIN_STAGED", 3)
    monkeypatch.setattr(staging, "MAX_THERE", 2)


class Talk:
    """A switch, and a channel with the bundle 5."""

    def __init__(self, *flows: str) -> None:
        self.machine = Machine()
        self.switch = self.machine.br0
        self.machine.flows(*flows)
        self.connection: Connection = self.machine.connect(OF14)

    def add(self, *lines: str) -> Stage:
        """Put additions into the bundle."""
        assert self.connection.add(run_of(*lines, bundle=5), 1.0) == []
        stage = self.connection.channel.collections[5].messages[-1]
        assert isinstance(stage, Stage)
        return stage

    def put(self, message: Message) -> None:
        """Put something else into it."""
        inner = encode(message, OF14, 7)
        assert self.connection.handle(BundleAdd(5, 3, inner), 7, 1.0, bytes(4) + b"\0\0\0\7") == []

    def control(self, kind: int, now: float = 2.0) -> list[Message]:
        return replies(self.connection.handle(BundleControl(5, kind, 3), 9, now))

    def rules(self, *tables: int) -> list[str]:
        return sorted(
            f"{rule.table_id} {rule.priority} {rule.match} {rule.cookie}"
            for number in tables or (0, 1)
            for rule in self.switch.tables[number]
        )


FOUR = tuple(f"table=1,priority={n},in_port={n},cookie={n} actions=2" for n in range(1, 5))
THEIRS = [f"1 {n} in_port={n} {n}" for n in range(1, 5)]


def test_many_additions_are_made_before_the_commit_and_in_the_switch_after_it() -> None:
    talk = Talk()
    stage = talk.add(*FOUR[:2])
    assert not stage.fits  # too few
    assert talk.add(*FOUR[2:]) is stage
    assert stage.fits
    assert talk.rules() == []
    talk.switch.wiring.changes.rules.clear()
    assert talk.control(COMMIT) == [BundleControl(5, COMMIT + 1, 0)]
    assert talk.rules() == THEIRS
    [rule] = [rule for rule in talk.switch.tables[1] if rule.priority == 2]
    assert (rule.created, rule.modified, rule.used) == (2.0, 2.0, 2.0)
    assert rule.added == rule.changed == talk.switch.serial
    assert talk.switch.tables[1].lookup(rule.match.value)[0] is rule
    assert [(table.id, str(match)) for table, match in talk.switch.wiring.changes.rules] == [(1, "")]


def test_of_equals_the_last_counts() -> None:
    talk = Talk()
    assert talk.add(*FOUR, "table=1,priority=2,in_port=2,cookie=9 actions=1").fits
    talk.control(COMMIT)
    assert talk.rules() == [THEIRS[0], "1 2 in_port=2 9", *THEIRS[2:]]


def test_a_table_that_the_bundle_has_emptied_can_be_filled() -> None:
    talk = Talk(*(f"table=1,priority={n},udp,tp_dst={n} actions=2" for n in range(1, 9)))
    assert not talk.add(*FOUR).fits  # too many are there
    talk.control(DISCARD)
    talk.put(parse_flow_mod("table=1", OFPFC_DELETE))
    stage = talk.add(*FOUR)
    assert not stage.fits  # not yet
    talk.control(COMMIT)
    assert talk.rules() == THEIRS
    assert list(stage.needed())  # it had been made


def test_the_few_rules_that_are_there_stay_unless_others_come_in_their_place() -> None:
    talk = Talk("table=1,priority=2,in_port=2 actions=1", "table=1,priority=7,arp,hard_timeout=5 actions=1")
    old = talk.switch.tables[1].find(parse_match("in_port=2"), 2)
    stay = talk.switch.tables[1].find(parse_match("arp"), 7)
    assert old is not None
    old.credit(3, 180, 1.5)
    assert talk.add(*FOUR).fits
    talk.control(COMMIT)
    assert talk.rules() == [*THEIRS, "1 7 arp 0"]
    assert talk.switch.tables[1].find(parse_match("arp"), 7) is stay
    assert list(talk.switch.expiring) == [stay]
    new = talk.switch.tables[1].find(parse_match("in_port=2"), 2)
    assert new is not None
    assert (new.packets, new.bytes, new.used, new.created) == (3, 180, 1.5, 2.0)


def test_hidden_rules_stay() -> None:
    talk = Talk()
    talk.switch.set_fail_open(True, 0.0)
    assert talk.add(*(line.replace("table=1", "table=0") for line in FOUR)).fits
    talk.control(COMMIT)
    assert sorted(rule.priority for rule in talk.switch.tables[0]) == [1, 2, 3, 4, 0xF0F0F0]
    talk.switch.set_fail_open(False, 0.0)
    assert sorted(rule.priority for rule in talk.switch.tables[0]) == [1, 2, 3, 4]


def test_rules_expire_and_teach_as_others_do() -> None:
    talk = Talk()
    learn = "learn(table=3,delete_learned,cookie=5,in_port=1)"
    lines = ("table=1,udp,hard_timeout=5 actions=1", f"table=1,tcp actions={learn}")
    assert talk.add(*FOUR, *lines, "table=1,udp,hard_timeout=9 actions=1").fits
    talk.control(COMMIT, 20.0)
    [rule] = talk.switch.expiring
    assert (rule.hard_timeout, rule.hard_deadline) == (9, 29.0)
    assert talk.switch.teachers[3, 5] == 1
    for at in (28.0, 30.0):
        talk.machine.backer.run(at)
        assert bool(talk.switch.tables[1].find(parse_match("udp"), 0x8000)) is (at == 28.0)
    talk.connection.handle(parse_flow_mod("", OFPFC_DELETE), 1, 30.0)
    assert talk.switch.teachers[3, 5] == 0


def test_their_removal_is_told_if_one_of_them_says_so() -> None:
    talk = Talk()
    talk.connection.channel.miss_send_len = 1
    assert talk.add(*FOUR, "table=1,udp,flags=1 actions=1").fits
    talk.control(COMMIT)
    told = replies(talk.connection.handle(parse_flow_mod("", OFPFC_DELETE), 1, 3.0))
    assert len(told) == 1


def unfitting() -> Iterator[tuple[str, object]]:
    """Why tables cannot be filled."""

    def watch(talk: Talk) -> None:
        talk.connection.handle(FlowMonitorRequest((FlowMonitor(1, 0x3F),)), 1, 0.0)

    def limit(talk: Talk) -> None:
        talk.switch.configure_table(1, "", 3, False, 0, 0.0)

    def watch_vacancy(talk: Talk) -> None:
        talk.switch.tables[1].vacancy = 1, 2

    def track(talk: Talk) -> None:
        talk.switch.tables[1].track([IP_SRC])

    def more(talk: Talk) -> None:
        for n in range(3):
            talk.connection.handle(flow_mod(f"table=1,priority=9,udp,tp_dst={n} actions=1"), 1, 0.0)

    for change in (watch, limit, watch_vacancy, track, more):
        yield change.__name__, change


@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in unfitting()])
def test_what_has_become_of_the_switch_meanwhile_counts(change: object) -> None:
    talk = Talk()
    stage = talk.add(*FOUR)
    assert stage.fits
    change(talk)  # type: ignore[operator]
    assert not stage.fits
    n_before = len(talk.rules())
    talk.control(COMMIT)
    assert len(talk.rules()) == n_before + (0 if talk.switch.tables[1].max_rules else 4)


def test_tables_are_made_with_the_prefixes_that_the_switchs_track() -> None:
    talk = Talk()
    talk.switch.tables[1].track([IP_DST])
    assert talk.add(*FOUR).fits
    talk.control(COMMIT)
    assert talk.switch.tables[1].tracked == {IP_DST}


def test_what_the_switch_lacks_is_asked_for_at_the_commit_and_the_first_that_needs_it_is_to_blame() -> None:
    talk = Talk("table=1,priority=9,arp actions=1")
    before = talk.rules()
    lines = (*FOUR, "table=1,udp actions=group:7", "table=1,tcp actions=group:7")
    assert talk.add(*lines).fits
    inner, outer = talk.connection.handle(BundleControl(5, COMMIT, 3), 9, 2.0)
    assert inner.xid == 5  # type: ignore[union-attr]
    assert inner.message.code is BadAction.BAD_OUT_GROUP  # type: ignore[union-attr]
    assert isinstance(outer.message, Error)  # type: ignore[union-attr]
    assert talk.rules() == before
    assert talk.add(*lines).fits
    talk.connection.handle(parse_group_mod("group_id=7,type=all,bucket=output:1"), 1, 1.0)
    assert talk.control(COMMIT) == [BundleControl(5, COMMIT + 1, 0)]
    assert len(talk.rules()) == 7


def test_if_a_later_message_fails_all_is_as_before() -> None:
    talk = Talk("table=1,priority=2,in_port=2 actions=1", "table=1,priority=7,arp,hard_timeout=5 actions=1")
    old = {rule: (rule.packets, rule.created) for rule in talk.switch.tables[1]}
    stage = talk.add(*FOUR, "table=1,udp,idle_timeout=5 actions=1")
    talk.put(flow_mod("table=1,ip,nw_src=1.2.3.4 actions=group:9"))
    assert stage.fits
    assert isinstance(talk.control(COMMIT)[-1], Error)
    assert {rule: (rule.packets, rule.created) for rule in talk.switch.tables[1]} == old
    assert [str(rule.match) for rule in talk.switch.expiring] == ["arp"]
    talk.machine.backer.run(1.0)  # lets go of what is left
    assert len(talk.rules()) == 2
    for rule in old:
        assert talk.switch.tables[1].lookup(rule.match.value)[0] is rule


@pytest.mark.parametrize("how", ["commit", "discard", "close", "timeout"])
def test_what_is_left_of_a_bundle_is_let_go_in_slices(how: str) -> None:
    talk = Talk()
    stage = talk.add(*FOUR)
    remains = talk.switch.wiring.remains
    remains.free(1000)
    match how:
        case "commit":
            talk.control(COMMIT)
        case "discard":
            talk.control(DISCARD)
        case "close":
            talk.connection.close(2.0)
        case _:
            talk.machine.backer.run(2.0)
            talk.machine.backer.run(100.0)
            assert stage.additions == []
            return
    assert len(stage.additions) == 4
    remains.free(3)
    assert 0 < len(stage.additions) < 4
    remains.free(1000)
    assert stage.additions == []
    assert talk.rules() == (THEIRS if how == "commit" else [])
