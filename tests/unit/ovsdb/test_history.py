from tests.unit.ovsdb.machine import Machine
from vswitch.ovsdb.history import History, Labels, differences, printable
from vswitch.ovsdb.jsontext import decode

U = "00000000-0000-0000-0000-00000000000"


def events(*transactions):
    """What a journal tells of these transactions, and the history after them."""
    machine = Machine()
    client = machine.client()
    for operations in transactions:
        assert "error" not in str(client.transact(*operations))
    history = History(machine.host.database.schema)
    records = [decode(record.split(b"\n", 1)[1]) for record in machine.storage.records]
    return [history.take(record) for record in records], history


INSERT = {"op": "insert", "table": "I", "row": {"a": "x", "b": 1}, "uuid": f"{U}1"}
OTHER = {"op": "insert", "table": "I", "row": {"a": "y"}, "uuid": f"{U}2"}
UPDATE = {"op": "update", "table": "I", "where": [["a", "==", "x"]], "row": {"b": 2}}
DELETE = {"op": "delete", "table": "I", "where": [["a", "==", "x"]]}
COMMENT = {"op": "comment", "comment": "because"}


def test_events_tell_who_changed_what_and_when():
    told, history = events([INSERT, OTHER, COMMENT], [UPDATE], [DELETE])
    assert [event.number for event in told] == [1, 2, 3]
    assert [event.comment for event in told] == ["because", "", ""]
    assert told[0].date == 1_700_000_000_000
    assert [[change.kind for change in event.changes] for event in told] == [
        ["insert"] * 2,
        ["modify"],
        ["delete"],
    ]
    [(column, before, after)] = told[1].changes[0].columns()
    assert (column.name, before, after) == ("b", (1,), (2,))
    assert set(history.tables["I"]) == {f"{U}2"}


def test_a_state_is_kept_while_history_goes_on():
    told, history = events([INSERT])
    before = history.copy()
    history.take({"I": {f"{U}1": None}})
    [change] = differences(history.schema, before, history.tables)
    assert (change.kind, change.uuid) == ("delete", f"{U}1")
    [change] = differences(history.schema, history.tables, before)
    assert change.kind == "insert"
    assert differences(history.schema, before, before) == []
    assert history.n_events == len(told) + 1


def test_what_a_record_does_not_say():
    _, history = events([INSERT])
    event = history.take({"_date": "yesterday", "_comment": 5})
    assert (event.date, event.comment, event.changes) == (None, "", [])


def test_rows_are_called_by_their_names_even_when_they_are_gone():
    strong = {"strong": ["set", [["uuid", f"{U}4"]]]}
    target = {"op": "insert", "table": "B", "row": {"name": "p"}, "uuid": f"{U}4"}
    (told,), history = events([target, {"op": "insert", "table": "A", "row": {"name": "a", **strong}}])
    labels = Labels()
    labels.learn(told.changes)
    assert labels.row(f"{U}4") == "p (00000000)"
    assert labels.row(f"{U}9") == "00000000"
    column = history.schema.tables["A"].columns["strong"]
    assert labels.value(column, (f"{U}4",)) in ("[p]", "p")
    assert labels.changed(column, (f"{U}4", f"{U}5"), (f"{U}5", f"{U}6")) == "-p +00000000"


def test_no_name_writes_on_the_terminal():
    assert printable("tidy") == "tidy"
    assert printable("a\x1b[2Jb\n") == r"a\x1b[2Jb\n"
