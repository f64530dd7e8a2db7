"""A database server and a switch, each of either make, in a run directory of their own.

`ours` are the programs installed beside the interpreter that runs the tests; `peer` are Open vSwitch's, in /usr.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

Make = Literal["ours", "peer"]
PEER_SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")


def program(make: Make, name: str) -> str:
    """The path of a program of one make; a peer that is not installed is a failure."""
    path = (
        shutil.which(name, path=str(Path(sys.executable).parent))
        if make == "ours"
        else shutil.which(name, path="/usr/bin:/usr/sbin:/bin:/sbin")
    )
    assert path, f"{name} of {make} is not installed"
    return path


class Daemons(AbstractContextManager["Daemons"]):
    """`ovsdb-server` of make `database` and, unless None, `ovs-vswitchd` of make `switch`, on dummy devices."""

    def __init__(
        self,
        directory: Path,
        database: Make,
        switch: Make | None = None,
        *options: str,
        schema: Path = PEER_SCHEMA,
        journal: Path | None = None,
    ) -> None:
        self.directory = directory
        self.make: dict[str, Make] = {"ovsdb-server": database}
        self.environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"} | {
            f"OVS_{what}DIR": str(directory) for what in ("RUN", "LOG", "DB", "SYSCONF")
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.socket = directory / "db.sock"
        directory.mkdir(exist_ok=True)
        if journal is None:
            self.run(database, "ovsdb-tool", "create", str(directory / "conf.db"), str(schema))
        else:
            shutil.copy(journal, directory / "conf.db")
        self.start(
            "ovsdb-server",
            str(directory / "conf.db"),
            f"--remote=punix:{self.socket}",
            "--remote=ptcp:0:127.0.0.1",
        )
        if switch:
            self.make["ovs-vswitchd"] = switch
            self.run(database, "ovs-vsctl", "--no-wait", "init")
            self.start(
                "ovs-vswitchd", "--enable-dummy", "--disable-system", "--disable-system-route", *options
            )

    def start(self, name: str, *words: str) -> None:
        """Start a daemon in the foreground and wait until its control socket answers."""
        command = [
            program(self.make[name], name),
            *words,
            "--pidfile",
            f"--log-file={self.directory / name}.log",
            "-vconsole:off",
        ]
        self.processes[name] = subprocess.Popen(
            command,
            env=self.environment,
            cwd=self.directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while self.run("peer", "ovs-appctl", "-t", name, "version", check=False).returncode:
            assert self.processes[name].poll() is None, f"{name} ended: {self.log(name)}"
            assert time.monotonic() < deadline, f"{name} did not answer: {self.log(name)}"
            time.sleep(0.05)

    def kill(self, name: str) -> None:
        """SIGKILL a daemon, as a crash would."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def log(self, name: str) -> str:
        """What a daemon has logged."""
        path = self.directory / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def run(self, make: Make, name: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a tool of one make to its end, against these daemons."""
        done = subprocess.run(
            [program(make, name), *words],
            env=self.environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert not check or not done.returncode, f"{name} {' '.join(words)}: {done.stderr}"
        return done

    def __exit__(self, *exc: object) -> None:
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
