"""XML-RPC: calls and responses, as text and as values.

    str, bool, int, float, None    string, boolean, int, double, nil
    list or tuple, dict            array, struct
    str, when read                 dateTime.iso8601 and base64: nobody here looks into them

The library's module imports an HTTP server's worth of others with it, 25 ms for each plug of a PIF.

Sources: xmlrpc.com's specification.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vswitch.base.errors import WireError
from vswitch.xenserver.xml import escape, scan

HEADER = "<?xml version='1.0'?>"


def call(method: str, parameters: Sequence[object]) -> str:
    """The document that calls a method."""
    return f"{HEADER}<methodCall><methodName>{escape(method)}</methodName>{_params(parameters)}</methodCall>"


def response(value: object) -> str:
    """The document that answers with one value."""
    return f"{HEADER}<methodResponse>{_params([value])}</methodResponse>"


def read_call(text: str) -> tuple[str, list[object]]:
    """(method, parameters) of a call; raises WireError."""
    reader = _Reader(text)
    if reader.root != "methodCall" or reader.method is None:
        raise WireError("it is no call")
    return reader.method, reader.values


def read_response(text: str) -> object:
    """The value in a response, None if there is none; raises WireError, for a fault, too."""
    reader = _Reader(text)
    if reader.root != "methodResponse":
        raise WireError("it is no response")
    [value, *more] = reader.values or [None]
    if reader.is_fault:
        raise WireError(f"fault {value}")
    if more:
        raise WireError("it has more than one value")
    return value


def _params(values: Sequence[object]) -> str:
    return f"<params>{''.join(f'<param>{_text(value)}</param>' for value in values)}</params>"


def _text(value: object) -> str:
    """A value as an element."""
    match value:
        case str():
            inside = f"<string>{escape(value)}</string>"
        case bool():
            inside = f"<boolean>{int(value)}</boolean>"
        case int():
            inside = f"<int>{value}</int>"
        case float():
            inside = f"<double>{value!r}</double>"
        case None:
            inside = "<nil/>"
        case dict():
            members = (
                f"<member><name>{escape(name)}</name>{_text(each)}</member>" for name, each in value.items()
            )
            inside = f"<struct>{''.join(members)}</struct>"
        case list() | tuple():
            inside = f"<array><data>{''.join(map(_text, value))}</data></array>"
        case _:
            raise TypeError(f"XML-RPC has no {type(value).__name__}")
    return f"<value>{inside}</value>"


class _Reader:
    """What a document says: `values`, and what else there is.

    Pools have thousands of records, so the elements are taken as they come: each that is a value goes on top of
    `values`; what an array or a struct is made of lies above a mark, and becomes one value when the element ends.
    """

    def __init__(self, text: str) -> None:
        self.root = ""
        self.method: str | None = None
        self.is_fault = False
        self.values: list[object] = []
        self._marks: list[int] = []
        self._pieces: list[str] = []
        self._is_bare = False  # whether a <value> has begun and has nothing but text so far
        scan(text, self._start, self._end, self._pieces.append)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._pieces.clear()
        self._is_bare = tag == "value"
        if tag in ("array", "struct"):
            self._marks.append(len(self.values))
        elif not self.root:
            self.root = tag
        elif tag == "fault":
            self.is_fault = True

    def _end(self, tag: str) -> None:
        if tag == "value":
            if self._is_bare:
                self.values.append("".join(self._pieces))
                self._is_bare = False
        elif tag in _TEXTS:
            self.values.append("".join(self._pieces))
        elif tag in _SILENT:
            pass
        elif tag == "methodName":
            self.method = "".join(self._pieces).strip()
        elif tag == "struct":
            self._gather(_struct)
        elif tag == "array":
            self._gather(list)
        else:
            self.values.append(_scalar(tag, "".join(self._pieces)))

    def _gather(self, make: Callable[[list[object]], object]) -> None:
        mark = self._marks.pop()
        self.values[mark:] = [make(self.values[mark:])]


_TEXTS = frozenset({"string", "name", "dateTime.iso8601", "base64"})
_SILENT = frozenset({"member", "data", "param", "params", "fault", "methodCall", "methodResponse"})


def _struct(items: list[object]) -> dict[object, object]:
    if len(items) % 2:
        raise WireError("a <member> has not a name and a value")
    return dict(zip(items[::2], items[1::2], strict=True))


def _scalar(tag: str, text: str) -> object:
    match tag:
        case "boolean" if text.strip() in ("0", "1"):
            return text.strip() == "1"
        case "int" | "i4" | "i8" | "double":
            try:
                return float(text) if tag == "double" else int(text)
            except ValueError:
                raise WireError(f"'{text}' is no {tag}") from None
        case "nil":
            return None
        case _:
            raise WireError(f"<{tag}> with '{text}' is no value")
