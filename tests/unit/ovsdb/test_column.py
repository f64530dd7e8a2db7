"""Columns as clients see them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vswitch.ovsdb.column import Column, Layout, row_name

SET = Column("s", {"type": {"key": "integer", "min": 0, "max": "unlimited"}})
MAP = Column("m", {"type": {"key": "string", "value": "integer", "min": 0, "max": "unlimited"}})
SETS = st.sets(st.integers(0, 9)).map(lambda items: tuple(sorted(items)))
MAPS = st.dictionaries(st.sampled_from("abcde"), st.integers(0, 3)).map(
    lambda pairs: dict(sorted(pairs.items()))
)


def difference(old, new):
    """What `modify` of update2 carries."""
    if isinstance(old, tuple):
        return tuple(sorted({*old} ^ {*new}))
    return {key: new.get(key, old.get(key)) for key in old | new if old.get(key) != new.get(key)}


@given(SETS, SETS)
def test_a_difference_of_sets_applies(old, new):
    assert SET.apply_difference(old, difference(old, new)) == new


@given(MAPS, MAPS)
def test_a_difference_of_maps_applies(old, new):
    assert MAP.apply_difference(old, difference(old, new)) == new


def test_defaults():
    assert SET.default == ()
    assert MAP.default == {}
    assert Column("c", {"type": "string"}).default == ""
    assert Column("c", {"type": {"key": "string", "min": 0}}).default is None
    enum = {"type": "string", "enum": ["set", ["b", "a"]]}
    assert Column("c", {"type": {"key": enum}}).default == ""  # which servers refuse


def test_references_to_new_rows_go_by_name():
    column = Column("c", {"type": {"key": {"type": "uuid", "refTable": "T"}, "min": 0, "max": 2}})
    old, new = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
    assert column.to_json((old, new), {new}) == ["set", [["uuid", old], ["named-uuid", row_name(new)]]]


def test_columns_are_read_when_asked_for():
    layout = Layout(
        {"name": "D", "tables": {"T": {"columns": {"b": {"type": "nonsense"}, "a": {"type": "string"}}}}}
    )
    table = layout.tables["T"]
    assert list(table) == ["a", "b"]
    assert table["a"].key.kind == "string"
    assert table["_uuid"].key.kind == "uuid"
    assert table.is_root  # no table says it is
