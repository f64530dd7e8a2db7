"""Named tuples as the standard library's, at a price that the start of a program can pay.

    from vswitch.base.namedtuple import NamedTuple

`typing.NamedTuple` compiles every annotation and the constructor when a class is defined, 0.2 ms for each class; here the
constructor is compiled when the first tuple is made.  Type checkers read namedtuple.pyi, where it is the standard one.

Sources: typing(3py) and collections(3py), named tuples.
"""

from __future__ import annotations

from _collections import _tuplegetter


class _Maker(type):
    """Makes a subclass of tuple of what is written as a subclass of NamedTuple."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, object]) -> type:
        if not bases:
            return super().__new__(cls, name, bases, namespace)
        names = tuple(namespace.get("__annotations__", ()))
        defaults = {each: namespace[each] for each in names if each in namespace}
        body = _COMMON | namespace | {each: _tuplegetter(i, "") for i, each in enumerate(names)}
        body |= {"_fields": names, "_field_defaults": defaults, "__match_args__": names, "__slots__": ()}
        made = type.__new__(type, name, (tuple,), body)
        made.__new__ = _constructor(made)
        return made


class NamedTuple(metaclass=_Maker):
    """The base to name; no class has it as its base in fact."""


def _constructor(made: type) -> object:
    """A constructor that puts the real one in its place and calls it."""

    def first(cls: type, /, *args: object, **kwargs: object) -> object:
        params = [
            f"{name}=_defaults[{name!r}]" if name in made._field_defaults else name for name in made._fields
        ]
        values = "".join(f"{name}, " for name in made._fields)
        source = f"lambda {', '.join(['_cls', *params])}: _new(_cls, ({values}))"
        real = eval(source, {"_new": tuple.__new__, "_defaults": made._field_defaults})
        real.__name__, real.__qualname__ = "__new__", f"{made.__qualname__}.__new__"
        made.__new__ = real
        return real(cls, *args, **kwargs)

    return first


def _repr(self: tuple[object, ...]) -> str:
    shown = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
    return f"{self.__class__.__name__}({shown})"


def _replace(self: tuple[object, ...], /, **changes: object) -> tuple[object, ...]:
    values = dict(zip(self._fields, self, strict=True))
    if unknown := changes.keys() - values.keys():
        raise ValueError(f"Got unexpected field names: {sorted(unknown)!r}")
    return self.__class__(**(values | changes))


def _as_dict(self: tuple[object, ...]) -> dict[str, object]:
    return dict(zip(self._fields, self, strict=True))


def _make(cls: type, values: object) -> tuple[object, ...]:
    return cls(*values)


def _new_arguments(self: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(self)


_COMMON = {
    "__repr__": _repr,
    "__getnewargs__": _new_arguments,
    "_asdict": _as_dict,
    "_make": classmethod(_make),
    "_replace": _replace,
}
