"""Clusters in etcd, for tools that do not stay: make one, look at one.

Sources: ovsdb-tool(1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from vswitch.base.errors import VswitchError
from vswitch.ovsdb.atom import Uuid
from vswitch.ovsdb.cluster.address import ClusterAddress
from vswitch.ovsdb.cluster.entry import commit_of, database_of, decode_batch, decode_snapshot, encode_snapshot
from vswitch.ovsdb.cluster.store import Entry, Failed, Fetch, Fetched, Position, Snapshot
from vswitch.ovsdb.database import Database
from vswitch.ovsdbserver.etcd import Credentials, Etcd, EtcdError
from vswitch.ovsdbserver.etcdlog import EtcdLog, Identity
from vswitch.ovsdbserver.storage import CannotOpen, milliseconds_now, uuid_source

T = TypeVar("T")


def create(address: ClusterAddress, credentials: Credentials, database: Database) -> Uuid:
    """Make a cluster of `database`, whose schema has only persistent columns; its id.  Raises CannotOpen, EtcdError."""
    new_uuid = uuid_source()
    database.last_id = database.last_id or new_uuid()
    identity = Identity(new_uuid(), database.schema.name)
    if identity.name != address.name.rpartition("/")[2]:
        raise CannotOpen(f"{address}: NAME has to end in the name of the database, {identity.name}")
    snapshot = Snapshot(Position(1, new_uuid()), encode_snapshot(database, milliseconds_now()))

    async def make(log: EtcdLog) -> bool:
        return await log.create(identity, snapshot)

    if not _with_log(address, credentials, make):
        raise CannotOpen(f"{address}: create failed (File exists)")
    return identity.cid


def identity(address: ClusterAddress, credentials: Credentials) -> Identity:
    """Which cluster it is; raises NoCluster, EtcdError."""
    return _with_log(address, credentials, lambda log: log.identity())


def fetch(address: ClusterAddress, credentials: Credentials) -> tuple[Snapshot, tuple[Entry, ...]]:
    """What the log holds; raises VswitchError."""

    async def ask(log: EtcdLog) -> tuple[Snapshot, tuple[Entry, ...]]:
        await log.identity()
        match await log.perform(Fetch(None)):
            case Fetched(_, entries, snapshot) if snapshot is not None:
                return snapshot, entries
            case Failed(reason):
                raise EtcdError(reason)
            case _:
                raise EtcdError(f"{address}: no snapshot")

    return _with_log(address, credentials, ask)


def read(address: ClusterAddress, credentials: Credentials) -> Database:
    """The present state of the database; raises VswitchError."""
    snapshot, entries = fetch(address, credentials)
    database = decode_snapshot(snapshot.body)
    for entry in entries:
        for step in decode_batch(entry.body).steps:
            if step.schema is not None:
                database = database_of(step.schema, step.record, step.id)
            elif (commit := commit_of(database, step)) is not None:
                database.apply(commit)
    return database


def _with_log(address: ClusterAddress, credentials: Credentials, use: Callable[[EtcdLog], Awaitable[T]]) -> T:
    """What `use` returns, through the first server of etcd that answers."""

    async def attempt() -> T:
        problem: VswitchError = EtcdError(f"{address}: no servers")
        for endpoint in address.endpoints:
            etcd = Etcd(endpoint, credentials)
            try:
                return await use(EtcdLog(etcd, address.name))
            except EtcdError as error:
                problem = error
            finally:
                await etcd.close()
        raise problem

    return asyncio.run(attempt())
