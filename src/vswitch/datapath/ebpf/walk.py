"""Walk along a packet's headers in eBPF: what the parsers of all layers do.

Registers: r6 context; r7 start of the packet, r8 its end, r9 the present header.  Labels: `parsed`, where the program goes
on; `short`, where a header reaches beyond what can be read directly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vswitch.base.dataclass import dataclass
from vswitch.bpf.builder import (
    R0,
    R1,
    R2,
    R3,
    R7,
    R8,
    R9,
    Builder,
    Map,
    Memory,
    Register,
)
from vswitch.bpf.helpers import Helper
from vswitch.datapath.ebpf import skb
from vswitch.datapath.ebpf.keys import PARTS, PLACES
from vswitch.datapath.ebpf.skb import CONTEXT

PULL = 256  # bytes


@dataclass(frozen=True, slots=True)
class Walk:
    """The generator, for one program.

    `key` points to where the key goes; `up` where what it gives up on goes; `own` which of `programs` this is.
    """

    b: Builder
    key: Register
    wanted: frozenset[str]
    up: str
    own: int
    neighbours: bool  # whether to look into neighbour discovery

    def put(self, slot: str, source: Register | int, size: int = 0, skip: int = 0) -> None:
        """Store `source` in the key, if the slot is wanted; `skip` bytes of the slot are passed over."""
        if slot in self.wanted:
            size = size or next(part.size for part in PARTS if part.slot == slot)
            self.b.store(Memory(self.key + (PLACES[slot] + skip), size), source)

    def copy(self, slot: str, base: Register, off: int, size: int) -> None:
        """Copy `size` bytes of the packet into the key, if the slot is wanted; r2 is lost."""
        if slot not in self.wanted:
            return
        at = 0
        while size:
            width = next(
                width for width in (8, 4, 2, 1) if width <= size and (PLACES[slot] + at) % width == 0
            )
            self.b.load(R2, Memory(base + off + at, width))
            self.b.store(Memory(self.key + (PLACES[slot] + at), width), R2)
            at, size = at + width, size - width

    def need(self, size: int) -> None:
        """Go to `short` unless `size` bytes of the present header are there to be read; r2 is lost."""
        self.b.mov(R2, R9)
        self.b.add(R2, size)
        self.b.jump_if(R2 > R8, "short")

    def remaining(self, dst: Register, scratch: Register) -> None:
        """`dst` = how many bytes the packet has from the present header on."""
        b = self.b
        b.load(dst, skb.LENGTH)
        b.mov(scratch, R9)
        b.sub(scratch, R7)
        b.sub(dst, scratch)

    def forget(self, bits: int) -> None:
        """Let the verifier forget how r9 came to point less than 2 ** `bits` bytes into the packet; r2 is lost.

        It follows each way to each place separately, unless what it knows there is the same.  What it knows of
        the packet's start is how much it has seen of the packet so far: the start is therefore loaded again.
        """
        b = self.b
        b.mov(R2, R9)
        b.sub(R2, R7)
        b.and_(R2, (1 << bits) - 1)
        b.load(R7, skb.DATA)
        b.mov(R9, R7)
        b.add(R9, R2)

    def forget_length(self) -> None:
        """The same for r3, a length of 16 bits."""
        self.b.and_(R3, 0xFFFF)

    @contextmanager
    def section(self, label: str) -> Iterator[None]:
        """Code that is reached by a jump to `label` only, and ends with the packet parsed."""
        self.b.label(label)
        yield
        self.b.jump("parsed")

    def short(self) -> None:
        """A header is not in the linear part: pull and begin again; or it is not there at all."""
        b = self.b
        with self.section("short"):
            b.load(R2, skb.LENGTH)
            b.jump_if(R2 <= PULL, "to pull")
            b.mov(R2, PULL)
            b.label("to pull")
            b.sub(R8, R7)
            b.jump_if(R8 >= R2, "exhausted")
            b.call(Helper.skb_pull_data, CONTEXT, R2)
            b.jump_if(R0 != 0, self.up)
            b.call(Helper.tail_call, CONTEXT, Map("programs"), self.own)
            b.jump(self.up)
            b.label("exhausted")
            b.load(R1, skb.LENGTH)
            b.jump_if(R1 > PULL, self.up)
