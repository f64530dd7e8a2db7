"""Both readers and writers of JSON give the same, so that nobody has to know which one is at work."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.ovsdb.test_jsontext import VALUES
from vswitch.ovsdb import fastjson, jsontext
from vswitch.ovsdb.jsontext import JsonError, Real

REALS = st.floats(allow_nan=False, allow_infinity=False).map(Real)
BIG = st.integers(-(10**40), 10**40)
TEXTS = st.recursive(VALUES | REALS | BIG, lambda inner: st.lists(inner, max_size=3), max_leaves=6)


def outcome(decode, data):
    try:
        value = decode(data)
    except JsonError as error:
        return str(error)
    return value, repr(value)


@pytest.fixture(autouse=True)
def little_is_expected(monkeypatch):
    monkeypatch.setattr(jsontext, "_decode", jsontext._decode_little)
    monkeypatch.setattr(jsontext, "_encode", jsontext._encode_little)


def with_little(decode_or_encode, argument):
    """What the light one does, whatever earlier examples have led to."""
    jsontext._decode, jsontext._encode = jsontext._decode_little, jsontext._encode_little
    return decode_or_encode(argument)


@given(TEXTS)
@example({"a\x7f\x1f\t\u2028\U0001f600": ["/", "\\", '"']})
@example(Real(1.7976931348623151e308))
def test_they_write_the_same(value):
    assert with_little(jsontext.encode, value) == fastjson.encode(value)


@given(TEXTS, st.data())
def test_they_read_the_same(value, data):
    text = bytearray(fastjson.encode(value))
    for _ in range(data.draw(st.integers(0, 2))):  # and what is nearly JSON
        at = data.draw(st.integers(0, len(text)))
        text[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from(
                [b"", b"0", b"-", b".", b"e", b'"', b"[", b"}", b",", b"\\", b"\x01", b"\xff", b" "]
            )
        )
    both = (
        outcome(lambda text: with_little(jsontext.decode, text), bytes(text)),
        outcome(fastjson.decode, bytes(text)),
    )
    assert both[0] == both[1]


@pytest.mark.parametrize(
    "text",
    [
        '"\\ud800"',
        '"a\tb"',
        "NaN",
        "-Infinity",
        "1e400",
        "[" * 5000,
        "\ufeff1",
        "1 2",
        '"\\u00e9"',
        "9" * 5000,
        "[1,]",
        "",
    ],
)
def test_they_refuse_the_same(text):
    assert outcome(jsontext.decode, text.encode()) == outcome(fastjson.decode, text.encode())


def test_much_goes_to_the_fast_one():
    assert jsontext.decode(b"[%s1]" % (b"1," * jsontext.LITTLE))[-1] == 1
    assert jsontext._decode is fastjson.decode
    assert jsontext._encode is fastjson.encode
