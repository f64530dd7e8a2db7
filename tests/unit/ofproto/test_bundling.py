"""OpenFlow's bundles: all or nothing, in order."""

from __future__ import annotations

from vswitch.dpif.datapath import Support
from vswitch.flow.ports import OfPort
from vswitch.ofproto.backer import Backer
from vswitch.ofproto.channel import ChannelKind
from vswitch.ofproto.command import Command, Send
from vswitch.ofproto.connections import Connection
from vswitch.ofproto.port import SwitchPort
from vswitch.ofproto.settings import BUNDLE_IDLE_TIMEOUT
from vswitch.openflow.errors import BadRequest, BundleFailed, ErrorCode, FlowModFailed
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.message import Message, encode
from vswitch.openflow.messages.flow import OFPFC_ADD, OFPFC_DELETE, OFPFC_MODIFY
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.nested import OFPBF_ATOMIC, OFPBF_ORDERED, BundleAdd, BundleControl
from vswitch.openflow.messages.port import OFPPC10_NO_FLOOD, OFPPC_NO_FWD, PortMod
from vswitch.openflow.messages.role import ROLE_SECONDARY
from vswitch.openflow.version import OF14

OPEN, CLOSE, COMMIT, DISCARD = 0, 2, 4, 6
BOTH = OFPBF_ATOMIC | OFPBF_ORDERED


class Talk:
    """A switch with one port and one rule, and a channel to it."""

    def __init__(self) -> None:
        self.backer = Backer(Support())
        self.switch = self.backer.add_switch("br0", 1, 0.0)
        self.switch.ports.add(SwitchPort(OfPort(1), "p1", 0xAA), 0.0)
        self.switch.flush_rules(0.0)
        self.connection = Connection(self.switch, OF14, ChannelKind.SERVICE, 0.0)

    def say(self, message: Message, xid: int = 1) -> list[Command]:
        return self.connection.handle(message, xid, 0.0, encode(message, OF14, xid))

    def control(self, kind: int, number: int = 7, flags: int = BOTH) -> ErrorCode | None:
        """What is wrong with a control message; None: the answer was as it must be."""
        answer = self.say(BundleControl(number, kind, flags))[-1]
        assert isinstance(answer, Send)
        if isinstance(answer.message, Error):
            return answer.message.code
        assert answer.message == BundleControl(number, kind + 1)
        return None

    def add(self, message: Message, number: int = 7, flags: int = BOTH, xid: int = 1) -> ErrorCode | None:
        answers = self.say(BundleAdd(number, flags, encode(message, OF14, xid)))
        if not answers:
            return None
        [answer] = answers
        assert isinstance(answer, Send)
        assert isinstance(answer.message, Error)
        return answer.message.code

    def rules(self) -> list[str]:
        return sorted(f"{rule.priority} {rule.actions} {rule.cookie}" for rule in self.switch.tables[0])


def flow(text: str, command: int = OFPFC_ADD) -> Message:
    return parse_flow_mod(text, command)


def test_what_is_in_a_bundle_happens_at_the_commit_and_in_order() -> None:
    talk = Talk()
    before = talk.rules()
    assert talk.control(OPEN) is None
    assert talk.add(flow("priority=5,in_port=1,actions=output:1")) is None
    assert talk.add(flow("table=0", OFPFC_DELETE)) is None
    assert talk.add(flow("priority=9,in_port=1,actions=output:2")) is None
    assert talk.rules() == before
    assert talk.control(CLOSE) is None
    assert talk.control(COMMIT) is None
    assert [rule.split()[0] for rule in talk.rules()] == ["9"]
    assert talk.control(COMMIT) is BundleFailed.BAD_ID


def test_if_one_fails_nothing_has_happened_and_nobody_has_heard_of_any() -> None:
    talk = Talk()
    talk.say(flow("priority=5,in_port=1,cookie=3,send_flow_rem,actions=output:1"))
    listener = Connection(talk.switch, OF14, ChannelKind.SERVICE, 0.0)
    listener.channel.miss_send_len = 128
    before = talk.rules()
    talk.control(OPEN)
    talk.add(flow("priority=5,in_port=1,actions=output:2"))
    talk.add(flow("in_port=1,actions=output:3", OFPFC_MODIFY))
    talk.add(PortMod(OfPort(1), 0xAA, OFPPC_NO_FWD, OFPPC_NO_FWD | OFPPC10_NO_FLOOD))
    talk.add(flow("table=0", OFPFC_DELETE))
    assert talk.add(flow("table=254,actions=drop"), xid=1) is BadRequest.EPERM  # wrong in any case
    talk.add(flow("priority=9,in_port=1,actions=drop"))
    talk.add(flow("check_overlap,priority=9,tcp,actions=drop"), xid=1)
    inner, outer = talk.say(BundleControl(7, COMMIT, BOTH), 5)
    assert isinstance(inner, Send)
    assert isinstance(outer, Send)
    assert isinstance(inner.message, Error)
    assert isinstance(outer.message, Error)
    assert (inner.message.code, inner.xid) == (FlowModFailed.OVERLAP, 1)
    assert (outer.message.code, outer.xid) == (BundleFailed.MSG_FAILED, 5)
    assert talk.rules() == before
    assert talk.switch.ports[OfPort(1)].config == 0
    assert talk.control(DISCARD) is BundleFailed.BAD_ID


def test_bundles_that_are_not_what_is_meant() -> None:
    talk = Talk()
    assert talk.control(CLOSE) is BundleFailed.BAD_ID
    assert talk.control(DISCARD) is BundleFailed.BAD_ID
    assert talk.control(9) is BundleFailed.BAD_TYPE
    assert talk.control(OPEN) is None
    assert talk.control(OPEN) is BundleFailed.BAD_ID  # and it is gone
    assert talk.add(flow("actions=drop")) is None  # opens another
    assert talk.control(CLOSE, flags=OFPBF_ATOMIC) is BundleFailed.BAD_FLAGS
    assert talk.add(flow("actions=drop")) is None
    assert talk.control(CLOSE) is None
    assert talk.add(flow("actions=drop")) is BundleFailed.BUNDLE_CLOSED
    assert talk.control(COMMIT) is BundleFailed.BAD_ID
    assert talk.add(flow("actions=drop"), xid=2) is BundleFailed.MSG_BAD_XID
    talk.connection.channel.role = ROLE_SECONDARY
    assert talk.control(OPEN) is BadRequest.IS_SECONDARY


def test_a_bundle_that_nobody_goes_on_with_is_forgotten() -> None:
    talk = Talk()
    talk.control(OPEN)
    talk.backer.run(0.0)
    assert talk.backer.deadline <= 1.0
    assert talk.backer.run(BUNDLE_IDLE_TIMEOUT - 0.1) == []
    [command] = talk.backer.run(BUNDLE_IDLE_TIMEOUT + 1.0)
    assert isinstance(command, Send)
    assert isinstance(command.message, Error)
    assert command.message.code is BundleFailed.TIMEOUT
    assert talk.control(COMMIT) is BundleFailed.BAD_ID
