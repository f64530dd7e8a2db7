"""Our data classes are the standard library's, but for when their methods are compiled."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from vswitch.base import dataclass as ours

T = TypeVar("T")


def classes(module: Any) -> dict[str, type]:
    """The same classes, made by `module`."""

    @module.dataclass(frozen=True, slots=True)
    class Point:
        x: int
        y: int = 2
        note: str = module.field(default="", compare=False, repr=False)
        SHARED: ClassVar[int] = 7

    @module.dataclass(frozen=True, slots=True)
    class Point3(Point):
        z: list[int] = module.field(default_factory=list)
        x: int = 5  # type: ignore[misc]  # stays the first

        def size(self) -> int:
            return self.x + len(self.z)

    @module.dataclass(slots=True)
    class Open:
        name: str
        items: dict[str, int] = module.field(default_factory=dict)
        made: int = module.field(init=False, default=3)
        _hidden: int = module.field(init=False, repr=False)

        def __post_init__(self) -> None:
            self._hidden = len(self.name)

    @module.dataclass(slots=True, eq=False)
    class Itself:
        a: int = 1

    @module.dataclass(frozen=True)
    class Loose:
        a: int
        b: int = module.field(default=4, metadata={"since": 5})

    @module.dataclass(frozen=True, slots=True)
    class Own:
        a: int

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own) and self.a % 2 == other.a % 2

        def __hash__(self) -> int:
            return self.a % 2

        def __repr__(self) -> str:
            return f"own {self.a}"

    @module.dataclass(frozen=True, slots=True)
    class Box(Generic[T]):
        item: T

    return {name: kind for name, kind in locals().items() if name != "module"}


OURS, THEIRS = classes(ours), classes(dataclasses)
CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Point", (1,), {}),
    ("Point", (1, 2), {"note": "no part of it"}),
    ("Point", (1, 3), {}),
    ("Point3", (), {}),
    ("Point3", (1, 2, "n", [4]), {}),
    ("Point3", (), {"z": [1]}),
    ("Open", ("name",), {}),
    ("Open", ("name", {"a": 1}), {}),
    ("Itself", (), {}),
    ("Loose", (1,), {}),
    ("Own", (1,), {}),
    ("Own", (3,), {}),
    ("Box", ("thing",), {}),
]


def made(kinds: dict[str, type]) -> list[Any]:
    return [kinds[name](*args, **kwargs) for name, args, kwargs in CALLS]


def text(value: object) -> str:
    return repr(value).partition(" object at")[0]


def outcome(function: Any, *args: Any) -> object:
    try:
        return text(function(*args))
    except Exception as error:
        return type(error).__name__, str(error).replace("test_dataclass.", "")


@pytest.mark.parametrize(("name", "args", "kwargs"), CALLS)
def test_instances_read_the_same(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    assert text(OURS[name](*args, **kwargs)) == text(THEIRS[name](*args, **kwargs))


def test_equality_and_hashes_are_the_same() -> None:
    our, their = made(OURS), made(THEIRS)
    for i, (mine, yours) in enumerate(zip(our, their, strict=True)):
        assert [mine == other for other in our] == [yours == other for other in their], CALLS[i]
        if CALLS[i][0] != "Itself":
            assert outcome(hash, mine) == outcome(hash, yours)


@pytest.mark.parametrize("name", OURS)
def test_wrong_arguments_are_refused_alike(name: str) -> None:
    for args in ((), range(9)):
        mine, yours = (outcome(lambda kind=kind: kind(*args)) for kind in (OURS[name], THEIRS[name]))  # type: ignore[misc]  # noqa: B023
        assert mine == yours


@pytest.mark.parametrize("index", range(len(CALLS)))
def test_what_is_frozen_stays_and_what_is_not_does_not(index: int) -> None:
    mine, yours = made(OURS)[index], made(THEIRS)[index]
    for name in mine.__match_args__:
        assert outcome(setattr, mine, name, 9) == outcome(setattr, yours, name, 9)
        assert outcome(delattr, mine, name) == outcome(delattr, yours, name)
    with pytest.raises(AttributeError):
        mine.unknown = 1


@pytest.mark.parametrize("index", range(len(CALLS)))
def test_copies_are_equal(index: int) -> None:
    for duplicate in (copy.copy, copy.deepcopy):
        original = made(OURS)[index]
        assert text(duplicate(original)) == text(original)


def test_pickles_are_of_classes_that_can_be_found() -> None:
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(made(OURS)[0])
    assert OURS["Point"].__qualname__ == "classes.<locals>.Point"


def test_fields_and_replace_are_those_of_the_standard_library_too() -> None:
    for mine, yours in zip(made(OURS), made(THEIRS), strict=True):
        known = [(each.name, each.init, each.repr, each.compare) for each in dataclasses.fields(yours)]
        for functions in (dataclasses, ours):
            assert [
                (each.name, each.init, each.repr, each.compare)
                for each in functions.fields(mine)  # type: ignore[attr-defined]
            ] == known
    loose = OURS["Loose"](1)
    assert ours.replace(loose, b=5) == dataclasses.replace(loose, b=5) == OURS["Loose"](1, 5)  # type: ignore[type-var]
    assert dataclasses.asdict(loose) == {"a": 1, "b": 4}  # type: ignore[call-overload]
    assert ours.fields(loose)[1].metadata == {"since": 5}  # type: ignore[arg-type]


def test_patterns_take_them_apart() -> None:
    match OURS["Point3"](1, 2, "n", [3]):
        case object(__match_args__=names):
            assert names == ("x", "y", "note", "z")
    assert OURS["Open"].__match_args__ == ("name", "items") == THEIRS["Open"].__match_args__  # type: ignore[attr-defined]


def test_slots_leave_no_room_for_more() -> None:
    assert not hasattr(OURS["Point3"](), "__dict__")
    assert OURS["Point3"].__slots__ == ("z",)  # type: ignore[attr-defined]
    assert OURS["Loose"](1).__dict__ == {"a": 1, "b": 4}
    assert OURS["Loose"].b == 4  # type: ignore[attr-defined]


def test_a_subclass_that_is_none_itself_has_the_methods_of_its_base() -> None:
    class Named(OURS["Open"]):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__("called")

    named = Named()
    assert (named.name, named._hidden, named.items) == ("called", 4 + 2, {})
    assert named == Named()
    assert named != OURS["Open"]("called")
