import pytest

from vswitch.ovsdb.jsonrpc import ErrorReply, Notification, Reply, Request, Stream, from_json
from vswitch.ovsdb.jsontext import JsonError, decode

MESSAGES = [
    Request("echo", [1], "x"),
    Notification("update", ["m", {}]),
    Reply({"a": 1}, 3),
    ErrorReply("unknown method", 4),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_messages_survive_the_wire(message):
    assert from_json(decode(message.encode())) == message


@pytest.mark.parametrize(
    ("json", "error"),
    [
        ([], "message is not a JSON object"),
        ({"id": 1, "method": "echo"}, 'request must have "params"'),
        ({"id": 1, "method": "echo", "params": {}}, '"params" must be JSON array'),
        ({"id": 1, "method": "echo", "params": [], "x": 1}, 'message has unexpected member "x"'),
        ({"method": "echo", "params": [], "result": 3}, 'notification must not have "result"'),
        ({"error": "x"}, 'error must have "id"'),
        ({"id": 1, "method": 3, "params": []}, "method is not a JSON string"),
    ],
)
def test_anything_else_is_refused_in_words(json, error):
    with pytest.raises(JsonError, match=error):
        from_json(json)


def test_a_stream_of_messages():
    stream = Stream()
    for byte in b"".join(message.encode() for message in MESSAGES):
        stream.receive(bytes([byte]))
    assert list(stream.messages()) == MESSAGES
