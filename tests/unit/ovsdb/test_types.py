import pytest

from vswitch.ovsdb.errors import ConstraintViolation, OvsdbError
from vswitch.ovsdb.types import UNLIMITED, BaseType, ColumnType


@pytest.mark.parametrize(
    "json",
    [
        "string",
        {"key": "integer", "min": 0, "max": "unlimited"},
        {"key": {"type": "integer", "minInteger": 0, "maxInteger": 4095}, "min": 0},
        {"key": {"type": "string", "enum": ["set", ["a", "b"]]}},
        {"key": {"type": "string", "enum": "a"}},
        {"key": "string", "value": {"type": "uuid", "refTable": "T", "refType": "weak"}, "min": 0, "max": 3},
        {"key": {"type": "string", "maxLength": 4, "minLength": 2}},
        {"key": {"type": "real", "minReal": 0.5}},
    ],
)
def test_types_survive_their_json(json):
    assert ColumnType.from_json(json).to_json() == json


@pytest.mark.parametrize(
    ("json", "details"),
    [
        ("foo", '"foo" is not an atomic-type'),
        ({"key": "integer", "min": 2}, "ovsdb type fails constraint checks"),
        ({"key": "integer", "max": 0}, "ovsdb type fails constraint checks"),
        ({"key": "integer", "max": "x"}, "bad min or max value"),
        ({"key": {"type": "integer", "minInteger": 5, "maxInteger": 3}}, "minInteger exceeds maxInteger"),
        (
            {"key": {"type": "string", "minInteger": 5}},
            "Parsing ovsdb type failed: Member 'minInteger' is present but not allowed here.",
        ),
        (
            {"key": {"type": "uuid", "refTable": "A", "refType": "foo"}},
            'refType must be "strong" or "weak" (not "foo")',
        ),
        ({}, "Parsing ovsdb type failed: Required 'key' member is missing."),
        (
            {"key": {"type": "integer", "enum": ["set", []]}},
            "set must have 1 to 4294967295 members but 0 are present",
        ),
    ],
)
def test_wrong_types(json, details):
    with pytest.raises(OvsdbError) as caught:
        ColumnType.from_json(json)
    assert caught.value.details == details


@pytest.mark.parametrize(
    ("json", "atom", "details"),
    [
        (
            {"type": "integer", "minInteger": 1, "maxInteger": 9},
            0,
            "0 is not in the valid range 1 to 9 (inclusive)",
        ),
        ({"type": "integer", "minInteger": 1}, 0, "0 is less than minimum allowed value 1"),
        ({"type": "real", "maxReal": 2}, 2.5, "2.5 is greater than maximum allowed value 2"),
        ({"type": "string", "minLength": 2}, "x", '"x" length 1 is less than minimum allowed length 2'),
        (
            {"type": "string", "enum": ["set", ["x", "y z"]]},
            "q",
            'q is not one of the allowed values ([x, "y z"])',
        ),
    ],
)
def test_constraints(json, atom, details):
    with pytest.raises(ConstraintViolation) as caught:
        BaseType.from_json(json).check(atom)
    assert caught.value.details == details


@pytest.mark.parametrize(
    ("json", "words"),
    [
        ("integer", "integer"),
        ({"key": "integer", "min": 0, "max": 3}, "set of up to 3 integers"),
        ({"key": "integer", "min": 0, "max": "unlimited"}, "set of integers"),
        ({"key": "integer", "min": 1, "max": 2}, "set of 1 to 2 integers"),
        (
            {"key": "string", "value": "real", "min": 1, "max": "unlimited"},
            "map of 1 or more (string, real) pairs",
        ),
    ],
)
def test_in_english(json, words):
    assert ColumnType.from_json(json).in_english() == words


def test_a_difference_can_be_twice_as_large():
    assert ColumnType.from_json({"key": "integer", "min": 1, "max": 3}).for_difference().n_max == 6
    assert (
        ColumnType.from_json({"key": "integer", "min": 0, "max": "unlimited"}).for_difference().n_max
        == UNLIMITED
    )
