"""Configuration files that are replaced together, and come back together if something fails.

Beside a file F there may be `.F.xapi-new`, what it is to be, and `.F.xapi-old`, what it was.  F itself is always one or
the other, whole: it is replaced by a rename, so that a crash at any moment leaves a file that the next boot can read.

    stage      .F.xapi-new is written                     IDLE     -> STAGED
    apply      F becomes .F.xapi-old, the new one F       STAGED   -> APPLIED
    commit     .F.xapi-old goes                           APPLIED  -> IDLE
    revert     F goes back to .F.xapi-new, for whoever    STAGED,
               looks for the fault; .F.xapi-old to F      APPLIED  -> IDLE
"""

from __future__ import annotations

import os
from contextlib import suppress
from enum import Enum, auto

from vswitch.xenserver.records import ReconfigureError


class State(Enum):
    """How far the files are."""

    IDLE = auto()
    STAGED = auto()
    APPLIED = auto()


class ConfigFiles:
    """The files that one run replaces."""

    def __init__(self) -> None:
        self.state = State.IDLE
        self._paths: list[str] = []

    def stage(self, path: str, text: str) -> None:
        """Write what `path` is to be beside it; raises ReconfigureError, and then nothing of it is left."""
        self._require(State.IDLE, State.STAGED)
        self.state = State.STAGED
        if _says(path, text):
            for left in (_new(path), _old(path)):  # by a run that was interrupted
                remove(left)
            return  # a boot changes nothing, and so needs no room on the disk
        new = _new(path)
        try:
            write_whole(new, text)
        except OSError as error:
            remove(new)
            raise ReconfigureError(f"cannot write {new}: {error.strerror}") from None
        self._paths.append(path)

    def apply(self) -> None:
        """Put the staged files in place, in the order of staging."""
        self._require(State.STAGED)
        self.state = State.APPLIED
        for path in self._paths:
            try:
                with suppress(FileNotFoundError):
                    os.unlink(_old(path))
                with suppress(FileNotFoundError):  # there was none
                    os.link(path, _old(path))
                os.replace(_new(path), path)
            except OSError as error:
                raise ReconfigureError(f"cannot replace {path}: {error.strerror}") from None

    def commit(self) -> None:
        """From now on there is no way back."""
        self._require(State.APPLIED)
        for path in self._paths:
            remove(_old(path))  # should that fail, it is in nobody's way
        self._paths.clear()
        self.state = State.IDLE

    def revert(self) -> None:
        """Have the files as they were."""
        self._require(State.STAGED, State.APPLIED)
        for path in reversed(self._paths):
            if self.state is State.APPLIED and not os.path.exists(_new(path)):
                _take_back(path)
        self._paths.clear()
        self.state = State.IDLE

    def _require(self, *states: State) -> None:
        assert self.state in states, f"files are {self.state.name.lower()}"


def _take_back(path: str) -> None:
    with suppress(OSError):
        os.link(path, _new(path))
    try:
        os.replace(_old(path), path)
    except FileNotFoundError:
        remove(path)  # there was none


def _says(path: str, text: str) -> bool:
    """Whether a file has that text already."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read() == text
    except OSError:
        return False


def remove(path: str) -> None:
    """Remove a file, if there is one and that can be done."""
    with suppress(OSError):
        os.unlink(path)


def write_whole(path: str, text: str) -> None:
    """Write a file so that what is in it is on the disk."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def replace_whole(path: str, text: str) -> None:
    """Replace a file at once, or not at all; raises OSError."""
    temporary = f"{path}.{os.getpid()}"
    try:
        write_whole(temporary, text)
        os.replace(temporary, path)
    except OSError:
        remove(temporary)
        raise


def _new(path: str) -> str:
    return _beside(path, "new")


def _old(path: str) -> str:
    return _beside(path, "old")


def _beside(path: str, what: str) -> str:
    directory, _, name = path.rpartition("/")
    return f"{directory}/.{name}.xapi-{what}"
