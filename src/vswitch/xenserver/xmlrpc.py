"""XML-RPC: calls and responses, as text and as values.

    str, bool, int, float, None    string, boolean, int, double, nil
    list or tuple, dict            array, struct
    str, when read                 dateTime.iso8601 and base64: nobody here looks into them

The library's module imports an HTTP server's worth of others with it, 25 ms for each plug of a PIF.

Sources: xmlrpc.com's specification.
"""

from __future__ import annotations

from collections.abc import Sequence

from vswitch.base.errors import WireError
from vswitch.xenserver.xml import Element, escape, parse

HEADER = "<?xml version='1.0'?>"


def call(method: str, parameters: Sequence[object]) -> str:
    """The document that calls a method."""
    return f"{HEADER}<methodCall><methodName>{escape(method)}</methodName>{_params(parameters)}</methodCall>"


def response(value: object) -> str:
    """The document that answers with one value."""
    return f"{HEADER}<methodResponse>{_params([value])}</methodResponse>"


def read_call(text: str) -> tuple[str, list[object]]:
    """(method, parameters) of a call; raises WireError."""
    root = parse(text)
    name = root.first("methodName")
    if root.tag != "methodCall" or name is None:
        raise WireError("it is no call")
    return name.text.strip(), _parameters(root)


def read_response(text: str) -> object:
    """The value in a response; raises WireError, for a fault, too."""
    root = parse(text)
    if root.tag != "methodResponse":
        raise WireError("it is no response")
    if (fault := root.first("fault")) is not None:
        raise WireError(f"fault {_value(_only(fault, 'value'))}")
    [value, *more] = _parameters(root) or [None]
    if more or root.first("params") is None:
        raise WireError("it has not one value")
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


def _parameters(root: Element) -> list[object]:
    params = root.first("params")
    return [_value(_only(param, "value")) for param in (params.all("param") if params else ())]


def _only(parent: Element, tag: str) -> Element:
    if len(parent.children) != 1 or parent.children[0].tag != tag:
        raise WireError(f"<{parent.tag}> has not one <{tag}>")
    return parent.children[0]


def _value(element: Element) -> object:
    """The value of a <value>: of its one child, or its text, which then is a string."""
    if not element.children:
        return element.text
    if len(element.children) > 1:
        raise WireError("<value> has more than one")
    [inside] = element.children
    text = inside.text
    match inside.tag:
        case "string" | "dateTime.iso8601" | "base64":
            return text
        case "boolean" if text.strip() in ("0", "1"):
            return text.strip() == "1"
        case "int" | "i4" | "i8" | "double" as kind:
            try:
                return float(text) if kind == "double" else int(text)
            except ValueError:
                raise WireError(f"'{text}' is no {kind}") from None
        case "nil":
            return None
        case "array":
            return [_value(each) for each in _only(inside, "data").all("value")]
        case "struct":
            return dict(_member(each) for each in inside.all("member"))
        case tag:
            raise WireError(f"<{tag}> with '{text}' is no value")


def _member(element: Element) -> tuple[str, object]:
    name, value = element.first("name"), element.first("value")
    if name is None or value is None:
        raise WireError("<member> has not a name and a value")
    return name.text, _value(value)
