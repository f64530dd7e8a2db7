"""The host that ovs-ctl works on: its files, its commands, and what ovs-ctl says to the person who watches.

Files of the system (/proc, /sys, /etc/os-release) are taken under `root`, so that a test can be a host of its own;
Open vSwitch's own directories are where the environment says.

Sources: ovs-ctl(8), "Files" and the OVS_* variables.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vswitch.base.errors import VswitchError
from vswitch.linux.dirs import dbdir, rundir, sysconfdir
from vswitch.ovsdb.schemafiles import schema_path

ROOT = "OVS_CTL_ROOT"  # in the environment: where the system's files are, for tests


class StartupError(VswitchError):
    """A step that the others need has failed; the message says what to do."""


class Host:
    """The files and commands of one host."""

    def __init__(self, root: str = "") -> None:
        self.root = root or os.environ.get(ROOT, "")

    def path(self, name: str) -> Path:
        """Where the system's file `name` is."""
        return Path(f"{self.root}{name}")

    def text(self, name: str) -> str:
        """What the system's file `name` says; empty if there is none."""
        try:
            return self.path(name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def run(self, *argv: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command of the host, whatever comes of it; status 127 if there is no such command."""
        try:
            return subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
        except OSError as error:
            return subprocess.CompletedProcess(argv, 127, "", f"{argv[0]}: {error.strerror}")

    def hostname(self, *, full: bool) -> str:
        """The host's name, with its domain if it has one and `full`."""
        if full:
            found = self.run("hostname", "-f")
            if found.returncode == 0 and found.stdout.strip():
                return found.stdout.strip()
        return os.uname().nodename

    def release(self) -> tuple[str, str]:
        """What the system calls itself and its version, as system-type and system-version."""
        words = assignments(self.text("/etc/os-release"))
        return words.get("ID", "unknown"), words.get("VERSION_ID", "unknown")


class Places:
    """Where Open vSwitch's files and programs are."""

    def __init__(self, database: str = "", socket: str = "", schema: str = "") -> None:
        self.database = Path(database or f"{dbdir()}/conf.db")
        self.socket = socket or f"{rundir()}/db.sock"
        self.schema = schema or schema_path("vswitch")
        self.etc = Path(f"{sysconfdir()}/openvswitch")

    @property
    def remote(self) -> str:
        """How programs reach the database server."""
        return f"unix:{self.socket}"


def program(name: str) -> str:
    """The program `name`: where the environment says, beside this one, or on the PATH."""
    is_daemon = name in ("ovsdb-server", "ovs-vswitchd")
    if directory := os.environ.get("OVS_SBINDIR" if is_daemon else "OVS_BINDIR"):
        return f"{directory}/{name}"
    beside = Path(sys.argv[0]).resolve().parent / name
    return str(beside) if beside.exists() else name


def assignments(text: str) -> dict[str, str]:
    """The variables of a file of NAME=VALUE lines, quotes off."""
    pairs = (line.strip().partition("=") for line in text.splitlines() if "=" in line and line[:1] != "#")
    return {name: value.strip("\"'") for name, _, value in pairs}


def say(text: str) -> None:
    """Tell what has been done."""
    print(f"{text}.", flush=True)


def warn(text: str) -> None:
    """Tell what is not as it should be; the work goes on."""
    print(f"{text} ... (warning).", flush=True)


@contextmanager
def action(text: str) -> Iterator[None]:
    """Tell what is being done, and whether it failed, why, and what to do: raises StartupError then."""
    try:
        yield
    except (VswitchError, OSError) as error:
        print(f"{text} ... failed!", flush=True)
        raise StartupError(reason(error)) from error
    say(text)


def reason(error: Exception) -> str:
    """What went wrong, in a line."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def check(result: subprocess.CompletedProcess[str]) -> str:
    """The output of a command that has succeeded; raises StartupError with what it said if it has not."""
    if result.returncode == 0:
        return result.stdout
    said = " ".join((result.stderr or result.stdout).split())
    raise StartupError(said or f"{Path(_words(result.args)[0]).name} failed with status {result.returncode}")


def _words(args: object) -> Sequence[str]:
    return [str(word) for word in args] if isinstance(args, list | tuple) else [str(args)]
