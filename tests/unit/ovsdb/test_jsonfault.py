"""What is wrong with JSON texts: each as the peer's ovsdb-tool says it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.ovsdb.jsonfault import json_fault

FAULTS = {
    "": "0, column 0, byte 0: empty input stream",
    "{": "0, column 1, byte 1: unexpected end of input",
    "{1": "0, column 2, byte 2: syntax error parsing object expecting string",
    '{"a"': "0, column 4, byte 4: unexpected end of input",
    '{"a":1': "0, column 7, byte 7: unexpected end of input",
    '{"a":1,}': "0, column 7, byte 7: syntax error parsing object expecting string",
    '{"a":1 2}': "0, column 8, byte 8: syntax error expecting '}' or ','",
    '{"a":}': "0, column 5, byte 5: syntax error expecting value",
    '{"a"}': "0, column 4, byte 4: syntax error parsing object expecting ':'",
    "[1 2]": "0, column 4, byte 4: syntax error expecting ']' or ','",
    "[,]": "0, column 1, byte 1: syntax error expecting value",
    "[1]2": "0, column 4, byte 4: trailing garbage at end of input",
    "[1]]": "0, column 3, byte 3: trailing garbage at end of input",
    "1": "0, column 1, byte 1: syntax error at beginning of input",
    "nul": "0, column 3, byte 3: invalid keyword 'nul'",
    "[tRue]": "0, column 5, byte 5: invalid keyword 'tRue'",
    "[true": "0, column 6, byte 6: unexpected end of input",
    "[1x]": "0, column 3, byte 3: invalid keyword 'x'",
    "[@]": "0, column 1, byte 1: invalid character '@'",
    "[-]": "0, column 2, byte 2: '-' must be followed by digit",
    "[-01]": "0, column 4, byte 4: leading zeros not allowed",
    "[1.]": "0, column 3, byte 3: decimal point must be followed by digit",
    "[1e+]": "0, column 4, byte 4: exponent must contain at least one digit",
    "[1-2]": "0, column 4, byte 4: syntax error in number",
    "[1e400]": "0, column 6, byte 6: number outside valid range",
    '["a': "0, column 3, byte 3: unexpected end of input in quoted string",
    '["a\nb"]': "0, column 3, byte 3: U+000A must be escaped in quoted string",
    '["\\x"]': "0, column 4, byte 4: bad escape \\x",
    '["\\u12"]': "0, column 6, byte 6: quoted string ends within \\u escape",
    '["\\u12g4"]': "0, column 8, byte 8: malformed \\u escape",
    '["\\ud800x"]': "0, column 9, byte 9: malformed escaped surrogate pair",
    '["\\ud800\\u0041"]': "0, column 14, byte 14: second half of escaped surrogate pair is not trailing surrogate",
    '["\\u0000"]': "0, column 8, byte 8: null bytes not supported in quoted strings",
    "\n[1,\n x]": "2, column 2, byte 7: invalid keyword 'x'",
}  # fmt: skip


@pytest.mark.parametrize("text", FAULTS)
def test_faults(text: str) -> None:
    assert json_fault(text) == f"line {FAULTS[text]}"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", min_codepoint=1)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8", min_codepoint=1)), inner),
)  # fmt: skip


@given(st.lists(VALUES), st.booleans())
def test_what_is_json_has_none(value: object, ascii_only: bool) -> None:
    assert json_fault(json.dumps(value, ensure_ascii=ascii_only)) == ""


@given(st.text(alphabet='{}[],:"\\u0dtruefalsn1.-+eE \n', max_size=30))
def test_any_text_is_either_json_or_has_a_fault(text: str) -> None:
    try:
        value = json.loads(text)
        valid = isinstance(value, list | dict) and "inf" not in repr(value)  # Python takes 1e999 for infinite
    except ValueError:
        valid = False
    assert (json_fault(text) == "") is (valid and "\\u0000" not in text)
