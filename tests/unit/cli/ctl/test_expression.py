"""Conditions of `find` and `wait-until`."""

from __future__ import annotations

import pytest

from tests.unit.cli.vsctl_lines import begin
from vswitch.base.errors import TextError
from vswitch.base.options import CommandError
from vswitch.cli.ctl.expression import OPERATORS, parse_expression, satisfies
from vswitch.ovsdb.valuetext import Symbols

VALUES = {"trunks": (1, 2), "tag": 5, "other_config": {"a": "1", "b": "2"}, "name": "p1"}
PORT = begin().tables["Port"]
NO_SYMBOLS: Symbols = None


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("tag=5", True), ("tag!=5", False), ("tag<6", True), ("tag>=6", False), ("tag<=5", True), ("tag>4", True),
        ("trunks=1,2", True), ("trunks{<}1,2,3", True), ("trunks{<}1,2", False), ("trunks{<=}1,2", True),
        ("trunks{>}1", True), ("trunks{>=}1,2", True), ("trunks{>=}3", False), ("trunks{!=}1", True),
        ("tag{in}5", True), ("tag{not-in}5", False), ("tag{not-in}6", True), ("trunks{in}1,2,3", True), ("trunks{not-in}2,3", False),
        ("name=p1", True), ("name{in}p2", False),
        ("other_config:a=1", True), ("other_config:a!=1", False), ("other_config:a>0", True),
        ("other_config:c=1", False), ("other_config:c!=1", False), ("other_config:c{=}[]", True),
        ("other_config{>=}a=1", True), ("other_config=a=1", False),
    ],
)  # fmt: skip
def test_operators(text: str, holds: bool) -> None:
    expression = parse_expression(text, PORT, OPERATORS)
    assert satisfies(expression, VALUES[expression.column.name], NO_SYMBOLS) is holds


@pytest.mark.parametrize(
    ("text", "operators", "complaint"),
    [
        ("", ("=",), ": missing column name"),
        ("tag", ("=",), 'tag: argument does not end in "=" followed by a value.'),
        ("tag=", ("=",), 'tag=: argument does not end in "=" followed by a value.'),
        ("tag=5", (), 'tag=5: trailing garbage "=5" in argument'),
        ("nope=5", ("=",), 'Port does not contain a column whose name matches "nope"'),
    ],
)
def test_what_is_no_expression(text: str, operators: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_expression(text, PORT, operators)
    assert str(caught.value) == complaint


def test_only_maps_have_keys() -> None:
    with pytest.raises(CommandError, match="cannot specify key to check for non-map column tag"):
        satisfies(parse_expression("tag:x=5", PORT, OPERATORS), 5, NO_SYMBOLS)


def test_more_values_than_a_column_holds_are_an_error() -> None:
    with pytest.raises(TextError, match="4,5: 2 value\\(s\\) specified but the maximum number is 1"):
        satisfies(parse_expression("tag{in}4,5", PORT, OPERATORS), 5, NO_SYMBOLS)
