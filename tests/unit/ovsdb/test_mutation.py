import pytest

from tests.unit.ovsdb.machine import SCHEMA
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.mutation import Mutation

TABLE = SCHEMA.tables["A"]


@pytest.mark.parametrize(
    ("mutation", "before", "after"),
    [
        (["x", "+=", 1], (3,), (4,)),
        (["x", "/=", 2], (-7,), (-3,)),
        (["x", "%=", 4], (-7,), (-3,)),
        (["y", "*=", 2], (1.5,), (3.0,)),
        (["i", "-=", 1], (2, 3), (1, 2)),
        (["i", "insert", ["set", [1, 5]]], (1, 2), (1, 2, 5)),
        (["i", "delete", ["set", [1, 9]]], (1, 2), (2,)),
        (["m", "insert", ["map", [["k", 9], ["l", 2]]]], (("k", 1),), (("k", 1), ("l", 2))),
        (["m", "delete", ["map", [["k", 9], ["l", 2]]]], (("k", 1), ("l", 2)), (("k", 1),)),
        (["m", "delete", ["set", ["k", "z"]]], (("k", 1), ("l", 2)), (("l", 2),)),
        (["m", "delete", "k"], (("k", 1),), ()),
    ],
    ids=str,
)
def test_mutators(mutation, before, after):
    assert Mutation.from_json(mutation, TABLE).apply(before) == after


@pytest.mark.parametrize(
    ("mutation", "before", "error", "details"),
    [
        (["x", "/=", 0], (1,), "domain error", "Division by zero."),
        (["x", "+=", 1], (2**63 - 1,), "range error", 'Result of "+=" operation is out of range.'),
        (["x", "/=", -1], (-(2**63),), "range error", 'Result of "/=" operation is out of range.'),
        (["y", "*=", 1e300], (1e300,), "range error", 'Result of "*=" operation is out of range.'),
        (["i", "*=", 5], (1, 3), "constraint violation", "15 is not in the valid range 1 to 10 (inclusive)"),
        (
            ["i", "insert", ["set", [3, 4]]],
            (1, 2),
            "constraint violation",
            "Attempted to store 4 elements in set of up to 3 integers.",
        ),
        (
            ["one", "delete", 0],
            (0,),
            "constraint violation",
            "Attempted to store 0 elements in set of 1 to 2 integers.",
        ),
    ],
    ids=str,
)
def test_results_that_a_column_may_not_hold(mutation, before, error, details):
    with pytest.raises(OvsdbError) as caught:
        Mutation.from_json(mutation, TABLE).apply(before)
    assert (caught.value.error, caught.value.details) == (error, details)


@pytest.mark.parametrize(
    ("mutation", "error", "details"),
    [
        (["imm", "insert", "x"], "constraint violation", "Cannot mutate immutable column imm in table A."),
        (["x", "foo", 1], "unknown mutator", "No mutator named foo."),
        (
            ["y", "%=", 2],
            "syntax error",
            'Type mismatch: "%=" operator may not be applied to column y of type real.',
        ),
        (
            ["name", "insert", "x"],
            "syntax error",
            'Type mismatch: "insert" operator may not be applied to column name of type string.',
        ),
        (["x", "+=", ["set", [1, 2]]], "syntax error", "set must have exactly one member but 2 are present"),
        ([], "syntax error", "Parse error in mutation."),
    ],
    ids=str,
)
def test_mistakes(mutation, error, details):
    with pytest.raises(OvsdbError) as caught:
        Mutation.from_json(mutation, TABLE)
    assert (caught.value.error, caught.value.details) == (error, details)
