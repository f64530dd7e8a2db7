"""Declared classes: what their annotations mean, and what of a schema they do not fit."""

from __future__ import annotations

from typing import Literal

import pytest

from vswitch.ovsdb.classes import Classes, annotation
from vswitch.ovsdb.column import Column, Layout
from vswitch.ovsdb.record import EMPTY, Record
from vswitch.ovsdb.replica import Mismatch

MANY = {"min": 0, "max": "unlimited"}
TYPES = {
    "number": "integer",
    "ratio": "real",
    "yes": "boolean",
    "id": "uuid",
    "colour": {"key": {"type": "string", "enum": ["set", ["red", "blue"]]}},
    "speed": {"key": {"type": "integer", "enum": ["set", [10, 100]]}, "min": 0},
    "maybe": {"key": "string", "min": 0},
    "names": {"key": "string"} | MANY,
    "two": {"key": "integer", "min": 1, "max": 2},
    "map": {"key": "string", "value": "integer"} | MANY,
    "other": {"key": {"type": "uuid", "refTable": "T"}, "min": 0},
    "others": {"key": {"type": "uuid", "refTable": "T"}} | MANY,
    "by_number": {"key": "integer", "value": {"type": "uuid", "refTable": "T"}} | MANY,
}
LAYOUT = Layout(
    {"name": "D", "tables": {"T": {"columns": {name: {"type": it} for name, it in TYPES.items()}}}}
)


def declare(name: str, text: str, table: str = "T") -> Classes:
    """A class with one column."""
    body = {"__annotations__": {name: text}, "__module__": __name__}
    return Classes(type(Record)("T", (Record,), body, table=table))


GOOD = {
    "number": "int",
    "ratio": "float",
    "yes": "bool",
    "id": "str",
    "colour": 'Literal["blue", "red"]',
    "speed": "Literal[10, 100] | None",
    "maybe": "str | None",
    "names": "set[str]",
    "two": "set[int]",
    "map": "dict[str, int]",
    "other": "T | None",
    "others": "set[T]",
    "by_number": "dict[int, T]",
}


@pytest.mark.parametrize(("name", "text"), GOOD.items())
def test_the_schema_reads_as_what_is_to_be_declared(name, text):
    assert annotation(LAYOUT.tables["T"][name]) == text
    assert declare(name, text)(LAYOUT) == {"T": [name]}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("colour", "str"),
        ("colour", 'Literal["red", "green", "blue"]'),
        ("other", "str | None"),
        ("others", "set[str]"),
    ],
)
def test_other_declarations_that_fit(name, text):
    assert declare(name, text)(LAYOUT) == {"T": [name]}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("number", "bool"),
        ("yes", "int"),
        ("ratio", "int"),
        ("number", "int | None"),
        ("maybe", "str"),
        ("maybe", "set[str]"),
        ("names", "str | None"),
        ("names", "set[int]"),
        ("map", "dict[str, str]"),
        ("map", "dict[int, int]"),
        ("map", "set[str]"),
        ("names", "dict[str, str]"),
        ("colour", 'Literal["red"]'),
        ("names", 'set[Literal["a"]]'),
        ("id", "T"),
        ("others", "set[int]"),
    ],
)
def test_what_does_not_fit_is_named_with_both_types(name, text):
    with pytest.raises(Mismatch) as caught:
        declare(name, text)(LAYOUT)
    shown = text.replace('"', "'")
    assert str(caught.value) == (
        f"the database D is not as declared: table T, column {name}: declared {shown}, found {GOOD[name]}"
    )


def test_every_mismatch_is_named():
    class T(Record):
        nothing: str
        number: str

    class U(Record):
        name: str

    with pytest.raises(Mismatch) as caught:
        Classes(T, U)(LAYOUT)
    assert str(caught.value) == (
        "the database D is not as declared: table T, column nothing: declared str, but there is none; "
        "table T, column number: declared str, found int; it has no table U"
    )


@pytest.mark.parametrize(
    "text",
    [
        "list[str]",
        "bytes",
        "str | int",
        "set[str] | None",
        "set[str | None]",
        "dict[T, str]",
        "None",
        "object",
    ],
)
def test_what_no_column_can_be_is_refused_at_once(text):
    with pytest.raises(TypeError, match=r"T\.x: .* is not the type of a column"):
        declare("x", text)


def test_a_reference_to_what_is_not_among_the_classes_is_refused():
    class Other(Record):
        name: str

    class T(Record):
        other: Other | None = None

    with pytest.raises((TypeError, NameError), match="Other"):
        Classes(T)


def test_classes_name_each_other_in_any_order_and_inherit():
    class Named(Record):
        number: int = 0

    class First(Named, table="T"):
        others: set[First] = EMPTY

    assert Classes(First)(LAYOUT) == {"T": ["number", "others"]}


def test_annotations_need_not_be_strings():
    body = {"__annotations__": {"maybe": str | None, "colour": Literal["red", "blue"]}}
    assert Classes(type(Record)("T", (Record,), body))(LAYOUT) == {"T": ["maybe", "colour"]}


def test_an_enum_of_anything_else_is_declared_by_its_type():
    column = Column("x", {"type": {"key": {"type": "real", "enum": ["set", [0.5, 1.5]]}}})
    assert annotation(column) == "float"
