"""Flow-mods read and performed many at a time come to the same as one by one: rules, answers, what monitors hear."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.switch.machine import Machine
from vswitch.ofproto import staging
from vswitch.ofproto.channel import ChannelKind
from vswitch.ofproto.command import Send
from vswitch.ofproto.connections import Connection
from vswitch.openflow.additions import Additions, run_reader
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.message import encode
from vswitch.openflow.messages.flow import (
    OFPFC_ADD,
    OFPFC_DELETE,
    OFPFC_DELETE_STRICT,
    OFPFC_MODIFY,
    FlowMod,
)
from vswitch.openflow.messages.hello import Hello
from vswitch.openflow.messages.monitor import FlowMonitor, FlowMonitorRequest
from vswitch.openflow.messages.nested import BundleAdd, BundleControl
from vswitch.openflow.messages.role import FlowModTableId
from vswitch.openflow.session import Malformed, Received, Session
from vswitch.openflow.version import OF10, OF11, OF13, OF14, OF15, Version

TEXTS = (
    "tcp,nw_src=10.0.{a}.{b},nw_dst=192.168.0.0/16,tp_dst={port},actions=output:{n}",
    "dl_src=00:00:00:00:{hex}:01,dl_dst=02:00:00:00:00:{hex},actions=mod_vlan_vid:{n},output:1",
    "ipv6,ipv6_dst=fe80::{hex},actions=dec_ttl,output:2",
    "udp6,tp_src={port},actions=drop",
    "in_port={n},dl_vlan={a},actions=strip_vlan,normal",
    "arp,arp_tpa=1.{a}.2.{b},arp_op={n},actions=flood",
    "icmp,icmp_type={n},nw_src=1.2.3.{b},actions=output:1",
    "ip,nw_src=10.{a}.0.0/16,metadata={b},reg3={a},tun_id={b}/0xff,actions=load:{a}->NXM_NX_REG1[],resubmit(,{n})",
    "ct_state=+trk+est,ct_mark={a},ip,actions=ct(commit,zone={n})",
    "hard_timeout={n},idle_timeout={a},send_flow_rem,check_overlap,ip,nw_src=1.1.{a}.1,actions=output:{n}",
    "dl_src=00:00:00:00:00:{hex},actions=group:{n}",
    "in_port=1,dl_vlan=65535,dl_src=0:1:2:3:4:{hex},dl_dst=0:1:2:3:4:5,ip,nw_src=1.2.3.{a},nw_dst=1.2.3.4,nw_tos=0,"
    "tcp,tp_src=1,tp_dst={port},actions=output:1",
    "tun_metadata1=0x{hex},actions=drop",
    "actions=learn(table={n},cookie={a},delete_learned,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])",
    "table=254,actions=drop",
)
VERSIONS = (OF10, OF11, OF13, OF14, OF15)
few = st.sampled_from((0, 1, 2, 7, 254, 255))


@st.composite
def flow_mods(draw: st.DrawFn) -> FlowMod:
    """Mostly additions, of few shapes, with few values, so that they meet."""
    a, b = draw(few), draw(few)
    text = draw(st.sampled_from(TEXTS)).format(
        a=a, b=b, hex=f"{b:02x}", port=a * 257, n=draw(st.integers(1, 3))
    )
    command = draw(st.sampled_from((OFPFC_ADD,) * 12 + (OFPFC_MODIFY, OFPFC_DELETE, OFPFC_DELETE_STRICT)))
    message = parse_flow_mod(text).replace(command=command)
    if command in (OFPFC_DELETE, OFPFC_DELETE_STRICT):
        message = message.replace(actions=(), new_cookie=None, flags=0)
    cookie = draw(st.sampled_from((0, 1, 2, (1 << 64) - 1))) if command == OFPFC_ADD else message.new_cookie
    table = (
        message.table_id if message.table_id == 254 else draw(st.sampled_from((0, 0, 1, 3, 253, 254, 255)))
    )
    return message.replace(table_id=table, priority=draw(st.sampled_from((0, 1, 65535))), new_cookie=cookie)


@st.composite
def streams(draw: st.DrawFn) -> tuple[Version, bytes]:
    """Bytes of a controller: flow-mods, some in bundles, now and then one that is damaged."""
    version = draw(st.sampled_from(VERSIONS))
    parts = [encode(FlowModTableId(True), OF10)] if version == OF10 and draw(st.integers(0, 4)) else []
    for xid, message in enumerate(draw(st.lists(flow_mods(), min_size=1, max_size=12)), 1):
        nxm = draw(st.sampled_from((None, True)))
        data = encode(message, version, xid, nxm=nxm, table_ids=True)
        if not draw(st.integers(0, 12)):
            at = draw(st.integers(4, len(data) - 1))
            data = data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
        if not draw(st.integers(0, 12)):
            length = draw(st.integers(8, len(data)))
            data = data[:2] + length.to_bytes(2, "big") + data[4:length]
        if version >= OF14 and draw(st.integers(0, 2)):
            bundled = encode(
                BundleAdd(draw(st.integers(1, 2)), draw(st.sampled_from((3, 3, 3, 9))), data), version, xid
            )
            if not draw(st.integers(0, 12)):
                bundled = bundled[:4] + bytes(4) + bundled[8:]
            data = bundled
            if not draw(st.integers(0, 5)):
                kind = draw(st.sampled_from((0, 2, 4, 4, 4, 6)))
                data += encode(BundleControl(draw(st.integers(1, 2)), kind, 3), version, xid)
        parts.append(data)
    if version >= OF14:
        parts += [encode(BundleControl(number, 4, 3), version, 99) for number in (1, 2)]
    return version, b"".join(parts)


class Talk:
    """A switch, and a controller whose bytes it reads."""

    def __init__(self, version: Version, *, in_runs: bool, is_watched: bool, limit: int | None) -> None:
        self.machine = Machine()
        self.session = Session(0.0, **({"run_reader": run_reader} if in_runs else {}))
        self.session.receive(encode(Hello(frozenset({version})), version), 0.0)
        assert len(list(self.session.events())) == 1
        self.connection = Connection(self.machine.br0, version, ChannelKind.SERVICE, 0.0)
        self.n_in_runs = 0
        if limit is not None:
            self.machine.br0.configure_table(0, "", limit, False, 0, 0.0)
        if is_watched:
            other = Connection(self.machine.br0, OF13, ChannelKind.SERVICE, 0.0)
            for connection in (self.connection, other):
                connection.handle(FlowMonitorRequest((FlowMonitor(1, 0x3F),)), 1, 0.0)

    def hear(self, data: bytes) -> list[tuple[int, object, int]]:
        """What the switch says to these bytes; monitors' updates one by one."""
        said: list[tuple[int, object, int]] = []
        self.session.receive(data, 0.0)
        for command in self._commands():
            assert isinstance(command, Send)
            said.append((command.connection, command.message, command.xid))
        return said

    def _commands(self) -> Iterator[object]:
        for event in self.session.events():
            if isinstance(event, Additions):
                self.n_in_runs += len(event.additions)
                yield from self.connection.add(event, 1.0)
            elif isinstance(event, Received):
                yield from self.connection.handle(event.message, event.xid, 1.0, event.data)
            elif isinstance(event, Malformed):
                yield from self.connection.refuse(event.error, event.xid, event.data)
            self.session.table_ids = self.connection.table_ids

    def rules(self) -> list[str]:
        """All rules, and what each has."""
        return sorted(
            f"{rule.table_id} {rule.priority} {rule.match!r} {rule.actions} {rule.cookie} {rule.flags} "
            f"{rule.idle_timeout} {rule.hard_timeout} {rule.importance} {rule.created} {rule.packets}"
            for table in self.machine.br0.tables
            for rule in table
        )

    def known(self) -> tuple[list[str], dict[tuple[int, int], int]]:
        """What the switch knows of its rules: those that expire, and whom they teach."""
        switch = self.machine.br0
        expiring = sorted(f"{rule.table_id} {rule.priority} {rule.match!r}" for rule in switch.expiring)
        return expiring, {taught: n for taught, n in switch.teachers.items() if n}


@pytest.mark.parametrize(
    ("min_staged", "max_there"), [(staging.MIN_STAGED, staging.MAX_THERE), (1, staging.MAX_THERE), (2, 1)]
)
@pytest.mark.parametrize(("is_watched", "limit"), [(False, None), (True, None), (False, 2)])
@settings(deadline=None, max_examples=50)
@given(stream=streams())
def test_runs_come_to_what_single_messages_come_to(
    stream: tuple[Version, bytes], is_watched: bool, limit: int | None, min_staged: int, max_there: int
) -> None:
    version, data = stream
    one_by_one = Talk(version, in_runs=False, is_watched=is_watched, limit=limit)
    in_runs = Talk(version, in_runs=True, is_watched=is_watched, limit=limit)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(staging, "MIN_STAGED", min_staged)
        patched.setattr(staging, "MAX_THERE", max_there)
        said = one_by_one.hear(data), in_runs.hear(data)
    assert sorted(map(repr, said[0])) == sorted(map(repr, said[1]))
    assert one_by_one.rules() == in_runs.rules()
    assert one_by_one.known() == in_runs.known()


@pytest.mark.parametrize("version", [OF10, OF13, OF14, OF15])
def test_additions_are_read_in_runs(version: Version) -> None:
    talk = Talk(version, in_runs=True, is_watched=False, limit=None)
    head = encode(FlowModTableId(True), OF10) if version == OF10 else b""
    lines = [
        f"table={n % 8},priority={n},tcp,nw_src=10.0.0.{n},actions=output:{n % 2 + 1}" for n in range(200)
    ]
    data = [encode(parse_flow_mod(line), version, n, table_ids=True) for n, line in enumerate(lines)]
    assert talk.hear(head + b"".join(data)) == []
    assert talk.n_in_runs == 200
    assert len([rule for rule in talk.rules() if "output" in rule.lower()]) == 200


@settings(deadline=None, max_examples=100)
@given(message=flow_mods(), version=st.sampled_from(VERSIONS), nxm=st.sampled_from((None, True)))
def test_an_addition_means_the_message_that_it_is(
    message: FlowMod, version: Version, nxm: bool | None
) -> None:
    data = encode(message, version, 5, nxm=nxm, table_ids=True)
    talks = [Session(0.0, **({"run_reader": run_reader} if in_runs else {})) for in_runs in (False, True)]
    found = []
    for session in talks:
        session.receive(encode(Hello(frozenset({version})), version) + data, 0.0)
        session.table_ids = True
        found.append(list(session.events())[-1])
    plain, run = found
    if isinstance(run, Additions):
        assert isinstance(plain, Received)
        assert [addition.message for addition in run.additions] == [plain.message]
        assert [addition.data for addition in run.additions] == [plain.data]
    else:
        assert run.__class__ is plain.__class__


@pytest.mark.parametrize("version", VERSIONS)
def test_additions_that_are_cut_anywhere_are_wrong_in_the_same_way(version: Version) -> None:
    line = "table=1,priority=5,tcp,nw_src=10.0.0.1,actions=output:1"
    good = encode(parse_flow_mod(line), version, 1, table_ids=True)
    cuts = [good[:2] + size.to_bytes(2, "big") + good[4:size] for size in range(8, len(good))]
    head = encode(FlowModTableId(True), OF10) if version == OF10 else b""
    data = head + good + b"".join(cut + good for cut in cuts)
    one_by_one = Talk(version, in_runs=False, is_watched=False, limit=None)
    in_runs = Talk(version, in_runs=True, is_watched=False, limit=None)
    said = one_by_one.hear(data)
    assert len(said) >= len(cuts) - 8  # a match or a list of actions may end where it was cut
    assert in_runs.hear(data) == said
