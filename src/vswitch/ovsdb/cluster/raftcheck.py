"""Whether the files of a Raft cluster's servers are true to themselves and to each other.

What Raft promises, as far as files show it: terms, commit indexes and votes of a server go forward; what is committed is
not taken back; a term has one leader; entries of the same number and term are the same, and of committed entries there
is one for each number.

Sources: ovsdb-tool(1), check-cluster; ovsdb(5); Ongaro, "Consensus: Bridging Theory and Practice", 3.2 (properties).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from vswitch.base.dataclass import dataclass, field
from vswitch.ovsdb.atom import Uuid
from vswitch.ovsdb.cluster.raft import Header, RaftRecord


@dataclass(slots=True)
class Account:
    """What one server's file says."""

    name: str  # of the file
    header: Header
    entries: dict[int, RaftRecord] = field(default_factory=dict)
    leaders: dict[int, Uuid] = field(default_factory=dict)  # by term
    commit_index: int = 0
    term: int = 0

    @property
    def last_index(self) -> int:
        """The end of the log."""
        return max(self.entries, default=self.header.prev_index)

    def committed(self) -> Mapping[int, RaftRecord]:
        """The entries that nobody may take back."""
        return {index: entry for index, entry in self.entries.items() if index <= self.commit_index}


def follow(account: Account, records: Iterator[RaftRecord]) -> Iterator[str]:
    """Read a server's records into its account; what is wrong with them."""
    account.term, account.commit_index = account.header.prev_term, account.header.prev_index
    vote: Uuid | None = None
    for number, record in enumerate(records, 1):
        where = f"{account.name}: record {number}"
        if record.index is not None:
            yield from _enter(account, record, where)
        elif record.term is not None:
            if record.term < account.term:
                yield f"{where} goes back from term {account.term} to {record.term}"
            if record.term > account.term:
                vote = None
            account.term = record.term
        if record.vote is not None:
            if vote not in (None, record.vote):
                yield f"{where} votes for {record.vote} in term {account.term}, after {vote}"
            vote = record.vote
        if record.leader is not None:
            known = account.leaders.setdefault(account.term, record.leader)
            if known != record.leader:
                yield f"{where} has {record.leader} as the leader of term {account.term}, after {known}"
        if record.commit_index is not None:
            if record.commit_index < account.commit_index:
                yield f"{where} takes the commit index back from {account.commit_index} to {record.commit_index}"
            if record.commit_index > account.last_index:
                yield f"{where} commits {record.commit_index}, beyond the end of the log at {account.last_index}"
            account.commit_index = record.commit_index


def _enter(account: Account, entry: RaftRecord, where: str) -> Iterator[str]:
    """Take an entry into the log."""
    index = entry.index or 0
    if index > account.last_index + 1:
        yield f"{where} skips from index {account.last_index} to {index}"
    if index <= account.commit_index:
        yield f"{where} replaces index {index}, which is committed"
    if entry.term is None:
        yield f"{where} has an index and no term"
    for later in [later for later in account.entries if later >= index]:
        del account.entries[later]
    before = account.entries.get(index - 1)
    if before is not None and (before.term or 0) > (entry.term or 0):
        yield f"{where} has term {entry.term}, and the entry before it {before.term}"
    account.entries[index] = entry


def compare(accounts: Sequence[Account]) -> Iterator[str]:
    """What is wrong between servers of one cluster."""
    first = accounts[0]
    for account in accounts[1:]:
        for what in ("name", "cluster_id"):
            ours, theirs = getattr(first.header, what), getattr(account.header, what)
            if ours is not None and theirs is not None and ours != theirs:
                yield f"{account.name} has {what} {theirs}, and {first.name} {ours}"
    sids: dict[Uuid, str] = {}
    leaders: dict[int, tuple[Uuid, str]] = {}
    committed: dict[int, tuple[RaftRecord, str]] = {}
    entries: dict[tuple[int, int], tuple[RaftRecord, str]] = {}
    for account in accounts:
        sid = account.header.server_id
        if sid in sids:
            yield f"Duplicate server ID {sid[:4]} in {sids[sid]} and {account.name}."
        sids.setdefault(sid, account.name)
        for term, leader in account.leaders.items():
            known, by = leaders.setdefault(term, (leader, account.name))
            if known != leader:
                yield f"{account.name} has {leader} as the leader of term {term}, and {by} {known}"
        for index, entry in account.entries.items():
            same, where = entries.setdefault((index, entry.term or 0), (entry, account.name))
            if not _is_same(same, entry):
                yield f"{account.name} and {where} have different entries {index} of term {entry.term}"
        for index, entry in account.committed().items():
            same, where = committed.setdefault(index, (entry, account.name))
            if same.term != entry.term or not _is_same(same, entry):
                yield f"{account.name} and {where} have committed different entries {index}"


def warnings(accounts: Sequence[Account]) -> Iterator[str]:
    """What is unusual, and perhaps right."""
    known: dict[Uuid, str] = {}
    for account in accounts:
        known.update(account.header.prev_servers)
        for entry in account.entries.values():
            known.update(entry.servers or {})
    present = {account.header.server_id for account in accounts}
    for sid in sorted(known.keys() - present):
        yield f"no file of server {sid} ({known[sid]})"
    for account in accounts:
        if account.header.is_joining:
            yield f"{account.name}: the server has not joined its cluster"


def _is_same(one: RaftRecord, other: RaftRecord) -> bool:
    return (one.eid, one.data, one.servers, one.election_timer) == (
        other.eid,
        other.data,
        other.servers,
        other.election_timer,
    )
