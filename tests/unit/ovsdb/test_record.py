"""Declared records: read, written, made anew, and what is refused at once."""

from __future__ import annotations

from itertools import count
from typing import ClassVar

import pytest

from tests.unit.ovsdb.test_change import ABOUT, ROWS, SCHEMA, A, B
from vswitch.base.errors import Conflict
from vswitch.ovsdb.change import Transaction
from vswitch.ovsdb.classes import Classes
from vswitch.ovsdb.record import EMPTY, Record, column
from vswitch.ovsdb.replica import Replica
from vswitch.ovsdb.rows import Changes, Contents


class Leaf(Record):
    name: str


class Root(Record):
    default_name: ClassVar[str] = "a"
    name: str
    leaves: set[Leaf] = EMPTY
    numbers: dict[str, int] = column(name="map", default=EMPTY)
    maybe: str | None = None
    count: int = 0


CLASSES = Classes(Root, Leaf)


@pytest.fixture
def replica() -> Replica:
    replica = Replica("D", CLASSES)
    replica.connected()
    for result in (SCHEMA, [False, A, ROWS]):
        [message] = replica.outgoing()
        replica.receive({"id": message["id"], "result": result, "error": None})
    return replica


@pytest.fixture
def change(replica: Replica) -> Changes:
    return changes(replica)


def changes(replica: Replica) -> Changes:
    numbers = count(1)
    return Changes(Transaction(replica, lambda: f"10000000-0000-0000-0000-{next(numbers):012}"))


@pytest.fixture
def root(change: Changes) -> Root:
    return change.rows(Root)[0]


def test_columns_are_attributes_and_references_are_rows(change, root):
    assert (root.name, root.maybe, root.count, root.numbers) == ("a", None, 0, {"x": 1})
    [leaf] = change.rows(Leaf)
    root.leaves.add(leaf)
    assert root.leaves == {leaf}
    assert [each.name for each in root.leaves] == ["b"]
    assert leaf in root.leaves
    assert change.find(Root, leaves={leaf}) == [root]
    assert change.find(Root, numbers={"x": 1}) == [root]


def test_what_is_written(change, root):
    root.maybe = "so"
    root.numbers["y"] = 2
    root.count += 1
    root.leaves |= {*change.rows(Leaf)}
    wait, update, mutate = change.transaction.operations()
    assert (wait["op"], wait["columns"]) == ("wait", ["count"])
    assert update == ABOUT | {"op": "update", "row": {"maybe": "so", "count": 1}}
    assert mutate["mutations"] == [
        ["map", "insert", ["map", [["y", 2]]]],
        ["leaves", "insert", ["set", [["uuid", B]]]],
    ]


def test_a_new_row_is_inserted_where_it_is_referred_to_and_once(change, root):
    leaf = Leaf(name="new")
    root.leaves.add(leaf)
    root.leaves.add(leaf)
    other = change.insert(Root(name="c", leaves={leaf, Leaf(name="second")}))
    assert leaf in root.leaves
    assert leaf in other.leaves
    assert change.insert(leaf) in root.leaves
    assert sorted(each.name for each in other.leaves) == ["new", "second"]
    inserts = [each for each in change.transaction.operations() if each["op"] == "insert"]
    assert [(each["table"], each["row"]["name"]) for each in inserts] == [
        ("Leaf", "new"),
        ("Root", "c"),
        ("Leaf", "second"),
    ]


def test_a_new_row_is_a_value_that_can_be_inserted_again(replica):
    new = Root(name="z", numbers={"k": 1})
    new.maybe = "m"
    new.numbers["l"] = 2
    new.leaves.add(Leaf(name="l"))
    assert (new.name, new.numbers, len(new.leaves), new.table, new.is_new) == (
        "z",
        {"k": 1, "l": 2},
        1,
        "Root",
        True,
    )
    assert repr(Leaf(name="l")) == "Leaf(name='l')"
    for _ in range(2):
        change = changes(replica)
        change.insert(new)
        [insert, _] = change.transaction.operations()
        assert insert["row"]["map"] == ["map", [["k", 1], ["l", 2]]]


def test_new_rows_share_nothing(change):
    one, two = Root(name="1"), Root(name="2")
    one.leaves.add(Leaf(name="x"))
    one.numbers["x"] = 1
    assert (two.leaves, two.numbers) == (set(), {})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Root(maybe="x"), "a new Root needs a name"),
        (lambda: Root(name="x", named="x"), "Root declares no column named"),
        (
            lambda: type("Lone", (Record,), {"__annotations__": {"x": "str"}})(x="y"),
            "Lone is not one of any Classes",
        ),
    ],
)
def test_wrong_new_rows(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_wrong_values_and_names(change, root):
    with pytest.raises(TypeError, match="5 is not of type string"):
        root.name = 5
    with pytest.raises(TypeError, match="is not of type uuid"):
        root.leaves = {5}
    with pytest.raises(AttributeError, match="named"):
        root.named = "x"
    with pytest.raises(AttributeError, match="named"):
        _ = root.named
    with pytest.raises(AttributeError, match="column nothing of Root"):
        change.find(Root, nothing=1)
    with pytest.raises(TypeError, match="is not of type uuid"):
        change.find(Root, leaves={Leaf(name="new")})


def test_names_that_have_a_meaning_are_refused():
    with pytest.raises(
        TypeError, match=r'Taken\.uuid has a meaning of its own: uuid_: … = column\(name="uuid"\)'
    ):
        type("Taken", (Record,), {"__annotations__": {"uuid": "str"}})


def test_a_class_that_the_replica_does_not_have(change):
    class Other(Record):
        name: str

    class Leaf(Record):
        name: str

    Classes(Leaf)
    with pytest.raises(LookupError, match="does not have a table Other"):
        change.rows(Other)
    with pytest.raises(LookupError, match="Leaf is not one of the replica's classes"):
        change.rows(Leaf)


def test_columns_also_by_name_and_rows_of_tables_also_by_name(change, root):
    assert root["map"] == {"x": 1}
    root["maybe"] = "so"
    assert root.maybe == "so"
    [same] = change.rows("Root")
    assert same == root
    assert hash(same) == hash(root)
    assert same.maybe == "so"
    assert (root.uuid, root.table, repr(root)) == (A, "Root", f"<Root {A}>")


def test_the_rows_of_a_replica_are_only_read(replica, change):
    contents = Contents(replica)
    root = contents.one(Root, name="a")
    for write in (
        lambda: setattr(root, "name", "b"),
        lambda: root.leaves.add(B),
        root.delete,
        root.numbers.clear,
    ):
        with pytest.raises(AttributeError, match="only read"):
            write()
    change.row(root).maybe = "so"
    assert root.maybe is None
    assert change.one(Root, name="a").maybe == "so"


def test_records_of_changed_rows_are_of_their_classes(replica):
    contents = Contents(replica)
    found = [contents.record(each.row) for each in replica.changes()]
    assert {type(each) for each in found} == {Root, Leaf}
    match found[0]:
        case Root(name=name):
            assert name == "a"
        case _:
            raise AssertionError


def test_references_to_rows_that_are_not_here(replica):
    [row] = replica.table("Root").values()
    row.leaves = (A, B)
    root = Contents(replica).one(Root)
    assert (len(root.leaves), [leaf.name for leaf in root.leaves]) == (1, ["b"])


def test_a_single_reference(replica):
    columns = {"name": {"type": "string"}}
    for name, least in (("one", 1), ("maybe", 0)):
        columns[name] = {"type": {"key": {"type": "uuid", "refTable": "Node"}, "min": least}}

    class Node(Record):
        name: str = ""
        one: Node
        maybe: Node | None = None

    classes = Classes(Node)
    replica = Replica("D", classes)
    replica.connected()
    rows = {
        A: {"initial": {"name": "a", "one": ["uuid", A], "maybe": ["uuid", B]}},
        B: {"initial": {"one": ["uuid", "c"]}},
    }
    for result in ({"name": "D", "tables": {"Node": {"columns": columns}}}, [False, A, {"Node": rows}]):
        [message] = replica.outgoing()
        replica.receive({"id": message["id"], "result": result, "error": None})
    a = Contents(replica).one(Node, name="a")
    assert a.one == a
    assert a.maybe is not None
    assert a.maybe.maybe is None
    with pytest.raises(Conflict, match="does not have row c of Node"):
        _ = a.maybe.one
