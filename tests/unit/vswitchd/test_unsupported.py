"""Wishes without effect are named; those that are met are not."""

from typing import Any

from vswitch.vswitchd.unsupported import WISHES, unsupported

QUIET: dict[str, dict[str, Any]] = {
    "Bridge": {"name": "br0", **dict.fromkeys(WISHES["Bridge"], ())},
    "Port": {"name": "p0", "bond_mode": "active-backup", "qos": None, "lacp": None, "vlan_mode": "access"},
    "Interface": {"name": "p0", **dict.fromkeys(WISHES["Interface"], 0)},
    "Controller": {"target": "tcp:127.0.0.1", **dict.fromkeys(WISHES["Controller"])},
}


def tables(**changes: dict[str, Any]) -> Any:
    return {table: {"uuid": row | changes.get(table, {})} for table, row in QUIET.items()}


def test_a_configuration_that_is_met_says_nothing() -> None:
    assert list(unsupported(tables())) == []


def test_what_has_no_effect_is_named() -> None:
    wishes = tables(
        Bridge={"stp_enable": True, "mirrors": ("m",)},
        Port={"bond_mode": "balance-slb", "vlan_mode": "dot1q-tunnel", "lacp": "active"},
        Interface={"ingress_policing_rate": 1000},
        Controller={"local_ip": "10.0.0.1"},
    )
    assert [line.partition(" is not supported")[0] for line in unsupported(wishes)] == [
        "bridge br0: stp_enable",
        "bridge br0: mirrors",
        "port p0: bond_mode",
        "port p0: lacp",
        "port p0: vlan_mode",
        "interface p0: ingress_policing_rate",
        "controller tcp:127.0.0.1: local_ip",
    ]


def test_rows_of_the_schema_have_the_columns() -> None:
    from vswitch.ovsdb.schema import load

    schema = load("vswitch")
    for table, columns in WISHES.items():
        assert columns.keys() <= schema.tables[table].columns.keys()
