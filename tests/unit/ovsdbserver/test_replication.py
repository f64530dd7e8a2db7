import pytest

from vswitch.base.errors import TextError
from vswitch.ovsdbserver.replication import parse_exclude


def test_excluded_tables():
    assert parse_exclude("A:b,C:d") == [("A", "b"), ("C", "d")]
    assert parse_exclude("") == []
    with pytest.raises(TextError, match="foo: not DB:TABLE"):
        parse_exclude("foo")
