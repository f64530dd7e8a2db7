"""The options of ovs-ctl: any `--name=value`, `--name` for yes and `--no-name` for no, before or after the command.

An option that nobody knows is reported and passed over: a start-up script of another release must still start the
network.

Sources: ovs-ctl(8).
"""

from __future__ import annotations

from collections.abc import Sequence

YES, NO = "yes", "no"
DEFAULTS = {
    "system-id": "",
    "system-type": "",
    "system-version": "",
    "delete-bridges": NO,
    "delete-transient-ports": NO,
    "ovs-user": "",
    "daemon-cwd": "/",
    "force-corefiles": YES,
    "mlockall": YES,
    "monitor": YES,
    "self-confinement": YES,
    "full-hostname": YES,
    "record-hostname": YES,
    "save-flows": YES,
    "ovsdb-server": YES,
    "ovsdb-server-priority": "-10",
    "ovsdb-server-options": "",
    "ovsdb-server-wrapper": "",
    "ovs-vswitchd": YES,
    "ovs-vswitchd-priority": "-10",
    "ovs-vswitchd-options": "",
    "ovs-vswitchd-wrapper": "",
    "db-file": "",
    "db-fallback": "",
    "db-sock": "",
    "db-schema": "",
    "extra-dbs": "",
    "protocol": "gre",
    "sport": "",
    "dport": "",
}


class Settings:
    """The options given, and the defaults of the others."""

    def __init__(self) -> None:
        self._values = dict(DEFAULTS)
        self.external_ids: list[str] = []  # of each --external-id, "KEY=VALUE"
        self.commands: list[str] = []
        self.unknown: list[str] = []  # options, as typed

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def is_on(self, name: str) -> bool:
        """Whether an option that is yes or no is yes."""
        return self._values[name] == YES

    @classmethod
    def parse(cls, words: Sequence[str]) -> Settings:
        """The settings that a command line makes."""
        settings = cls()
        for word in words:
            if word.startswith("-"):
                settings._option(word)
            else:
                settings.commands.append(word)
        return settings

    def _option(self, word: str) -> None:
        name, equals, value = word[2:].partition("=")
        if not word.startswith("--"):
            self.unknown.append(word)
        elif name == "external-id" and equals:
            self.external_ids.append(value)
        elif name in DEFAULTS:
            self._values[name] = value if equals else YES
        elif name.startswith("no-") and name[3:] in DEFAULTS and not equals:
            self._values[name[3:]] = NO
        else:
            self.unknown.append(word)
