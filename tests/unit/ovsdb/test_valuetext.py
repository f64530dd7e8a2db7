"""Values as text: what is printed reads back, and what is refused is refused in the peer's words."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.base.errors import VswitchError
from vswitch.ovsdb.column import Column
from vswitch.ovsdb.valuetext import format_bare, format_value, needs_quotes, parse_token, parse_value

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    [
        "",
        "true",
        "false",
        "1",
        "-",
        "a.b-c",
        "12345678-1234-1234-1234-123456789012",
        '"',
        "\\",
        "a b",
        "{}",
        "a=b",
    ]
)
UUIDS = st.uuids().map(str)
ATOMS = {
    "integer": st.integers(-(1 << 63), (1 << 63) - 1),
    "real": st.floats(-1e15, 1e15, allow_nan=False).map(lambda value: float(f"{value:.15g}")),
    "boolean": st.booleans(),
    "string": TEXTS,
    "uuid": UUIDS,
}


@st.composite
def columns_with_values(draw):
    """A column of any type and a value for it."""
    key = draw(st.sampled_from(sorted(ATOMS)))
    kind = draw(st.sampled_from(["one", "optional", "set", "map"]))
    atoms = ATOMS[key]
    match kind:
        case "one":
            return Column("c", {"type": key}), draw(atoms)
        case "optional":
            return Column("c", {"type": {"key": key, "min": 0}}), draw(st.none() | atoms)
        case "set":
            type = {"key": key, "min": 0, "max": "unlimited"}
            return Column("c", {"type": type}), tuple(sorted(draw(st.sets(atoms, max_size=5))))
        case _:
            value = draw(st.sampled_from(sorted(ATOMS)))
            column = Column("c", {"type": {"key": key, "value": value, "min": 0, "max": "unlimited"}})
            return column, dict(sorted(draw(st.dictionaries(atoms, ATOMS[value], max_size=5)).items()))


@given(columns_with_values())
def test_what_is_printed_reads_back(column_and_value):
    column, value = column_and_value
    assert parse_value(format_value(value, column), column) == value


@given(columns_with_values())
def test_json_reads_back(column_and_value):
    column, value = column_and_value
    assert column.from_json(column.to_json(value)) == value
    assert column.value(column.items(value)) == value


@given(TEXTS)
def test_a_word_without_quotes_is_one_token(text):
    if not needs_quotes(text):
        assert parse_token(text + ",x", 0) == (text, len(text))


@given(st.text())
def test_any_text_is_a_value_or_an_error(text):
    for type in (
        "string",
        {"key": "integer", "min": 0, "max": 9},
        {"key": "string", "value": "string", "min": 0, "max": 9},
    ):
        with suppress(VswitchError):
            parse_value(text, Column("c", {"type": type}))


@pytest.mark.parametrize(
    ("type", "value", "text", "bare"),
    [
        ("string", "a", "a", "a"),
        ("string", "a b", '"a b"', "a b"),
        ("string", "", '""', ""),
        ("string", "true", '"true"', "true"),
        ("string", 'a"\n', '"a\\"\\n"', 'a"\n'),
        ({"key": "string", "min": 0}, None, "[]", ""),
        ({"key": "string", "min": 0}, "a", "a", "a"),
        ({"key": "integer", "min": 0, "max": 3}, (1,), "[1]", "1"),
        ({"key": "integer", "min": 0, "max": 3}, (1, 2), "[1, 2]", "1 2"),
        ({"key": "string", "value": "integer", "min": 0, "max": 3}, {}, "{}", ""),
        (
            {"key": "string", "value": "integer", "min": 0, "max": 3},
            {"a b": 1, "c": 2},
            '{"a b"=1, c=2}',
            "a b=1 c=2",
        ),
        ("boolean", True, "true", "true"),
        ("real", 1.5, "1.5", "1.5"),
    ],
)
def test_forms(type, value, text, bare):
    column = Column("c", {"type": type})
    assert format_value(value, column) == text
    assert format_bare(value, column) == bare


@pytest.mark.parametrize(
    ("type", "text", "message"),
    [
        ("integer", "x", '"x" is not a valid integer or range'),
        ("boolean", "maybe", '"maybe" is not a valid boolean (use "true" or "false")'),
        ("string", "", 'use "[]" to specify the empty set'),
        ("string", '"a', '"a: quoted string extends past end of argument'),
        ("uuid", "x", '"x" is not a valid UUID'),
        (
            {"key": {"type": "integer", "minInteger": 1}},
            "0",
            "constraint violation: 0 is less than minimum allowed value 1",
        ),
        (
            {"key": {"type": "integer", "maxInteger": 1}},
            "2",
            "constraint violation: 2 is greater than maximum allowed value 1",
        ),
        (
            {"key": {"type": "string", "enum": ["set", ["b", "a"]]}},
            "c",
            "constraint violation: c is not one of the allowed values ([a, b])",
        ),
        (
            {"key": {"type": "string", "minLength": 2}},
            "c",
            'constraint violation: "c" length 1 is less than minimum allowed length 2',
        ),
    ],
)
def test_refusals(type, text, message):
    with pytest.raises(VswitchError) as error:
        parse_value(text, Column("c", {"type": type}))
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("typed", "sequence"),
    [
        (b"a\xff", "0xff"),
        (b"\xe2\x82", "0xe2 0x82 0x00"),
        (b"\xe2(", "0xe2 0x28"),
        (b"\xc0\x80", "0xc0"),
        (b"\xed\xa0\x80", "0xed 0xa0"),
        (b"\xf4\x90\x80\x80", "0xf4 0x90"),
        ("é\udce2é".encode("utf-8", "surrogateescape"), "0xe2 0xc3"),
        (b'"a\xff"', "0xff"),
    ],
)
def test_bytes_that_are_not_utf_8_are_named(typed: bytes, sequence: str) -> None:
    with pytest.raises(VswitchError) as error:
        parse_value(typed.decode("utf-8", "surrogateescape"), Column("c", {"type": "string"}))
    assert str(error.value).endswith(f"not a valid UTF-8 string: invalid UTF-8 sequence {sequence}")
