"""Our XML-RPC beside the library's: what either writes, the other reads alike."""

import xmlrpc.client
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.base.errors import WireError
from vswitch.xenserver import xmlrpc as ours
from vswitch.xenserver.xml import escape, parse

TEXT = st.text(st.characters(codec="utf-8").filter(lambda letter: escape(letter) and letter != "\r"))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(TEXT, st.booleans(), st.integers(-(2**31), 2**31 - 1), st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)  # fmt: skip


@given(st.lists(VALUES, max_size=3))
def test_the_library_reads_our_calls(values: list[Any]) -> None:
    read, method = xmlrpc.client.loads(ours.call("PIF.get_record", values))
    assert (list(read), method) == (values, "PIF.get_record")


@given(st.lists(VALUES, max_size=3))
def test_we_read_the_librarys_calls(values: list[Any]) -> None:
    assert ours.read_call(xmlrpc.client.dumps(tuple(values), "update")) == ("update", values)


@given(VALUES)
def test_responses(value: Any) -> None:
    assert xmlrpc.client.loads(ours.response(value)) == ((value,), None)
    assert ours.read_response(xmlrpc.client.dumps((value,), methodresponse=True)) == value


def test_what_xapi_has_besides() -> None:
    text = (
        "<?xml version='1.0'?>\n<methodResponse>\n <params><param><value><array><data>\n"
        "<value>plain</value> <value/> <value><i4> 7 </i4></value><value><i8>-1</i8></value><value><nil/></value>\n"
        "<value><dateTime.iso8601>20110501T00:00:00Z</dateTime.iso8601></value><value>a &lt;b&gt; &#233;</value>\n"
        "</data></array></value></param></params></methodResponse>"
    )
    expected = ["plain", "", 7, -1, None, "20110501T00:00:00Z", "a <b> é"]
    assert ours.read_response(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no element"),
        ("<methodCall/>", "no response"),
        ("<methodResponse><params><param><value/></param><param><value/></param></params></methodResponse>", "more than one"),
        ("<methodResponse><value><struct><member><name>a</name></member></struct></value></methodResponse>", "not a name"),
        ("<methodResponse><params><param><value><int>x</int></value></param></params></methodResponse>", "'x' is no int"),
        ("<methodResponse><params><param><value><boolean>2</boolean></value></param></params></methodResponse>", "no value"),
        ("<methodResponse><params><param><value><other/></value></param></params></methodResponse>", "<other>"),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><methodResponse/>", "document type"),
    ],
)  # fmt: skip
def test_what_is_none(text: str, message: str) -> None:
    with pytest.raises(WireError, match=message):
        ours.read_response(text)


def test_a_response_without_a_value_is_void() -> None:
    assert ours.read_response("<methodResponse><params/></methodResponse>") is None


def test_a_fault_is_an_error() -> None:
    fault = xmlrpc.client.dumps(xmlrpc.client.Fault(3, "no such method"))
    with pytest.raises(WireError, match="no such method"):
        ours.read_response(fault)


@given(st.text(st.characters()))
def test_whatever_is_escaped_can_be_read(text: str) -> None:
    kept = parse(f"<a>{escape(text)}</a>").text
    assert set(kept) <= set(text) | {"\n"}


def test_what_is_nested_too_deeply() -> None:
    with pytest.raises(WireError, match="too deeply"):
        parse("<a>" * 200)


def test_text_before_between_and_after_children() -> None:
    root = parse('<a x="1">before<b>inside</b>between<b/>after</a>')
    assert (root.tag, root.attributes, root.text) == ("a", {"x": "1"}, "before")
    assert [child.text for child in root.all("b")] == ["inside", ""]
    assert root.first("c") is None
