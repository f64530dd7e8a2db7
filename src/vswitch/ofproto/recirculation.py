"""States of translation that datapath actions name by a number, so that a later upcall finds them again.

Sources: ovs-fields(7), recirc_id; OVS Documentation/topics/design.rst.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from vswitch.base.dataclass import dataclass
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import LAYOUT, XXREG
from vswitch.openflow.messages.continuation import Continuation

# What a packet-in says of a packet beside its headers: what the switch made of it, and what it brought along.
_MADE = LAYOUT.mask("in_port", "metadata", *(xxreg.name for xxreg in XXREG))
_BROUGHT = LAYOUT.mask(
    "pkt_mark", "ct_state", "ct_zone", "ct_mark", "ct_label", "tun_id", "tun_dst", "tun_src", "tun_flags",
    "tun_gbp_id", "tun_gbp_flags", "tun_ipv6_dst", "tun_ipv6_src",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frozen:
    """Where a packet was when it left for userspace: in which switch, with which metadata, in which table."""

    switch: str
    metadata: Flow
    table_id: int
    rest: Continuation | None = None  # what is left to do, if the packet waits for a controller

    @classmethod
    def of(
        cls, switch: str, flow: Flow, mask: Mask, table_id: int, rest: Continuation | None = None
    ) -> Frozen:
        """The state of a packet with `flow`, and of all others of its megaflow: they are alike on `mask`."""
        return cls(switch, Flow(flow & (_MADE | _BROUGHT & mask)), table_id, rest)


class FrozenStates:
    """Numbers for states: equal states have one number for as long as somebody holds it."""

    def __init__(self) -> None:
        self._by_number: dict[int, Frozen] = {}
        self._numbers: dict[Frozen, int] = {}
        self._held: Counter[int] = Counter()
        self._next = 1

    def number(self, frozen: Frozen) -> int:
        """The number of `frozen`, new if need be."""
        number = self._numbers.get(frozen)
        if number is None:
            number, self._next = self._next, self._next + 1
            self._numbers[frozen], self._by_number[number] = number, frozen
        return number

    def get(self, number: int) -> Frozen | None:
        """The state with `number`, if it is still known."""
        return self._by_number.get(number)

    def hold(self, numbers: Iterable[int]) -> None:
        """A megaflow names `numbers`, mostly none: keep them."""
        for number in numbers:
            self._held[number] += 1

    def release(self, numbers: Iterable[int]) -> None:
        """The megaflow is gone."""
        for number in numbers:
            self._held[number] -= 1

    def collect(self) -> None:
        """Forget the states that nobody holds."""
        for number in [number for number in self._by_number if self._held[number] <= 0]:
            del self._numbers[self._by_number.pop(number)]
            del self._held[number]
