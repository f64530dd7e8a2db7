"""The file that --config-file names: remotes and databases of a server, as JSON.

    {
      "remotes": {
        "punix:db.sock": {},
        "pssl:6642": {"inactivity-probe": 60000, "read-only": false, "role": "ovn-controller"},
        "db:OVN_Southbound,SB_Global,connections": null
      },
      "databases": {
        "sb.db": {"service-model": "standalone"},
        "nb.db": {"service-model": "active-backup", "backup": true, "exclude-tables": ["Meter"],
                  "source": {"ssl:192.0.2.1:6641": {"inactivity-probe": 5000, "max-backoff": 8000}}},
        "OVN_IC": {"service-model": "relay", "source": {"tcp:192.0.2.1:6645": null}}
      }
    }

A relay goes by the name of its database; every other database by its file.  Times are in milliseconds.

Sources: ovsdb-server(1) of Open vSwitch 3.3, --config-file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vswitch.aio.streams import is_active
from vswitch.base.dataclass import dataclass, field
from vswitch.base.errors import TextError, VswitchError
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.jsonfault import json_fault
from vswitch.ovsdb.jsontext import Json, JsonError, decode
from vswitch.ovsdb.notation import Members
from vswitch.ovsdb.servicemodel import Access
from vswitch.ovsdbserver.remotes import MAX_BACKOFF, Options
from vswitch.ovsdbserver.upstream import Source, probe_seconds


@dataclass(frozen=True, slots=True)
class DatabaseConfig:
    """How one database is to be served."""

    model: str = ""  # empty: as its file says
    source: Source | None = None
    backup: bool = False
    exclude: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Config:
    """What the file says."""

    remotes: Mapping[str, Options] = field(default_factory=dict)
    databases: Mapping[str, DatabaseConfig] = field(default_factory=dict)


class BadConfig(VswitchError):  # noqa: N818 - the message says what is bad
    """The file cannot be used."""


def read_config(path: Path) -> Config:
    """What the configuration file at `path` says; raises BadConfig."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from None
    return parse_config(text, str(path))


def parse_config(text: bytes, path: str) -> Config:
    """What the text of a configuration file says; raises BadConfig."""
    try:
        members = Members(decode(text), "configuration")
        remotes = members.optional("remotes", dict) or {}
        databases = members.optional("databases", dict) or {}
        members.finish()
        return Config(
            {name: _remote(name, json) for name, json in remotes.items()},
            {name: _database(name, json) for name, json in databases.items()},
        )
    except JsonError as error:
        raise BadConfig(f"{path}: {json_fault(text.decode(errors='replace')) or error}") from None
    except OvsdbError as error:
        raise BadConfig(f"{path}: {error.details}") from None
    except TextError as error:
        raise BadConfig(f"{path}: {error}") from None


def _remote(name: str, json: Json) -> Options:
    members = Members({} if json is None else json, f"remote {name}")
    options = _options(members)
    members.finish()
    return options


def _options(members: Members) -> Options:
    backoff = members.optional("max-backoff", int)
    probe = members.optional("inactivity-probe", int)
    members.optional("dscp", int)
    return Options(
        MAX_BACKOFF if backoff is None else max(1.0, backoff / 1000),
        None if probe is None else probe_seconds(probe),
        Access(members.optional("read-only", bool) is True, members.optional("role", str) or ""),
    )


def _database(name: str, json: Json) -> DatabaseConfig:
    members = Members({} if json is None else json, f"database {name}")
    model = members.optional("service-model", str)
    if model not in (None, "standalone", "clustered", "active-backup", "relay"):
        raise members.error(f"'{model}' is not a valid service model.")
    source = members.optional("source", dict)
    backup = members.optional("backup", bool) is True
    exclude = members.optional("exclude-tables", list) or []
    members.finish()
    if not all(isinstance(table, str) for table in exclude):
        raise members.error("'exclude-tables' is not a list of names.")
    if (model == "relay" or backup) and not source:
        raise members.error("Required 'source' member is missing.")
    if source and model not in ("relay", "active-backup"):
        raise members.error("Member 'source' is present but not allowed here.")
    if backup and model != "active-backup":
        raise members.error("Member 'backup' is present but not allowed here.")
    return DatabaseConfig(model or "", _source(source) if source else None, backup, frozenset(exclude))


def _source(json: Mapping[str, Json]) -> Source:
    for remote in json:
        if not is_active(remote):
            raise TextError(f"{remote}: not an active connection method")
    options = [_remote(name, each) for name, each in json.items()]
    probes = [each.probe_interval for each in options if each.probe_interval is not None]
    backoff = max(each.max_backoff for each in options)
    return Source(tuple(json), max(probes), backoff) if probes else Source(tuple(json), max_backoff=backoff)
