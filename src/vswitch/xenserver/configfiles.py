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
from pathlib import Path

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
        self._paths: list[Path] = []

    def stage(self, path: Path, text: str) -> None:
        """Write what `path` is to be beside it; raises ReconfigureError, and then nothing of it is left."""
        self._require(State.IDLE, State.STAGED)
        self.state = State.STAGED
        if _says(path, text):
            for left in (_new(path), _old(path)):  # by a run that was interrupted
                with suppress(OSError):
                    left.unlink(missing_ok=True)
            return  # a boot changes nothing, and so needs no room on the disk
        new = _new(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(new, text)
        except OSError as error:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            raise ReconfigureError(f"cannot write {new}: {error.strerror}") from None
        self._paths.append(path)

    def apply(self) -> None:
        """Put the staged files in place, in the order of staging."""
        self._require(State.STAGED)
        self.state = State.APPLIED
        for path in self._paths:
            try:
                _old(path).unlink(missing_ok=True)
                if path.exists():
                    _old(path).hardlink_to(path)
                _new(path).replace(path)
            except OSError as error:
                raise ReconfigureError(f"cannot replace {path}: {error.strerror}") from None

    def commit(self) -> None:
        """From now on there is no way back."""
        self._require(State.APPLIED)
        for path in self._paths:
            with suppress(OSError):  # it is in nobody's way
                _old(path).unlink(missing_ok=True)
        self._paths.clear()
        self.state = State.IDLE

    def revert(self) -> None:
        """Have the files as they were."""
        self._require(State.STAGED, State.APPLIED)
        for path in reversed(self._paths):
            if self.state is State.APPLIED and not _new(path).exists():
                _take_back(path)
        self._paths.clear()
        self.state = State.IDLE

    def _require(self, *states: State) -> None:
        assert self.state in states, f"files are {self.state.name.lower()}"


def _take_back(path: Path) -> None:
    with suppress(OSError):
        _new(path).hardlink_to(path)
    if _old(path).exists():
        _old(path).replace(path)
    else:
        path.unlink(missing_ok=True)  # there was none


def _says(path: Path, text: str) -> bool:
    """Whether a file has that text already."""
    try:
        return path.read_text(encoding="utf-8", errors="replace") == text
    except OSError:
        return False


def write_whole(path: Path, text: str) -> None:
    """Write a file so that what is in it is on the disk."""
    with path.open("w", encoding="utf-8", errors="replace") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def replace_whole(path: Path, text: str) -> None:
    """Replace a file at once, or not at all; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        write_whole(temporary, text)
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _new(path: Path) -> Path:
    return path.with_name(f".{path.name}.xapi-new")


def _old(path: Path) -> Path:
    return path.with_name(f".{path.name}.xapi-old")
