"""The switch's database before the switch starts: made, brought up to date, told of this host, rid of old bridges.

Sources: ovs-ctl(8), "The start command"; ovsdb-tool(1).
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

from vswitch.base.errors import VswitchError
from vswitch.base.version import OVS_VERSION
from vswitch.cli.dbtool import contents
from vswitch.cli.dbtool.headers import read_schema, schema_of
from vswitch.cli.startup.host import Host, Places, StartupError, action, reason, warn
from vswitch.cli.startup.settings import Settings
from vswitch.linux.database import BlockingDatabase
from vswitch.linux.dirs import rundir
from vswitch.ovsdb.record import AnyRecord
from vswitch.ovsdb.replica import Replica
from vswitch.ovsdb.rows import Changes
from vswitch.ovsdb.schema import Schema

ROOM = 1 << 18  # bytes that must be free for the database to be written
ROOT_COLUMNS = ("bridges", "db_version", "external_ids", "ovs_version", "system_type", "system_version")


def prepare(places: Places) -> None:
    """See to it that there is a database with the schema of this release; raises StartupError."""
    path = places.database
    schema = read_schema(places.schema)
    if not path.exists():
        warn(f"{path} does not exist")
        _create(path, schema)
        return
    try:
        present = schema_of(str(path))
    except VswitchError as error:
        _set_aside(path, schema, reason(error))
        return
    if present.to_json() != schema.to_json():
        _upgrade(path, present, schema)


def serve_where_writable(places: Places, fallback: Path) -> None:
    """If the disk is full or read-only, serve a copy elsewhere: a host without a network cannot be repaired from afar.

    `fallback` is where a boot leaves nothing, so that a copy there is newer than the database; it moves back as soon as
    there is room.
    """
    path = places.database
    if path == fallback:
        return
    if why := _why_unwritable(path):
        if not fallback.exists():
            with action(f"Copying database {path} to {fallback}"):
                fallback.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
                if path.exists():
                    _copy_whole(path, fallback)
        warn(f"{why}: {path} stays as it is, and what changes now is lost at the next boot")
        places.database = fallback
    elif fallback.exists():
        with action(f"Moving database {fallback} back to {path}"):
            _copy_whole(fallback, path)
            fallback.unlink()


def _copy_whole(source: Path, target: Path) -> None:
    """Copy a file so that whoever is interrupted leaves no half of it in its place."""
    new = target.with_name(f".{target.name}.new")
    shutil.copy(source, new)
    new.replace(target)


def _why_unwritable(path: Path) -> str:
    """Why there is no room for a file to grow; empty if there is."""
    probe = path.with_name(f".{path.name}.probe")
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        try:
            probe.write_bytes(bytes(ROOM))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        return reason(error)
    return ""


def _create(path: Path, schema: Schema) -> None:
    with action(f"Creating empty database {path}"):
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        contents.create(str(path), schema)


def _upgrade(path: Path, present: Schema, schema: Schema) -> None:
    """Give the database the new schema, and keep the old one beside it."""
    backup = path.with_name(f"{path.name}.backup{present.version}-{(present.cksum or '0').split()[0]}")
    with action(f"Backing up database to {backup}"):
        shutil.copy2(path, backup)
    try:
        contents.compact(str(path), "")
    except (VswitchError, OSError) as error:
        warn(f"{path} cannot be compacted: {reason(error)}")
    try:
        with action(f"Converting {path} from schema {present.version} to {schema.version}"):
            contents.convert(str(path), "", schema)
    except StartupError as error:
        warn(
            f"Schema conversion failed ({error}); starting with an empty database, the old one is in {backup}"
        )
        path.unlink(missing_ok=True)
        _create(path, schema)


def _set_aside(path: Path, schema: Schema, why: str) -> None:
    """A host without a network cannot be repaired from afar: keep what is damaged, and start without it."""
    kept = next(name for name in _names_beside(path) if not name.exists())
    warn(f"{why}; keeping it as {kept} and starting with an empty database")
    path.rename(kept)
    _create(path, schema)


def _names_beside(path: Path) -> Iterator[Path]:
    return (path.with_name(f"{path.name}.damaged{number}") for number in count(1))


def configure(places: Places, host: Host, settings: Settings) -> None:
    """Make the root row, say whose switch it is, and delete what is not to outlive a boot; raises StartupError."""
    schema = read_schema(places.schema)
    database = _open(places)
    try:
        with database:
            _commit(database, lambda change: _initialize(change, schema.version))
            identity = _Identity(places, host, settings)
            with action("Configuring Open vSwitch system IDs"):
                _commit(database, identity.write)
            if settings.is_on("delete-bridges"):
                _commit(database, _delete_bridges)
            if settings.is_on("delete-transient-ports"):
                _commit(database, _delete_transient_ports)
    except VswitchError as error:
        raise StartupError(reason(error)) from error


def delete_transient_ports(places: Places) -> None:
    """Delete the ports that say that they are transient; raises VswitchError."""
    with _open(places) as database:
        _commit(database, _delete_transient_ports)


def record_hostname(places: Places, host: Host, settings: Settings) -> None:
    """Note the host's name unless one is noted; raises VswitchError."""
    name = host.hostname(full=settings.is_on("full-hostname"))

    def note(change: Changes) -> None:
        for row in change.rows("Open_vSwitch"):
            row.external_ids.setdefault("hostname", name)

    with _open(places) as database:
        _commit(database, note)


def set_restoring(places: Places, *, is_restoring: bool) -> None:
    """Tell ovs-vswitchd whether somebody is about to restore its flows; raises VswitchError."""

    def note(change: Changes) -> None:
        for row in change.rows("Open_vSwitch"):
            if is_restoring:
                row.other_config["flow-restore-wait"] = "true"
            else:
                row.other_config.pop("flow-restore-wait", None)

    with _open(places, {"Open_vSwitch": ("other_config",)}) as database:
        _commit(database, note)


def bridges(places: Places) -> list[str]:
    """The names of the bridges; raises VswitchError."""
    with _open(places, {"Bridge": ("name",)}) as database:
        return sorted(row["name"] for row in database.replica.table("Bridge").values())


def internal_interfaces(places: Places) -> list[str]:
    """The names of the interfaces that the switch itself has made; raises VswitchError."""
    with _open(places, {"Interface": ("name", "type")}) as database:
        rows = database.replica.table("Interface").values()
        return sorted(row["name"] for row in rows if row["type"] == "internal")


def _open(places: Places, wanted: dict[str, Sequence[str]] | None = None) -> BlockingDatabase:
    default = {"Open_vSwitch": ROOT_COLUMNS, "Bridge": ("name", "ports"), "Port": ("name", "other_config")}
    return BlockingDatabase(places.remote, Replica("Open_vSwitch", wanted or default))


def _commit(database: BlockingDatabase, compute: Callable[[Changes], None]) -> None:
    def described(change: Changes) -> None:
        compute(change)
        change.comment("ovs-ctl")

    database.commit(described)


def _initialize(change: Changes, version: str) -> None:
    row = change.get("Open_vSwitch") or change.insert("Open_vSwitch")
    row.db_version = version


class _Identity:
    """What the database shall say of this host."""

    def __init__(self, places: Places, host: Host, settings: Settings) -> None:
        type_, version = host.release()
        self._columns = {
            "ovs_version": OVS_VERSION,
            "system_type": settings["system-type"] or _noted(places, "system-type") or type_,
            "system_version": settings["system-version"] or _noted(places, "system-version") or version,
        }
        self._ids = dict(self._external_ids(places, host, settings))

    def _external_ids(self, places: Places, host: Host, settings: Settings) -> Iterator[tuple[str, str]]:
        yield "rundir", rundir()
        if settings.is_on("record-hostname"):
            yield "hostname", host.hostname(full=settings.is_on("full-hostname"))
        if not settings["system-id"]:
            print("system ID not configured, please use --system-id ... failed!", flush=True)
        elif settings["system-id"] == "random":
            yield "system-id", _persistent_id(places)
        else:
            yield "system-id", settings["system-id"]
        for text in settings.external_ids:
            key, _, value = text.partition("=")
            yield key, value.strip('"')

    def write(self, change: Changes) -> None:
        """Say it."""
        for row in change.rows("Open_vSwitch"):
            for column, value in self._columns.items():
                row[column] = value
            for key, value in self._ids.items():
                if key != "hostname" or key not in row.external_ids:  # who has set another name wants that
                    row.external_ids[key] = value


def _noted(places: Places, name: str) -> str:
    """What the administrator has put into a file for `name`; empty if nothing."""
    try:
        return (places.etc / f"{name}.conf").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _persistent_id(places: Places) -> str:
    """A random identifier that stays the same from boot to boot."""
    if known := _noted(places, "system-id") or _noted(places, "install_uuid"):
        return known.partition("=")[2] or known  # older releases wrote INSTALL_UUID=...
    new = str(uuid.uuid4())
    try:
        places.etc.mkdir(mode=0o755, parents=True, exist_ok=True)
        (places.etc / "system-id.conf").write_text(f"{new}\n", encoding="ascii")
    except OSError as error:
        warn(f"{reason(error)}: the system ID will be another one at the next boot")
    return new


def _delete_bridges(change: Changes) -> None:
    """Delete all of them; what hangs off them goes with them."""
    for row in change.rows("Open_vSwitch"):
        row.bridges = ()


def _delete_transient_ports(change: Changes) -> None:
    doomed = {port.uuid for port in change.rows("Port") if _is_transient(port)}
    for bridge in change.rows("Bridge"):
        for port in doomed & set(bridge.ports):
            bridge.ports.discard(port)


def _is_transient(port: AnyRecord) -> bool:
    return bool(port.other_config.get("transient") == "true")
