import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.ovsdb.jsontext import JsonError, Real, Splitter, decode, encode

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('ab"\\{}[]', max_size=3), inner, max_size=4)
    ),
)
DOCUMENTS = st.lists(
    st.lists(VALUES, max_size=3) | st.dictionaries(st.text('xy{"', max_size=2), VALUES, max_size=3),
    max_size=5,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.0", 1),
        ("1e2", 100),
        ("-0.0", 0),
        ("9007199254740993.0", 9007199254740993),
        ("1.5", 1.5),
        ('{"a":1,"a":2}', {"a": 2}),
    ],
)
def test_the_value_of_a_number_counts_and_not_how_it_is_written(text, value):
    assert decode(text) == value
    assert type(decode(text)) in (type(value), Real)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None]}, '{"a":[true,null],"b":1}'),
        (Real(1e300), "1e+300"),
        (Real(0.1234567890123456789), "0.123456789012346"),
        (Real(3), "3"),
        ('é\x01"\n', '"é\\u0001\\"\\n"'),
    ],
)
def test_text_is_the_peers(value, text):
    assert encode(value).decode() == text


@pytest.mark.parametrize(
    "text",
    ["", "1e400", "NaN", "[1,]", "01", '"\\ud800"', '"a\tb"', b'"\xff"', "[" * 100_000, '{"a":}', "nul"],
)
def test_what_is_not_json_is_refused(text):
    with pytest.raises(JsonError):
        decode(text)


@given(documents=DOCUMENTS, data=st.data())
def test_values_come_out_however_the_bytes_are_cut(documents, data):
    stream = b"".join(
        encode(document) + data.draw(st.sampled_from([b"", b"\n", b"  "])) for document in documents
    )
    splitter, found = Splitter(), []
    while stream:
        n = data.draw(st.integers(1, max(1, len(stream))))
        splitter.receive(stream[:n])
        stream = stream[n:]
        if data.draw(st.booleans()):
            found += splitter.values()
    assert [*found, *splitter.values()] == documents


@pytest.mark.parametrize("text", [b"3", b"nope", b"{,", b"[" * 2000, b'{"a"}', b'["\xff"]'])
def test_what_cannot_become_a_value_is_refused_at_once(text):
    splitter = Splitter()
    splitter.receive(text)
    with pytest.raises(JsonError):
        list(splitter.values())


def test_a_large_value_is_looked_at_once():
    """Quadratic work on 8 MB in 4 kB pieces would take minutes."""
    text = encode([{"uuid": ["uuid", "x" * 36], "s": '}]"\\'}] * 100_000)
    splitter = Splitter()
    for at in range(0, len(text), 4096):
        splitter.receive(text[at : at + 4096])
        if found := list(splitter.values()):
            assert len(found[0]) == 100_000
    assert splitter.n_incomplete == 0


def test_the_greatest_number_can_be_read_back():
    assert decode(encode(Real(1.7976931348623151e308))) == 1.7976931348623151e308


@pytest.mark.parametrize("text", ['["\\u0000"]', '{"\\u0000":1}', '["\\\\\\u0000"]'])
def test_no_string_has_a_null_character(text):
    with pytest.raises(JsonError, match="null bytes not supported"):
        decode(text)
    splitter = Splitter()
    splitter.receive(text[:5].encode())
    splitter.receive(text[5:].encode())
    with pytest.raises(JsonError, match="null bytes not supported"):
        list(splitter.values())


def test_little_that_comes_whole_is_read_without_msgspec():
    program = """
import sys
from vswitch.ovsdb.jsontext import Splitter
splitter = Splitter()
splitter.receive('{"a":"é"} ["ü",2]\\n{"b":1.0}'.encode())
print(*splitter.values(), "msgspec" in sys.modules)
splitter.receive(b'{"a":')
print(*splitter.values(), "msgspec" in sys.modules)
splitter.receive(b'1}{"c":{}}')
print(*splitter.values())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (
        "{'a': 'é'} ['ü', 2] {'b': 1} False\nTrue\n{'a': 1} {'c': {}}\n",
        "",
    )
