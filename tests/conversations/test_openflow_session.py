"""Conversations with an OpenFlow session: no socket, no sleep, time passed in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.openflow.errors import BadRequest, HelloFailed
from vswitch.openflow.message import HEADER, decode, encode
from vswitch.openflow.messages.hello import EchoReply, EchoRequest, Error, Hello
from vswitch.openflow.messages.switch import BarrierReply, BarrierRequest
from vswitch.openflow.session import Event, Malformed, Negotiated, ProtocolError, Received, Session, State
from vswitch.openflow.version import ALL_VERSIONS, OF10, OF13, OF14, OF15


def take(session: Session, data: bytes, now: float = 0.0) -> list[Event]:
    session.receive(data, now)
    return list(session.events())


def agreed(now: float = 0.0, **options: float) -> Session:
    """A session that has agreed on OpenFlow 1.3, with nothing to say."""
    session = Session(now, {OF13}, **options)
    take(session, encode(Hello(frozenset({4})), OF13), now)
    session.take_output()
    return session


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed_on"),
    [
        (ALL_VERSIONS, {OF10}, OF10),
        ({OF10, OF13}, {OF10, OF13, OF14}, OF13),
        ({OF10, OF14}, {OF10, OF13}, OF10),
    ],
)
def test_both_ends_agree_on_the_highest_common_version(ours, theirs, agreed_on) -> None:
    switch, controller = Session(0.0, ours), Session(0.0, theirs)
    assert take(switch, controller.take_output()) == [Negotiated(agreed_on)]
    assert take(controller, switch.take_output()) == [Negotiated(agreed_on)]
    assert switch.state is controller.state is State.ACTIVE


def test_a_hello_without_bitmap_means_all_versions_up_to_its_own() -> None:
    session = Session(0.0, {OF10, OF13})
    assert take(session, HEADER.pack(3, 0, 8, 1)) == [Negotiated(OF10)]


def test_no_common_version_is_told_and_ends_the_session() -> None:
    session = Session(0.0, {OF15})
    session.take_output()
    session.receive(HEADER.pack(1, 0, 8, 9), 0.0)
    with pytest.raises(ProtocolError):
        list(session.events())
    _, xid, error = decode(session.take_output())
    assert isinstance(error, Error)
    assert (error.code, xid, session.state) == (HelloFailed.INCOMPATIBLE, 0, State.DEAD)


@pytest.mark.parametrize(
    ("ours", "theirs", "header", "words"),
    [
        (ALL_VERSIONS, {7}, 1, "We support version 0x06 and earlier, you support version 0x07"),
        ({OF10, OF13}, {2, 5}, 5, "We support versions 0x01, 0x04, you support versions 0x02, 0x05"),
        ({OF13}, {1, 2, 3}, 3, "We support version 0x04, you support version 0x03 and earlier"),
    ],
)
def test_the_refusal_names_the_versions_in_the_words_of_the_peer(ours, theirs, header, words) -> None:
    """Recorded from Open vSwitch 3.1, as is the version of the refusal itself."""
    session = Session(0.0, ours)
    session.take_output()
    bitmap = sum(1 << version for version in theirs).to_bytes(4, "big")
    session.receive(HEADER.pack(max(theirs), 0, 16, 9) + b"\0\1\0\x08" + bitmap, 0.0)
    with pytest.raises(ProtocolError, match=r"we support version.*, peer supports version"):
        list(session.events())
    version, _, error = decode(session.take_output())
    assert isinstance(error, Error)
    assert (version, error.data.decode()) == (header, f"{words}, no common versions.")


def test_anything_before_hello_ends_the_session() -> None:
    session = Session(0.0)
    session.receive(encode(BarrierRequest(), OF13), 0.0)
    with pytest.raises(ProtocolError):
        list(session.events())
    assert session.state is State.DEAD


def test_echo_requests_are_answered_with_their_data() -> None:
    session = agreed()
    assert take(session, encode(EchoRequest(b"ping"), OF13, 7)) == []
    assert session.take_output() == encode(EchoReply(b"ping"), OF13, 7)


def test_a_silent_peer_is_probed_then_given_up() -> None:
    session = agreed(1.0, probe_interval=5.0)
    assert session.deadline == 6.0
    session.expire(6.0)
    assert (session.state, session.take_output()[1]) == (State.IDLE, 2)
    assert session.deadline == 11.0
    session.expire(11.0)
    assert session.state is State.DEAD


def test_any_bytes_show_that_a_probed_peer_lives() -> None:
    session = agreed(1.0, probe_interval=5.0)
    session.expire(6.0)
    take(session, b"\4", 10.0)
    assert (session.state, session.deadline) == (State.ACTIVE, 15.0)


def test_a_session_without_probes_waits_for_ever() -> None:
    session = agreed(0.0, probe_interval=0.0)
    assert session.deadline == float("inf")


def test_a_message_that_makes_no_sense_is_handed_over_with_its_error() -> None:
    session = agreed()
    bad = HEADER.pack(4, 99, 8, 5)
    (event,) = take(session, bad)
    assert isinstance(event, Malformed)
    assert (event.error.code, event.xid, event.data) == (BadRequest.BAD_TYPE, 5, bad)
    assert take(session, encode(BarrierRequest(), OF13, 6)) == [
        Received(BarrierRequest(), 6, encode(BarrierRequest(), OF13, 6))
    ]


def test_a_broken_header_ends_the_session() -> None:
    session = agreed()
    session.receive(HEADER.pack(4, 20, 7, 1), 0.0)
    with pytest.raises(ProtocolError):
        list(session.events())
    assert session.state is State.DEAD
    assert take(session, encode(BarrierRequest(), OF13)) == []


def test_a_message_of_another_version_is_refused() -> None:
    (event,) = take(agreed(), HEADER.pack(1, 18, 8, 1))
    assert isinstance(event, Malformed)
    assert event.error.code is BadRequest.BAD_VERSION


@given(st.lists(st.integers(1, 40)))
def test_chunk_boundaries_do_not_matter(sizes: list[int]) -> None:
    messages = [EchoReply(b"data"), BarrierReply(), Error(BadRequest.BAD_LEN, b"x" * 50)]
    stream = encode(Hello(frozenset({4})), OF13) + b"".join(encode(message, OF13, 5) for message in messages)
    session = Session(0.0, {OF13})
    got: list[Event] = []
    for size in sizes:
        chunk, stream = stream[:size], stream[size:]
        got += take(session, chunk)
    got += take(session, stream)
    assert got[0] == Negotiated(OF13)
    assert [event.message for event in got[1:] if isinstance(event, Received)] == messages


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_protocol_error(data: bytes) -> None:
    session = agreed()
    session.receive(data, 0.0)
    try:
        list(session.events())
    except ProtocolError:
        assert session.state is State.DEAD
