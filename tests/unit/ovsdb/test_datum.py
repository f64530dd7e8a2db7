import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.ovsdb.atom import AtomType
from vswitch.ovsdb.datum import (
    apply_difference,
    datum_from_json,
    datum_to_json,
    datum_to_text,
    difference,
    json_reader,
    json_writer,
    make_set,
    with_atoms,
    without_atoms,
    without_common_ends,
)
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.types import BaseType, ColumnType

INTEGERS = ColumnType.from_json({"key": "integer", "min": 0, "max": "unlimited"})
OPTIONAL = ColumnType.from_json({"key": "integer", "min": 0})
MAP = ColumnType.from_json({"key": "string", "value": "integer", "min": 0, "max": "unlimited"})
sets = st.builds(make_set, st.lists(st.integers(0, 200), max_size=120))
maps = st.dictionaries(st.text("abc", max_size=2), st.integers(0, 3)).map(lambda d: tuple(sorted(d.items())))


@pytest.mark.parametrize(
    ("json", "type", "datum"),
    [
        (5, INTEGERS, (5,)),
        (["set", [3, 1]], INTEGERS, (1, 3)),
        (["set", []], OPTIONAL, ()),
        (["map", [["b", 2], ["a", 1]]], MAP, (("a", 1), ("b", 2))),
    ],
)
def test_json(json, type, datum):
    assert datum_from_json(json, type) == datum
    assert datum_from_json(datum_to_json(datum, type), type) == datum
    assert json_writer(type)(datum) in (datum_to_json(datum, type), ["set", datum], ["map", datum])


@pytest.mark.parametrize(
    ("json", "type", "details"),
    [
        (["set", [1, 1]], INTEGERS, "set contains duplicate"),
        (["map", [["a", 1], ["a", 2]]], MAP, "map contains duplicate key"),
        (["set", [1, 2]], OPTIONAL, "set must have 0 to 1 members but 2 are present"),
        (["map", [["a"]]], MAP, "expected 2-element array"),
        (["set", 1], INTEGERS, 'expected ["set", <array>]'),
    ],
)
def test_wrong_json(json, type, details):
    with pytest.raises(OvsdbError) as caught:
        datum_from_json(json, type)
    assert caught.value.details == details


def test_text():
    assert datum_to_text((1, 2), INTEGERS) == "[1, 2]"
    assert datum_to_text((), OPTIONAL) == "[]"
    assert datum_to_text((("a b", 1),), MAP) == '{"a b"=1}'


@given(sets, sets)
def test_a_difference_leads_from_one_set_to_the_other_and_back(old, new):
    diff = difference(old, new, INTEGERS)
    assert apply_difference(old, diff, INTEGERS) == new
    assert apply_difference(new, diff, INTEGERS) == old


@given(maps, maps)
def test_a_difference_leads_from_one_map_to_the_other(old, new):
    assert apply_difference(old, difference(old, new, MAP), MAP) == new


@given(sets, sets)
def test_union_and_difference(a, b):
    assert with_atoms(a, b) == make_set({*a, *b})
    assert without_atoms(a, b) == make_set(set(a) - set(b))


@given(sets, sets)
def test_common_ends_do_not_matter(a, b):
    x, y = without_common_ends(a, b)
    assert set(x) ^ set(y) == set(a) ^ set(b)


def test_one_more_port_is_found_without_looking_at_ten_thousand():
    old = tuple(range(0, 20_000, 2))
    new = with_atoms(old, (9_999,))
    assert without_common_ends(old, new) == ((), (9_999,))


ATOMS = st.sampled_from([0, 1, -1, 1 << 63, 1.5, True, False, "", "a", "b", None, ["uuid", "a"], [], {}])
PAIRS = st.one_of(st.lists(ATOMS, max_size=3), st.tuples(ATOMS, ATOMS).map(list), ATOMS, st.just("ab"))
VALUES = st.one_of(
    ATOMS,
    st.lists(ATOMS, max_size=3),
    st.lists(ATOMS, max_size=4).map(lambda atoms: ["set", atoms]),
    st.lists(PAIRS, max_size=4).map(lambda pairs: ["map", pairs]),
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")).map(list), max_size=4).map(
        lambda pairs: ["map", pairs]
    ),
)
KINDS = st.sampled_from([BaseType(kind) for kind in AtomType])
TYPES = st.builds(
    ColumnType, KINDS, st.one_of(st.none(), KINDS), st.sampled_from([0, 1]), st.sampled_from([1, 2, 9])
)


def outcome(read, *args):
    """The datum that is read, to the last type, or the error."""
    try:
        return [*map(repr, read(*args))]
    except OvsdbError as error:
        return str(error)


@given(TYPES, VALUES)
def test_the_short_way_to_read_a_value_leads_where_the_long_one_does(type, value):
    assert outcome(json_reader(type), value) == outcome(datum_from_json, value, type)
