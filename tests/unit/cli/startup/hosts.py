"""A host in a directory whose commands are scripted."""

import subprocess
from pathlib import Path

from vswitch.cli.startup.host import Host


class ScriptedHost(Host):
    """Notes the commands that it is told to run; `answers` has (status, output) by their first words."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root))
        self.answers: dict[tuple[str, ...], tuple[int, str]] = {}
        self.calls: list[list[str]] = []

    def has(self, *names: str) -> None:
        for name in names:
            self.path(name).mkdir(parents=True)

    def run(self, *argv: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        self.calls.append(list(argv))
        for length in range(len(argv), 0, -1):
            if argv[:length] in self.answers:
                status, output = self.answers[argv[:length]]
                return subprocess.CompletedProcess(argv, status, output if not status else "", output)
        return subprocess.CompletedProcess(argv, 0, "", "")
