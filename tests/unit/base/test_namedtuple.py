"""Our named tuples are the standard library's, but for when their constructor is compiled."""

from __future__ import annotations

import copy
import pickle
from typing import Any
from typing import NamedTuple as Standard

import pytest

from vswitch.base.namedtuple import NamedTuple


def made(base: Any) -> Any:
    class Point(base):
        """A point."""

        x: int
        y: int = 2
        label: str = "none"

        @property
        def total(self) -> int:
            return self.x + self.y

        def __str__(self) -> str:
            return f"{self.x}/{self.y}"

    return Point


class Kept(NamedTuple):
    a: int
    b: str = "b"


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((1,), {}),
    ((1, 3), {"label": "x"}),
    ((), {"x": 4}),
    ((), {}),
    ((1, 2, 3, 4), {}),
    ((1,), {"x": 1}),
    ((1,), {"z": 1}),
]


def outcome(function: Any, *args: Any, **kwargs: Any) -> object:
    try:
        value = function(*args, **kwargs)
    except Exception as error:
        return type(error).__name__, str(error).replace("<lambda>()", "__new__()").rpartition(".")[2]
    return value, repr(value), str(value), value.total, value._asdict(), value[1:], value._replace(y=9)


@pytest.mark.parametrize(("args", "kwargs"), CALLS)
def test_tuples_are_the_same(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    for _ in range(2):  # the first call compiles
        ours, theirs = (outcome(made(base), *args, **kwargs) for base in (NamedTuple, Standard))
        if isinstance(ours, tuple) and len(ours) == 2:
            assert ours[0] == theirs[0]  # type: ignore[index]
        else:
            assert ours == theirs


def test_the_class_says_the_same() -> None:
    ours, theirs = made(NamedTuple), made(Standard)
    for name in (
        "_fields",
        "_field_defaults",
        "__match_args__",
        "__doc__",
        "__bases__",
        "__name__",
        "__slots__",
    ):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours._make([1, 2, "z"]) == theirs._make([1, 2, "z"]) == (1, 2, "z")
    assert outcome(lambda: ours(1)._replace(q=1)) == outcome(lambda: theirs(1)._replace(q=1))


def test_copies_and_pickles_are_equal() -> None:
    kept = Kept(1)
    for duplicate in (copy.copy(kept), copy.deepcopy(kept), pickle.loads(pickle.dumps(kept))):
        assert duplicate == kept
        assert type(duplicate) is Kept


def test_fields_are_read_only() -> None:
    with pytest.raises(AttributeError):
        Kept(1).a = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Kept(1).c = 2  # type: ignore[attr-defined]
