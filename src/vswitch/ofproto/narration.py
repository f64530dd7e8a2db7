"""The story that a translation tells: remarks, printed as ofproto/trace prints them.

Only a bridge and a table have remarks of their own under them; what an action leads to stands beside the action.  The
last of several siblings is not indented further, so that a chain of resubmits does not walk off the right margin.

Sources: ovs-vswitchd(8), ofproto/trace; ovs-tutorials.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence

from vswitch.base.dataclass import dataclass, field


class Kind(enum.Enum):
    """What a remark is about."""

    BRIDGE = enum.auto()
    TABLE = enum.auto()
    BUCKET = enum.auto()
    ACTION = enum.auto()
    DETAIL = enum.auto()
    WARN = enum.auto()
    ERROR = enum.auto()


_NESTING = frozenset((Kind.BRIDGE, Kind.TABLE))
_FORMS = {Kind.DETAIL: " -> {}", Kind.WARN: " >> {}", Kind.ERROR: " >>>> {} <<<<"}


@dataclass(slots=True)
class Node:
    """One remark, and those under it."""

    kind: Kind
    text: str
    children: list[Node] = field(default_factory=list)

    def add(self, kind: Kind, text: str) -> Node:
        """Append a remark under this one."""
        child = Node(kind, text)
        self.children.append(child)
        return child


def narrate(nodes: Sequence[Node], level: int = 0) -> Iterator[str]:
    """The lines of `nodes`, which are siblings."""
    for node in nodes:
        deeper = node.kind not in _NESTING or node is not nodes[-1]
        indent = " " * (4 * (level + deeper))
        if node.kind is Kind.BRIDGE:
            yield ""
        yield indent + _FORMS.get(node.kind, "{}").format(node.text)
        if node.kind is Kind.BRIDGE:
            yield indent + "-" * len(node.text)
        yield from narrate(node.children, level + 2 * deeper)
