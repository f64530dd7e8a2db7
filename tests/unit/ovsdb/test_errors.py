from vswitch.ovsdb.errors import ConstraintViolation, OvsdbError, OvsdbSyntaxError


def test_as_json_and_as_text():
    error = OvsdbSyntaxError("expected integer", ["x"])
    assert error.to_json() == {"error": "syntax error", "details": "expected integer", "syntax": '["x"]'}
    assert str(error) == 'syntax "["x"]": syntax error: expected integer'


def test_a_tag_of_its_own():
    assert OvsdbError("gone", tag="unknown database").to_json() == {
        "error": "unknown database",
        "details": "gone",
    }
    assert ConstraintViolation("x").to_json()["error"] == "constraint violation"
