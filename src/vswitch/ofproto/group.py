"""Groups of a switch: what the group table holds.

Sources: OpenFlow 1.5.1, 5.10 (group table); ovs-ofctl(8), "Group Syntax".
"""

from __future__ import annotations

from vswitch.base.dataclass import dataclass, field
from vswitch.ofproto.port import Traffic
from vswitch.openflow.messages.group import Bucket, GroupDesc, Selection


@dataclass(slots=True, eq=False)
class GroupEntry:
    """One group, and what it and each of its buckets have carried.  To change one is to put another in its place."""

    id: int
    type: int  # OFPGT_*
    buckets: tuple[Bucket, ...]
    selection: Selection
    created: float
    traffic: Traffic = field(default_factory=Traffic)
    bucket_traffic: list[Traffic] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Count from 0."""
        self.bucket_traffic = [Traffic() for _ in self.buckets]

    def describe(self) -> GroupDesc:
        """The group as controllers are told of it."""
        return GroupDesc(self.id, self.type, self.buckets, self.selection)
