import pytest

from tests.unit.ovsdb.machine import SCHEMA, uuids
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.notation import Members
from vswitch.ovsdb.operation import OPERATIONS, Context, Insert, Wait, operation_kind


def parse(json, context):
    members = Members(json, "it")
    return operation_kind(members).read(members, context)


def test_the_ten_operations():
    assert set(OPERATIONS) == {
        "insert", "select", "update", "mutate", "delete", "wait", "commit", "abort", "comment", "assert",
    }  # fmt: skip


def test_a_name_can_be_used_before_it_is_given():
    context = Context(SCHEMA, uuids(), lambda table, uuid: False)
    uuid = context.resolve("later")
    json = {"op": "insert", "table": "B", "row": {}, "uuid-name": "later"}
    operation = parse(json, context)
    assert isinstance(operation, Insert)
    assert operation.uuid == uuid
    with pytest.raises(OvsdbError, match="earlier"):
        parse(json, context)


def test_a_wait_has_seconds():
    json = {"op": "wait", "table": "B", "where": [], "until": "==", "rows": [], "timeout": 1500}
    operation = parse(json, Context(SCHEMA, uuids(), lambda table, uuid: False))
    assert isinstance(operation, Wait)
    assert operation.timeout == 1.5
