"""Rows of the database as a daemon's replica has them, made by commands of ovs-vsctl."""

from __future__ import annotations

import shlex

from tests.unit.cli.vsctl_lines import Line
from vswitch.ovsdb.change import Transaction
from vswitch.ovsdb.replica import Row
from vswitch.vswitchd.bridge import Config, Tables, read_config

TABLES = ("Open_vSwitch", "Bridge", "Port", "Interface", "Controller", "Manager", "SSL", "Flow_Table")


def tables(*commands: str) -> Tables:
    """What is there after `commands`, each as in "--may-exist add-br br0"."""
    line = Line()
    for command in commands:
        line.run(*shlex.split(command))
    return {
        name: {row.uuid: _settled(line.transaction, row) for row in line.transaction.rows(name)}
        for name in TABLES
    }


def _settled(transaction: Transaction, row: Row) -> Row:
    """`row` as it is when the transaction is done."""
    table = transaction.tables[row.table]
    names = row.__dict__.keys() - {"uuid", "table"}
    return Row(table, row.uuid, {name: transaction.get(row, name) for name in names})


def config(*commands: str) -> Config:
    """What the database wants after `commands`."""
    return read_config(tables(*commands))
