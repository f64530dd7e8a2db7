"""Modules that are executed when they are first used, not when they are imported.

`asyncio` imports `ssl`, `inspect` and others for the day that somebody needs them: 15 ms of a daemon's start, and most
daemons never do.  `wait_for_use()` has the modules in LATER wait: `import ssl` gives a module that is empty but for its
name, and the first attribute that is asked for executes it.  From then on it is a module like any other.

A program names more of them, its own, with `wait_for_use_of()`.  To wait, a module has to be imported as a module
(`from vswitch.ofproto import connections`): a name out of it is an attribute, and executes it.

This is `importlib.util.LazyLoader` with one difference: there, a second `import ssl` executes the module, for it looks at
`ssl.__spec__`; here only what the module does not have yet makes it be executed.

Sources: importlib(3py), "LazyLoader"; the Python Language Reference, 3.3.2.1, "Customizing module attribute access".
"""

from __future__ import annotations

import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import PathFinder, SourceFileLoader
from _thread import RLock
from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType

# Who imports them, and what for.  None is a package: what is in one is found by what the package says when executed.
LATER = frozenset({
    "asyncio.sslproto",   # asyncio: TLS
    "asyncio.staggered",  # asyncio: connecting to one of several addresses
    "inspect",            # asyncio: checking arguments, and printing in debug mode
    "ipaddress",          # urllib.parse, which pathlib imports
    "linecache",          # traceback, which logging imports
    "locale",             # subprocess: text
    "pathlib",            # vswitch: files; with it, urllib.parse and others
    "ssl",                # asyncio and vswitch: TLS
    "textwrap",           # traceback
})  # fmt: skip
_names = set(LATER)  # of all that wait


def wait_for_use() -> None:
    """From now on, have the modules in LATER wait; what is imported already stays as it is."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


def wait_for_use_of(names: Iterable[str]) -> None:
    """Have these modules wait, too, where modules wait."""
    _names.update(names)


def use_what_waits() -> Iterator[str]:
    """Execute the modules that programs asked to have wait, and that wait still: one with each step, which says which."""
    waiting = True
    while waiting:  # for one may import another
        waiting = False
        for name in sorted(_names - LATER):
            module = sys.modules.get(name)
            if type(module) is _Waiting:
                _execute(module)
                waiting = True
                yield name


class _Finder:
    """Finds the modules that are to wait where they are, and has them loaded by a loader that waits."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where the module `name` is; None: others shall look for it."""
        if name not in _names:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Loads a module from its source, but not before somebody uses it."""

    def __init__(self, fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self.lock = RLock()  # a second thread waits until the first has executed the module
        self.executing = False

    def exec_module(self, module: ModuleType) -> None:
        """Leave it at that."""
        module.__class__ = _Waiting

    def execute(self, module: ModuleType) -> None:
        """Execute the module, once; what that raises, it raises again for who asks next."""
        with self.lock:
            if type(module) is _Waiting and not self.executing:
                self.executing = True
                try:
                    super().exec_module(module)
                finally:
                    self.executing = False
                ModuleType.__setattr__(module, "__class__", ModuleType)


class _Waiting(ModuleType):
    """A module that is not executed yet.  What it has already is found without asking here."""

    def __getattr__(self, name: str) -> object:
        _execute(self)
        return ModuleType.__getattribute__(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        _execute(self)  # or it would put its own in the place of `value`
        ModuleType.__setattr__(self, name, value)

    def __dir__(self) -> Iterable[str]:
        _execute(self)
        return ModuleType.__dir__(self)


def _execute(module: ModuleType) -> None:
    assert isinstance(module.__loader__, _Loader)
    module.__loader__.execute(module)
