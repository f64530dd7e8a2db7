"""What is allowed is compared with the peer in tests/interop/test_rbac.py; here: who is bound at all."""

from tests.unit.ovsdb.machine import SCHEMA
from vswitch.ovsdb.database import Database
from vswitch.ovsdb.rbac import rules_for
from vswitch.ovsdb.schema import Schema
from vswitch.ovsdb.servicemodel import Access

WITH_ROLES = {
    "name": "R",
    "tables": {"RBAC_Role": {"isRoot": True, "columns": {"name": {"type": "string"}}}},
}


def test_rules_bind_clients_with_a_role_where_there_are_rules():
    with_roles = Database(Schema.from_json(WITH_ROLES))
    assert rules_for(with_roles, Access()) is None
    assert rules_for(Database(SCHEMA), Access(role="r")) is None
    assert rules_for(with_roles, Access(role="r")) is not None
