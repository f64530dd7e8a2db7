"""The control commands of clusters.

The texts are those that tools of Open vSwitch look for, as far as there is something to say: with etcd there are no
terms, votes, or connections between the servers.

Sources: ovsdb-server(1), "Clustered Database Commands".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from vswitch.aio.unixctl import Commands
from vswitch.base.errors import TextError, VswitchError
from vswitch.ovsdb.atom import Uuid
from vswitch.ovsdbserver.backing import Backing
from vswitch.ovsdbserver.clusterbacking import ClusterBacking


class Owner(Protocol):
    """What the commands need of the daemon."""

    backings: dict[str, Backing]

    def close(self, name: str) -> None:
        """Take a database out of service."""


def add_cluster_commands(commands: Commands, owner: Owner) -> None:
    """Answer the commands from now on."""
    clusters = Clusters(owner)
    commands.add("cluster/cid", "DB", 1, 1, clusters.cid)
    commands.add("cluster/sid", "DB", 1, 1, lambda words: f"{clusters.find(words).clustered.sid}\n")
    commands.add("cluster/status", "DB", 1, 1, lambda words: _lines(status(clusters.find(words))))
    commands.add("cluster/leave", "DB", 1, 1, clusters.leave)
    commands.add("cluster/kick", "DB SERVER", 2, 2, clusters.kick)
    commands.add("cluster/change-election-timer", "DB TIME", 2, 2, clusters.refuse(NO_TIMER))
    commands.add("cluster/set-backlog-threshold", "DB N_MSGS N_BYTES", 3, 3, clusters.refuse(NO_BACKLOG))


NO_TIMER = "servers of a cluster in etcd hold no elections of their own: see etcd's --election-timeout"
NO_BACKLOG = "servers of a cluster in etcd have no connections to each other"


class Clusters:
    """The databases that are clustered."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    def find(self, words: Sequence[str]) -> ClusterBacking:
        """The cluster that the first word names."""
        backing = self._owner.backings.get(words[0])
        if not isinstance(backing, ClusterBacking):
            raise TextError("unknown cluster")
        return backing

    def cid(self, words: Sequence[str]) -> str:
        """cluster/cid."""
        cid = self.find(words).clustered.cid
        if cid is None:
            raise TextError("cluster ID not yet known")
        return f"{cid}\n"

    def leave(self, words: Sequence[str]) -> None:
        """cluster/leave: at once, since nothing has to be handed over."""
        self._owner.close(self.find(words).name)

    async def kick(self, words: Sequence[str]) -> str:
        """cluster/kick."""
        backing = self.find(words)
        members = backing.link.roll.members
        found = [sid for sid, address in members.items() if words[1] in (sid, address)]
        if not found and len(words[1]) >= 4:
            found = [sid for sid in members if sid.startswith(words[1])]
        if len(found) != 1:
            raise TextError("unknown server" if not found else f"{words[1]} may be any of {', '.join(found)}")
        try:
            await backing.kick(found[0])
        except VswitchError as error:
            raise TextError(str(error)) from None
        return "sent removal request\n"

    def refuse(self, reason: str) -> Callable[[Sequence[str]], None]:
        """A command that a cluster in etcd has no use for."""

        def run(words: Sequence[str]) -> None:
            self.find(words)
            raise TextError(reason)

        return run


def status(backing: ClusterBacking) -> Iterator[str]:
    """The lines of cluster/status."""
    clustered, link = backing.clustered, backing.link
    yield _short(clustered.sid)
    yield f"Name: {backing.name}"
    cid = clustered.cid
    yield f"Cluster ID: {_short(cid)} ({cid})" if cid else "Cluster ID: not yet known"
    yield f"Server ID: {_short(clustered.sid)} ({clustered.sid})"
    yield f"Address: {link.own_address}"
    yield f"Store: {backing.address}"
    if clustered.is_connected:
        yield "Status: cluster member"
    else:
        yield (
            "Status: disconnected from the cluster (etcd)"
            if clustered.is_ready
            else "Status: joining cluster"
        )
    yield f"Role: {'leader' if clustered.is_leader else 'follower'}"
    leader = clustered.leader if clustered.is_connected else None
    yield f"Leader: {'unknown' if leader is None else 'self' if leader == clustered.sid else _short(leader)}"
    yield ""
    yield f"Log: [{clustered.growth.snapshot_at + 1}, {link.head.index + 1}]"
    yield f"Entries not yet committed: {int(clustered.member.proposal is not None)}"
    yield "Entries not yet applied: 0"
    yield f"Transactions waiting: {clustered.n_waiting}"
    yield f"Entries that lost the race: {clustered.member.n_outrun}"
    yield f"Connections:{f' ->{link.endpoint}' if link.endpoint else ''}"
    yield f"Disconnections: {link.n_disconnections}"
    yield "Servers:"
    for sid, address in sorted(link.roll.members.items()):
        yield f"    {_short(sid)} ({_short(sid)} at {address}){' (self)' if sid == clustered.sid else ''}"


def _short(uuid: Uuid) -> str:
    return uuid[:4]


def _lines(lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
