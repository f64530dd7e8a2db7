"""Hostile messages: the golden ones with bytes changed, cut off or added."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.openflow.samples import vectors
from vswitch.base.errors import TextError
from vswitch.flow.match import parse_match
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.grouptext import parse_group_mod
from vswitch.openflow.message import decode, encode
from vswitch.openflow.metertext import parse_meter_mod
from vswitch.openflow.session import Malformed, Negotiated, ProtocolError, Received, Session
from vswitch.openflow.text import print_message
from vswitch.openflow.version import Version

PACKETS = [packet for packet, _ in vectors()]
CHANGES = st.lists(st.tuples(st.integers(2, 400), st.integers(0, 255)), max_size=4)


@settings(max_examples=1500)
@given(st.sampled_from(PACKETS), CHANGES, st.integers(-400, 20))
def test_a_changed_message_is_a_message_or_an_error(packet, changes, more):
    data = bytearray(packet + bytes(more) if more > 0 else packet[: max(8, len(packet) + more)])
    for at, byte in changes:
        if at < len(data):
            data[at] = byte
    data[2:4] = len(data).to_bytes(2, "big")
    assert print_message(bytes(data), 2).endswith("\n")
    try:
        version, xid, message = decode(bytes(data))
    except OpenFlowError as error:
        assert error.code.name  # noqa: PT017
        return
    with suppress(OpenFlowError):  # what came in a vendor's form may have none to go out in
        encode(message, version, xid)


@settings(max_examples=300)
@given(
    st.sampled_from(PACKETS),
    CHANGES,
    st.sampled_from(sorted(Version)),
    st.lists(st.integers(1, 60), max_size=20),
)
def test_a_session_survives_or_ends(packet, changes, version, sizes):
    """Any bytes, in any pieces: events, or the end of the session; nothing else."""
    session = Session(0.0, [version])
    data = bytearray(packet)
    for at, byte in changes:
        if at < len(data):
            data[at] = byte
    stream = bytes([version, 0, 0, 8, 0, 0, 0, 0]) + bytes(data) + packet
    seen = []
    try:
        for size in [*sizes, len(stream)]:
            session.receive(stream[:size], 0.0)
            stream = stream[size:]
            seen += session.events()
    except ProtocolError:
        assert not session.alive
    assert seen[0] == Negotiated(version)
    assert all(isinstance(event, Received | Malformed) for event in seen[1:])


@pytest.mark.parametrize(
    "text", ["(" * 1_000_000, "[" * 1_000_000, "a(" * 300_000, "clone(" * 170_000, "," * 1_000_000]
)
@pytest.mark.parametrize(
    "parse",
    [
        lambda text: parse_match(text),
        lambda text: parse_flow_mod(f"actions={text}"),
        lambda text: parse_flow_mod(f"{text},actions=drop"),
        lambda text: parse_group_mod(f"group_id=1,type=all,bucket={text}"),
        lambda text: parse_meter_mod(f"meter=1,kbps,bands={text}"),
    ],
    ids=["match", "actions", "flow", "group", "meter"],
)
def test_a_megabyte_of_brackets_is_refused_in_words(parse, text):
    try:
        parse(text)
    except TextError as error:
        assert str(error)  # noqa: PT017
