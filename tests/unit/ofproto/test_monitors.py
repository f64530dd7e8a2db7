"""Who hears of which change to the rules."""

from __future__ import annotations

from tests.switch.machine import Machine
from vswitch.ofproto.command import Command, Send
from vswitch.ofproto.connections import Connection
from vswitch.openflow.errors import FlowMonitorFailed
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.message import encode
from vswitch.openflow.messages.flow import OFPFC_DELETE
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.monitor import (
    OFPFMC_DELETE,
    OFPFMC_MODIFY,
    OFPFME_ABBREV,
    OFPFME_ADDED,
    OFPFME_INITIAL,
    OFPFME_MODIFIED,
    OFPFME_PAUSED,
    OFPFME_REMOVED,
    OFPFME_RESUMED,
    OFPFMF_ADD,
    OFPFMF_INITIAL,
    OFPFMF_INSTRUCTIONS,
    OFPFMF_MODIFY,
    OFPFMF_ONLY_OWN,
    OFPFMF_REMOVED,
    FlowMonitor,
    FlowMonitorCancel,
    FlowMonitorPaused,
    FlowMonitorReply,
    FlowMonitorRequest,
    FlowMonitorResumed,
)
from vswitch.openflow.messages.nested import BundleAdd, BundleControl
from vswitch.openflow.version import OF10, OF14, OF15

CHANGES = OFPFMF_ADD | OFPFMF_REMOVED | OFPFMF_MODIFY


def events(commands: list[Command], connection: Connection) -> list[tuple[int, int]]:
    """Event and cookie, or xid, of each update that a connection gets."""
    found = []
    for command in commands:
        if isinstance(command, Send) and command.connection == connection.id:
            assert isinstance(command.message, FlowMonitorReply)
            found += [(update.event, update.xid or update.cookie) for update in command.message.updates]
    return found


def watch(machine: Machine, flags: int = CHANGES, **details: int) -> Connection:
    connection = machine.connect(OF15)
    request = FlowMonitorRequest((FlowMonitor(7, flags, **details),))  # type: ignore[arg-type]
    [answer] = connection.handle(request, 1, 0.0)
    assert isinstance(answer, Send)
    assert isinstance(answer.message, FlowMonitorReply)
    return connection


def change(connection: Connection, text: str, command: int = 0, xid: int = 9) -> list[Command]:
    message = parse_flow_mod(text, command)
    return connection.handle(message, xid, 0.0, encode(message, OF15, xid))


def test_a_change_is_told_to_those_who_watch_it() -> None:
    machine = Machine()
    actor, everything = machine.connect(OF15), watch(machine)
    port = watch(machine, out_port=2)
    table = watch(machine, CHANGES, table_id=1)
    told = change(actor, "table=0,cookie=1,in_port=1,actions=output:2")
    assert [events(told, each) for each in (everything, port, table)] == [[(OFPFME_ADDED, 1)]] * 2 + [[]]
    told = change(actor, "table=0,cookie=1,in_port=1,actions=output:3", 1)
    assert events(told, everything) == events(told, port) == [(OFPFME_MODIFIED, 1)]
    assert change(actor, "table=0,cookie=1,in_port=1,actions=output:3", 1) == []  # the same as it was
    told = change(actor, "table=0,in_port=1", OFPFC_DELETE)
    assert events(told, everything) == [(OFPFME_REMOVED, 1)]
    assert events(told, port) == []


def test_ones_own_change_is_told_in_a_word_unless_asked_for() -> None:
    machine = Machine()
    brief, full = watch(machine), watch(machine, CHANGES | OFPFMF_ONLY_OWN)
    told = change(brief, "table=0,cookie=1,actions=drop", xid=33)
    assert (events(told, brief), events(told, full)) == ([(OFPFME_ABBREV, 33)], [(OFPFME_ADDED, 1)])
    told = change(full, "table=0,cookie=2,priority=1,actions=drop")
    assert (events(told, brief), events(told, full)) == ([(OFPFME_ADDED, 2)], [(OFPFME_ADDED, 2)])
    assert events(change(brief, "table=0", OFPFC_DELETE, 34), brief) == [(OFPFME_ABBREV, 34)]


def test_what_there_is_at_first() -> None:
    machine = Machine()
    machine.flows("cookie=1,actions=output:1", "cookie=2,table=3,actions=output:2")
    connection = machine.connect(OF15)
    request = FlowMonitorRequest(
        (FlowMonitor(7, OFPFMF_INITIAL | OFPFMF_INSTRUCTIONS | OFPFMF_ADD, table_id=3),)
    )
    [answer] = connection.handle(request, 1, 0.0)
    assert isinstance(answer, Send)
    assert isinstance(answer.message, FlowMonitorReply)
    [update] = answer.message.updates
    assert (update.event, update.cookie, answer.xid) == (OFPFME_INITIAL, 2, 1)
    assert update.actions


def test_a_bundle_that_fails_is_not_told() -> None:
    machine = Machine()
    watcher, actor = watch(machine), machine.connect(OF14)
    for text in ("table=0,cookie=1,in_port=1,actions=drop", "table=0,check_overlap,tcp,actions=drop"):
        inner = encode(parse_flow_mod(text), OF14, 9)
        add = BundleAdd(1, 3, inner)
        assert actor.handle(add, 9, 0.0, encode(add, OF14, 9)) == []
    commit = BundleControl(1, 4, 3)
    assert events(actor.handle(commit, 9, 0.0, encode(commit, OF14, 9)), watcher) == []


def test_monitors_are_changed_and_ended() -> None:
    machine = Machine()
    watcher, actor = watch(machine), machine.connect(OF15)

    def ask(*monitors: FlowMonitor) -> object:
        [answer] = watcher.handle(FlowMonitorRequest(monitors), 1, 0.0)
        assert isinstance(answer, Send)
        return answer.message.code if isinstance(answer.message, Error) else None

    assert ask(FlowMonitor(8, CHANGES), FlowMonitor(7, CHANGES)) is FlowMonitorFailed.MONITOR_EXISTS
    assert watcher.channel.monitors.keys() == {7}  # all or none
    assert ask(FlowMonitor(8, CHANGES, table_id=254)) is FlowMonitorFailed.BAD_TABLE_ID
    assert ask(FlowMonitor(8, CHANGES, command=OFPFMC_MODIFY)) is FlowMonitorFailed.UNKNOWN_MONITOR
    assert ask(FlowMonitor(7, OFPFMF_REMOVED, command=OFPFMC_MODIFY)) is None
    assert change(actor, "table=0,cookie=1,actions=drop") == []
    assert ask(FlowMonitor(7, command=OFPFMC_DELETE)) is None
    assert change(actor, "table=0", OFPFC_DELETE) == []
    [answer] = watcher.handle(FlowMonitorCancel(7), 1, 0.0)
    assert isinstance(answer, Send)
    assert isinstance(answer.message, Error)


def test_who_does_not_read_hears_later_what_came_and_stayed() -> None:
    machine = Machine()
    actor, watcher = machine.connect(OF15), watch(machine)
    change(actor, "table=0,cookie=1,priority=1,actions=drop")
    change(actor, "table=0,cookie=2,priority=2,actions=drop")
    assert events(watcher.pause(), watcher) == [(OFPFME_PAUSED, 0)]
    assert watcher.pause() == []
    assert change(actor, "table=0,cookie=3,priority=3,actions=drop") == []
    assert change(actor, "table=0,cookie=4,priority=4,actions=drop") == []
    assert change(actor, "table=0,priority=2,actions=output:1", 2) == []
    assert events(change(actor, "table=0,priority=1", 4), watcher) == [(OFPFME_REMOVED, 1)]
    assert change(actor, "table=0,priority=4", 4) == []
    told = sorted(events(watcher.resume(), watcher))
    assert told == [(OFPFME_ADDED, 3), (OFPFME_MODIFIED, 2), (OFPFME_RESUMED, 0)]
    assert watcher.resume() == []


def test_older_versions_have_messages_for_pauses() -> None:
    machine = Machine()
    connection = machine.connect(OF10)
    for commands, kind in (
        (connection.pause(), FlowMonitorPaused),
        (connection.resume(), FlowMonitorResumed),
    ):
        [command] = commands
        assert isinstance(command, Send)
        assert isinstance(command.message, kind)


def test_expiry_is_told_too() -> None:
    machine = Machine()
    watcher = watch(machine)
    machine.flows("cookie=5,hard_timeout=2,actions=drop")
    machine.sent.clear()
    machine.pass_time(4.0)
    assert events(list(machine.sent), watcher) == [(OFPFME_REMOVED, 5)]
