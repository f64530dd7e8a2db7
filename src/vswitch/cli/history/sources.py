"""Where a database's history is: in a journal, in the log of a cluster in etcd, in a file of Open vSwitch's clusters.

All say the same: a schema, then what each transaction changed.  A cluster's log begins with a snapshot, as a journal
that has been compacted does; a change of the schema begins it anew.

Sources: ovsdb(5), "Standalone format", "Clustered format".
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.options import CommandError, Given
from vswitch.cli.dbtool.headers import is_clustered, is_in_etcd
from vswitch.ovsdb.errors import OvsdbError
from vswitch.ovsdb.journal import JournalError, read_records
from vswitch.ovsdb.jsontext import Json
from vswitch.ovsdb.revert import COMPACTED
from vswitch.ovsdb.schema import Schema

Piece = Schema | dict[str, Json]  # a schema, or the record of a transaction


def pieces(path: str, given: Given) -> Iterator[Piece]:
    """What the database at `path` went through; raises CommandError, JournalError, and Torn at a torn end."""
    if is_in_etcd(path):
        yield from _in_etcd(path, given)
    elif is_clustered(path):
        yield from _in_raft(path)
    else:
        yield from _in_journal(path)


def _in_journal(path: str) -> Iterator[Piece]:
    schema = None
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib takes 8 ms to import
            for record in read_records(file, path):
                if schema is None:
                    yield (schema := Schema.from_json(record.json))
                else:
                    yield record.json
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    except JournalError:
        raise
    except OvsdbError as error:
        raise JournalError(f"{path}: {error}") from None


def _in_etcd(place: str, given: Given) -> Iterator[Piece]:
    from vswitch.cli.dbtool.clusters import credentials_of
    from vswitch.ovsdb.cluster.address import ClusterAddress
    from vswitch.ovsdb.cluster.entry import decode_batch
    from vswitch.ovsdb.jsontext import decode
    from vswitch.ovsdbserver import clustertool

    snapshot, entries = clustertool.fetch(ClusterAddress.parse(place), credentials_of(given))
    state = decode(snapshot.body)
    yield Schema.from_json(state["schema"])
    yield {"_comment": f"{COMPACTED} to a snapshot of the cluster's log", **state["record"]}
    for entry in entries:
        for step in decode_batch(entry.body).steps:
            if step.schema is not None:
                yield step.schema
            if step.record:
                yield step.record


def _in_raft(path: str) -> Iterator[Piece]:
    from vswitch.cli.dbtool.clusters import raft_history

    history = raft_history(path)
    yield history.schema
    yield from history.records
