"""Messages out of a stream of bytes, however it is cut."""

from __future__ import annotations

import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.base.errors import VswitchError
from vswitch.base.lightjson import encode
from vswitch.linux.jsonrpc_client import Connection, Splitter

TEXT = st.text(st.sampled_from('a"\\{}[]\n é'), max_size=6)
MESSAGES = st.lists(
    st.fixed_dictionaries({"id": TEXT, "params": st.lists(TEXT | st.integers(), max_size=3)}), max_size=5
)


@given(MESSAGES, st.data())
def test_any_chunking_gives_the_same_messages(messages, data):
    stream = "\n".join(map(encode, messages)).encode()
    splitter, found = Splitter(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += splitter.receive(stream[:size])
        stream = stream[size:]
    assert found == messages


@given(st.binary(max_size=40))
def test_any_bytes_are_messages_or_an_error(data):
    splitter = Splitter()
    try:
        for start in range(0, len(data), 3):
            splitter.receive(data[start : start + 3])
    except VswitchError:
        pass


def test_a_long_message_costs_time_in_proportion():
    splitter = Splitter()
    text = encode({"params": ["x" * 100] * 100_000}).encode()
    pieces = [text[at : at + 65536] for at in range(0, len(text), 65536)]
    found = [message for piece in pieces for message in splitter.receive(piece)]
    assert len(found[0]["params"]) == 100_000


def test_a_connection_sends_receives_and_ends():
    near, far = socket.socketpair()
    connection = Connection(near)
    connection.send({"id": 1})
    assert far.recv(100) == b'{"id":1}'
    threading.Timer(0.01, far.sendall, [b'{"id":2}{"id":3}']).start()
    assert connection.receive() == {"id": 2}
    assert connection.received() == [{"id": 3}]
    far.close()
    with pytest.raises(ConnectionError):
        connection.receive()
    connection.close()
