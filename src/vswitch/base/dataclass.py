"""Data classes as the standard library's, at a price that the start of a program can pay.

    from vswitch.base.dataclass import dataclass, field, replace

The standard library compiles the methods of a data class one by one when the class is defined, 0.5 ms for each class,
and imports `inspect` to do so: a command that touches 30 of them has spent its time before it begins.  Here a method is
compiled when it is called for the first time; from then on it is as fast as there.  What this project uses of it is
here, with the same meaning; `dataclasses.fields`, `replace` and `asdict` accept these classes too.

Type checkers read dataclass.pyi, where all of this is the standard library's.

Sources: PEP 557; dataclasses(3py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

MISSING = object()
Source = Callable[[tuple["Field", ...], bool, bool], str]


class Field:
    """A field of a class: its name, its default, and in which methods it has a part."""

    __slots__ = ("compare", "default", "default_factory", "init", "metadata", "name", "repr", "type")

    def __init__(
        self,
        default: object,
        default_factory: object,
        init: bool,
        repr: bool,
        compare: bool,
        metadata: Mapping[str, object] | None,
    ) -> None:
        self.name = self.type = ""
        self.default = default
        self.default_factory = default_factory
        self.init = init
        self.repr = repr
        self.compare = compare
        self.metadata = metadata or {}


def field(
    *,
    default: object = MISSING,
    default_factory: object = MISSING,
    init: bool = True,
    repr: bool = True,
    compare: bool = True,
    metadata: Mapping[str, object] | None = None,
) -> Field:
    """What there is to say of a field besides its type."""
    return Field(default, default_factory, init, repr, compare, metadata)


def fields(of: object) -> tuple[Field, ...]:
    """The fields of a class or an instance."""
    return of.__record_fields__


def replace(instance: object, /, **changes: object) -> object:
    """An instance like `instance`, with other values in some fields."""
    for each in fields(instance):
        if each.init and each.name not in changes:
            changes[each.name] = getattr(instance, each.name)
    return instance.__class__(**changes)


def dataclass(
    cls: type | None = None, /, *, frozen: bool = False, slots: bool = False, eq: bool = True
) -> type | Callable[[type], type]:
    """Make a class a data class: see the standard library's."""
    if cls is None:
        return lambda cls: _make(cls, frozen, slots, eq)
    return _make(cls, frozen, slots, eq)


def _make(cls: type, frozen: bool, slots: bool, eq: bool) -> type:
    known = {each.name: each for base in reversed(cls.__mro__[1:]) for each in _fields_of(base)}
    own = _declared(cls)
    namespace = _without_defaults(cls, own, slots)
    if slots:
        namespace["__slots__"] = tuple(each.name for each in own if each.name not in known)
    known.update((each.name, each) for each in own)
    namespace["__record_fields__"] = tuple(known.values())
    namespace["__dataclass_fields__"] = _STANDARD_FIELDS
    namespace.setdefault("__match_args__", tuple(each.name for each in known.values() if each.init))
    later = dict(_methods(namespace, frozen, slots, eq))
    namespace.update(later)
    made = type(cls)(cls.__name__, cls.__bases__, namespace)
    made.__qualname__ = cls.__qualname__
    return made


def _fields_of(base: type) -> tuple[Field, ...]:
    return base.__dict__.get("__record_fields__", ())


def _declared(cls: type) -> list[Field]:
    """The fields that the body of the class declares."""
    declared = []
    items = cls.__dict__
    for name, kind in items.get("__annotations__", {}).items():
        if not str(kind).startswith(("ClassVar", "typing.ClassVar")):
            default = items.get(name, MISSING)
            each = default if isinstance(default, Field) else field(default=default)
            each.name, each.type = name, kind
            declared.append(each)
    return declared


def _without_defaults(cls: type, own: Iterable[Field], slots: bool) -> dict[str, object]:
    """The body of the class without its fields; without slots, their defaults stay in it."""
    left = {name: item for name, item in cls.__dict__.items() if name not in ("__dict__", "__weakref__")}
    for each in own:
        left.pop(each.name, None)
        if not slots and each.default is not MISSING:
            left[each.name] = each.default
    return left


def _methods(own: Mapping[str, object], frozen: bool, slots: bool, eq: bool) -> Iterable[tuple[str, object]]:
    """The methods to add to what the class has of its own."""
    yield "__init__", _compiled_later("__init__", _init_source, frozen)
    if "__repr__" not in own:
        yield "__repr__", _compiled_later("__repr__", _repr_source, frozen)
    if eq:
        if "__eq__" not in own:
            yield "__eq__", _compiled_later("__eq__", _eq_source, frozen)
        if frozen and own.get("__hash__") is None:
            yield "__hash__", _compiled_later("__hash__", _hash_source, frozen)
        elif "__hash__" not in own:
            yield "__hash__", None
    if frozen:
        yield "__setattr__", _refuse_to_set
        yield "__delattr__", _refuse_to_delete
        if slots:
            yield "__getstate__", _state
            yield "__setstate__", _set_state


def _compiled_later(name: str, source: Source, frozen: bool) -> Callable[..., object]:
    """A method that puts the real one, of which `source` writes the text, in its place and calls it."""

    def first(self: object, *args: object, **kwargs: object) -> object:
        owner = next(cls for cls in type(self).__mro__ if cls.__dict__.get(name) is first)
        scope: dict[str, object] = {"_MISSING": MISSING}
        for each in fields(owner):
            scope[f"_set_{each.name}"] = _setter(owner, each.name)
            scope[f"_default_{each.name}"] = each.default
            scope[f"_factory_{each.name}"] = each.default_factory
        exec(source(fields(owner), frozen, hasattr(owner, "__post_init__")), scope)
        method = scope[name]
        method.__qualname__ = f"{owner.__qualname__}.{name}"
        setattr(owner, name, method)
        return method(self, *args, **kwargs)

    return first


def _setter(owner: type, name: str) -> Callable[[object, object], None]:
    """What sets a field that no assignment may set: its slot does so in two thirds of the time that the other takes."""
    slot = getattr(owner, name, None)
    if isinstance(slot, _Slot):
        return slot.__set__  # type: ignore[no-any-return]  # slots' are untyped
    return lambda self, value: object.__setattr__(self, name, value)


_Slot = type(Field.name)


def _init_source(fields: tuple[Field, ...], frozen: bool, has_post_init: bool) -> str:
    params, body = ["self"], []
    for each in fields:
        name = value = each.name
        default = ""
        if each.default_factory is not MISSING:
            default = "=_MISSING"
            value = (
                f"_factory_{name}() if {name} is _MISSING else {name}" if each.init else f"_factory_{name}()"
            )
        elif each.default is not MISSING:
            default = f"=_default_{name}"
            value = name if each.init else f"_default_{name}"
        elif not each.init:
            continue
        if each.init:
            params.append(name + default)
        body.append(f"_set_{name}(self, {value})" if frozen else f"self.{name} = {value}")
    if has_post_init:
        body.append("self.__post_init__()")
    return f"def __init__({', '.join(params)}):\n  " + "\n  ".join(body or ["pass"])


def _repr_source(fields: tuple[Field, ...], *_: object) -> str:
    shown = ", ".join(f"{each.name}={{self.{each.name}!r}}" for each in fields if each.repr)
    return f"def __repr__(self):\n  return f'{{self.__class__.__qualname__}}({shown})'"


def _eq_source(fields: tuple[Field, ...], *_: object) -> str:
    return (
        "def __eq__(self, other):\n"
        "  if other.__class__ is not self.__class__:\n"
        "    return NotImplemented\n"
        f"  return {_tuple_of(fields, 'self')} == {_tuple_of(fields, 'other')}"
    )


def _hash_source(fields: tuple[Field, ...], *_: object) -> str:
    return f"def __hash__(self):\n  return hash({_tuple_of(fields, 'self')})"


def _tuple_of(fields: tuple[Field, ...], instance: str) -> str:
    return f"({''.join(f'{instance}.{each.name}, ' for each in fields if each.compare)})"


def _refuse_to_set(self: object, name: str, value: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: object) -> list[object]:
    return [getattr(self, each.name) for each in fields(self)]


def _set_state(self: object, state: Iterable[object]) -> None:
    for each, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)


class _StandardFields:
    """`__dataclass_fields__`, for the functions of the standard library; made when one of them asks for it."""

    def __get__(self, instance: object, owner: type) -> dict[str, object]:
        import dataclasses

        made = {}
        for each in fields(owner):
            like = dataclasses.field(
                init=each.init, repr=each.repr, compare=each.compare, metadata=each.metadata
            )
            if each.default is not MISSING:
                like.default = each.default
            if each.default_factory is not MISSING:
                like.default_factory = each.default_factory
            like.name, like.type, like._field_type = each.name, each.type, dataclasses._FIELD
            made[each.name] = like
        return made


_STANDARD_FIELDS = _StandardFields()
