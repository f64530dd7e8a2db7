"""JSON-RPC 1.0, as OVSDB, the control sockets of the daemons, and nothing else in Open vSwitch speak it.

A message is one of four values: `Request`, `Notification`, `Reply`, `ErrorReply`.  `Stream` makes them of bytes;
`encode()` makes bytes of them.

Sources: RFC 7047 4; OVS lib/jsonrpc.c for what is accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from vswitch.base.dataclass import dataclass, field
from vswitch.ovsdb.jsontext import Json, JsonError, Splitter, encode


@dataclass(frozen=True, slots=True)
class Request:
    """Asks the other side to do `method` and to answer with the same `id`."""

    method: str
    params: list[Json]
    id: Json

    def encode(self) -> bytes:
        """The message as it goes over the wire."""
        return encode({"id": self.id, "method": self.method, "params": self.params})


@dataclass(frozen=True, slots=True)
class Notification:
    """Tells the other side something; there is no answer."""

    method: str
    params: list[Json]

    def encode(self) -> bytes:
        """The message as it goes over the wire."""
        return encode({"id": None, "method": self.method, "params": self.params})


@dataclass(frozen=True, slots=True)
class Reply:
    """The `result` of the request with that `id`."""

    result: Json
    id: Json

    def encode(self) -> bytes:
        """The message as it goes over the wire."""
        return encode({"error": None, "id": self.id, "result": self.result})


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """The request with that `id` failed: `error` is any JSON value but null."""

    error: Json
    id: Json

    def encode(self) -> bytes:
        """The message as it goes over the wire."""
        return encode({"error": self.error, "id": self.id, "result": None})


Message: TypeAlias = Request | Notification | Reply | ErrorReply


def from_json(value: Json) -> Message:
    """The message that `value` is; raises JsonError for anything else, in OVS's words."""
    if not isinstance(value, dict):
        raise JsonError("message is not a JSON object")
    method, params, id = value.get("method"), value.get("params"), value.get("id")
    if method.__class__ is str and params.__class__ is list and id is not None and len(value) == 3:
        return Request(method, params, id)  # what most messages are
    result, error = value.get("result"), value.get("error")
    if method is not None and not isinstance(method, str):
        raise JsonError("method is not a JSON string")
    if params is not None and not isinstance(params, list):
        raise JsonError('"params" must be JSON array')
    if unexpected := value.keys() - {"method", "params", "result", "error", "id"}:
        raise JsonError(f'message has unexpected member "{min(unexpected)}"')
    kind, allowed = _kind(value, method, id, error)
    for name in ("method", "params", "result", "error", "id"):
        if (value.get(name) is not None) is not (name in allowed) and not (
            name == "result" and kind == "reply"
        ):
            raise JsonError(f'{kind} must{"" if name in allowed else " not"} have "{name}"')
    match kind:
        case "request":
            return Request(str(method), params or [], id)
        case "notification":
            return Notification(str(method), params or [])
        case "error":
            return ErrorReply(error, id)
        case _:
            return Reply(result, id)


def _kind(value: dict[str, Json], method: str | None, id: Json, error: Json) -> tuple[str, set[str]]:
    """What kind of message it means to be, and the members that such a message has."""
    if method is not None:
        return (
            ("request", {"method", "params", "id"})
            if id is not None
            else ("notification", {"method", "params"})
        )
    if error is not None:
        return "error", {"error", "id"}
    return "reply", {"result", "id"}


@dataclass(slots=True)
class Stream:
    """The receiving half of a connection: bytes in, messages out.

    A JsonError, from messages(), means that the other side does not speak JSON-RPC: close the connection.
    """

    _splitter: Splitter = field(default_factory=Splitter)

    @property
    def n_incomplete(self) -> int:
        """Bytes held of a message that has not come to its end."""
        return self._splitter.n_incomplete

    def receive(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        self._splitter.receive(data)

    def messages(self) -> Iterator[Message]:
        """The messages that are complete by now."""
        for value in self._splitter.values():
            yield from_json(value)
