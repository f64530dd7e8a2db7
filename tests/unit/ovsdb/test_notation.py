import pytest

from vswitch.ovsdb.errors import OvsdbSyntaxError
from vswitch.ovsdb.notation import Members, is_id


def test_ids():
    assert is_id("Open_vSwitch")
    assert not is_id("9a")
    assert not is_id("a b")


def test_members_are_taken_by_those_who_know_them():
    members = Members({"a": 1, "b": "x"}, "thing")
    assert members.required("a", int) == 1
    assert members.optional("b", "id") == "x"
    assert members.optional("c", int) is None
    members.finish()


def test_an_integer_past_64_bits_is_a_real():
    members = Members({"a": 1 << 64, "b": -(1 << 63), "c": 1.5, "d": True}, "thing")
    assert members.required("a", float) == 1 << 64
    assert members.required("b", int, float) == -(1 << 63)
    assert members.required("c", float) == 1.5
    assert members.required("d", bool) is True
    assert members.required("a", object) == 1 << 64


@pytest.mark.parametrize(
    ("read", "details"),
    [
        (lambda: Members([], "thing"), "Parsing thing failed: Object expected."),
        (
            lambda: Members({}, "thing").required("a", int),
            "Parsing thing failed: Required 'a' member is missing.",
        ),
        (
            lambda: Members({"a": True}, "thing").required("a", int),
            "Parsing thing failed: Type mismatch for member 'a'.",
        ),
        (
            lambda: Members({"a": 1 << 63}, "thing").required("a", int),
            "Parsing thing failed: Type mismatch for member 'a'.",
        ),
        (
            lambda: Members({"a": 1}, "thing").finish(),
            "Parsing thing failed: Member 'a' is present but not allowed here.",
        ),
        (
            lambda: Members({"a": 1, "b": 2, "c": 3}, "thing").finish(),
            "Parsing thing failed: Member 'a' and 2 other members are present but not allowed here.",
        ),
    ],
)
def test_mistakes(read, details):
    with pytest.raises(OvsdbSyntaxError) as caught:
        read()
    assert caught.value.details == details
