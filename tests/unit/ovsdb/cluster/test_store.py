import pytest

from vswitch.ovsdb.cluster.store import NOWHERE, Append, Entry, Position

A, B = (f"{letter * 8}-0000-0000-0000-000000000000" for letter in "ab")


def test_a_position_is_text_and_back():
    assert Position.parse(str(Position(7, A))) == Position(7, A)
    for text in ("", "7", f"x {A}", f"7 {A} 8"):
        with pytest.raises(ValueError):
            Position.parse(text)


def test_an_entry_is_appended_where_it_says_that_the_log_ends():
    assert Append(Entry(Position(8, B), after=A, body=b"")).after == Position(7, A)
    assert Append(Entry(Position(1, A), after=NOWHERE.id, body=b"")).after == NOWHERE
