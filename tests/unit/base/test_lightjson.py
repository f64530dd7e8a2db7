"""Light JSON: the same values and text as the standard library's."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.base.errors import TextError
from vswitch.base.lightjson import decode, encode, encode_pretty

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_is_written_reads_back(value):
    assert decode(encode(value)) == value
    assert decode(encode_pretty(value)) == value
    assert json.loads(encode(value)) == value
    assert encode(value) == json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.0", 1), ("1e2", 100), ("1.5", 1.5), ("1e400", float("inf")), (" [ ] ", []), ('"\\u00e9"', "é")],
)
def test_numbers_are_what_they_are_worth(text, value):
    assert decode(text) == value
    assert type(decode(text)) is type(value)


@pytest.mark.parametrize("text", ["", "{", "[1,]", '{"a"}', "x", "NaN", "1 2", "[" * 100_000])
def test_what_is_not_json_is_an_error(text):
    with pytest.raises(TextError):
        decode(text)


def test_reals_are_printed_as_c_does():
    assert encode([1e20, 0.1, -2.5]) == "[1e+20,0.1,-2.5]"


def test_pretty():
    assert encode_pretty({"b": [1, []], "a": {}}) == '{\n  "a": {},\n  "b": [\n    1,\n    []]}'


def test_a_string_without_end_is_refused_in_a_fresh_interpreter():
    """Where nothing has imported json.decoder, the scanner has no exception to raise."""
    program = (
        "from vswitch.base.lightjson import decode\ntry: decode('[\"a')\nexcept Exception as e: print(e)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("syntax error")
