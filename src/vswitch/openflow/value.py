"""Values: frozen records with slots, like `@dataclass(frozen=True, slots=True)`, at a price that start-up can pay.

A dataclass costs 0.56 ms to define, for five methods that are compiled one by one; the 150 records of OpenFlow would
take longer to define than `ovs-ofctl` takes to run.  Here equality, hash and repr are written once, and `__init__` is
compiled when the first instance is made: 0.03 ms.  `dataclasses.replace`, `fields` and `asdict` accept these values.

Sources: PEP 557 (semantics), PEP 681 (what type checkers are told).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

from vswitch.base.namedtuple import NamedTuple


class Wire(NamedTuple):
    """What a field's declaration says about its form on the wire."""

    width: Any  # a codec.Width
    pad: int
    default: Any
    kw_only: bool


class _Required:
    """The default of a field that has none."""


REQUIRED: Any = _Required


def wire(width: Any, pad: int = 0, *, default: Any = REQUIRED, kw_only: bool = False) -> Any:
    """A field on the wire: naturally aligned, `width` wide, then `pad` bytes of zeros.

    With `width` None it is an ordinary field; `kw_only` ones come last.
    """
    return Wire(width, pad, default, kw_only)


class _DataclassFields:
    """`__dataclass_fields__`, made when the dataclasses module first asks for it."""

    def __get__(self, instance: object, owner: Any) -> dict[str, Any]:
        import dataclasses

        namespace = dict(owner.DEFAULTS)
        namespace["__annotations__"] = dict.fromkeys(owner.__match_args__, Any)
        made: Any = dataclasses.dataclass(type(owner.__name__, (), namespace))
        fields: dict[str, Any] = made.__dataclass_fields__
        return fields


class Value:
    """Base of all records.  Instances are equal when they have the same class and equal fields."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()
    __dataclass_fields__: ClassVar[Any] = _DataclassFields()
    DEFAULTS: ClassVar[Mapping[str, Any]] = {}
    WIRE: ClassVar[Mapping[str, Wire]] = {}  # fields declared by `wire`
    KEYWORDS: ClassVar[frozenset[str]] = frozenset()  # fields that __init__ takes by keyword only
    _astuple: ClassVar[Callable[[Any], Any]]

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        values = self.__class__._astuple
        return bool(values(self) == values(other))

    def __hash__(self) -> int:
        return hash((self.__class__, self.__class__._astuple(self)))

    def __repr__(self) -> str:
        args = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{self.__class__.__qualname__}({args})"

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"cannot delete field {name!r}")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.__class__, {name: getattr(self, name) for name in self.__match_args__})

    def replace(self, **changes: Any) -> Self:
        """This value with other fields."""
        for name in self.__match_args__:
            if name not in changes:
                changes[name] = getattr(self, name)
        return self.__class__(**changes)


def _rebuild(cls: type[Value], fields: dict[str, Any]) -> Value:
    return cls(**fields)


V = TypeVar("V", bound=Value)


@dataclass_transform(frozen_default=True, field_specifiers=(wire,))
def value(cls: type[V]) -> type[V]:
    """Make `cls`, a subclass of Value, a frozen record with a slot for every annotated name."""
    own = [
        name
        for name, kind in vars(cls).get("__annotations__", {}).items()
        if not str(kind).startswith("ClassVar")
    ]
    defaults, wires, keywords = dict(cls.DEFAULTS), dict(cls.WIRE), set(cls.KEYWORDS)
    namespace = {name: item for name, item in cls.__dict__.items() if name not in ("__dict__", "__weakref__")}
    for name in own:
        default = namespace.pop(name, REQUIRED)
        if isinstance(default, Wire):
            if default.width is not None:
                wires[name] = default
            if default.kw_only:
                keywords.add(name)
            default = default.default
        if default is not REQUIRED:
            defaults[name] = default
    names = tuple(sorted(dict.fromkeys((*cls.__match_args__, *own)), key=keywords.__contains__))
    namespace.update(
        __slots__=tuple(own),
        __match_args__=names,
        __init__=_first_init,
        DEFAULTS=defaults,
        WIRE=wires,
        KEYWORDS=frozenset(keywords),
        _astuple=staticmethod(attrgetter(*names) if names else _no_fields),
    )
    metaclass: Any = type(cls)
    made: type[V] = metaclass(cls.__name__, cls.__bases__, namespace)
    _point_super_at(made, namespace)
    return made


def _point_super_at(made: type[Value], namespace: Mapping[str, Any]) -> None:
    """Make the `super()` of methods mean the class with slots, instead of the one that it was made from."""
    for item in namespace.values():
        function = getattr(item, "__func__", item)
        code = getattr(function, "__code__", None)
        if code is not None and "__class__" in code.co_freevars:
            function.__closure__[code.co_freevars.index("__class__")].cell_contents = made
            return  # all methods share one cell


def _no_fields(_: object) -> tuple[()]:
    return ()


def _first_init(self: Value, *args: Any, **kwargs: Any) -> None:
    """Compile the class's own __init__, then run it."""
    cls = self.__class__
    params = [f"{name}=_defaults[{name!r}]" if name in cls.DEFAULTS else name for name in cls.__match_args__]
    if cls.KEYWORDS:
        params.insert(len(params) - len(cls.KEYWORDS), "*")
    body = "\n".join(f"  _set_{name}(self, {name})" for name in cls.__match_args__) or "  pass"
    scope: dict[str, Any] = {f"_set_{name}": getattr(cls, name).__set__ for name in cls.__match_args__}
    scope["_defaults"] = cls.DEFAULTS
    exec(f"def __init__(self, {', '.join(params)}):\n{body}", scope)
    cls.__init__ = scope["__init__"]  # type: ignore[method-assign]  # made for this class
    cls.__init__(self, *args, **kwargs)
