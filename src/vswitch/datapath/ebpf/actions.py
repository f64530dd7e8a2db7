"""Action lists as programs: a list is a shape, which is code, and parameters, which are data.

    push_vlan(vid=5), 1, 2, 3      shape (PushVlan, Outputs(3))        parameters 0x8100, 5, 1, 2, 3
    push_vlan(vid=7), 4, 5, 6      the same shape, the same program    parameters 0x8100, 7, 4, 5, 6

so that new rules, as long as they do the same kind of thing, are entries of a map.  Dropping and sending to one port
are done by the main program itself.

What a program cannot do to a packet (rewrite SCTP or neighbour discovery, cut a packet for one output of several), and
packets that are not as the list wants them (extension headers before the port to rewrite), go up, to be handled by
the same code that serves the userspace datapath: shape `UP`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Protocol

from vswitch.base.dataclass import dataclass
from vswitch.bpf.builder import R0, R1, R2, R3, R9, Builder, Map, u32
from vswitch.bpf.helpers import Helper
from vswitch.bpf.spec import ProgramSpec
from vswitch.datapath.ebpf import skb
from vswitch.datapath.ebpf.emit import output_copies, output_copy, output_last, send_up
from vswitch.datapath.ebpf.maps import ACTION, EXECUTE, PARAMETERS_SIZE
from vswitch.datapath.ebpf.rewrite import NotInEbpf, Rewrite, plan_rewrite
from vswitch.datapath.ebpf.skb import CONTEXT
from vswitch.dpif.action import DatapathAction, Output, PopVlan, PushVlan, Set, Trunc, Userspace
from vswitch.flow.field import Flow, Mask

_UNROLLED = 3  # outputs


class Step(Protocol):
    """Part of a shape: code, and how many bytes of parameters it reads."""

    @property
    def size(self) -> int:
        """Bytes of parameters, a multiple of 4."""
        ...

    def emit(self, b: Builder, at: int) -> None:
        """The code; its parameters are `at` bytes behind r9."""
        ...


@dataclass(frozen=True, slots=True)
class Outputs:
    """Send a copy to each of `n` ports."""

    n: int

    @property
    def size(self) -> int:
        return 4 * self.n

    def emit(self, b: Builder, at: int) -> None:
        if self.n > _UNROLLED:
            output_copies(b, at, self.n)
            return
        for i in range(self.n):
            output_copy(b, u32(R9 + at + 4 * i))


@dataclass(frozen=True, slots=True)
class LastOutput:
    """Send the packet itself to a port: the end."""

    size: int = 4

    def emit(self, b: Builder, at: int) -> None:
        output_last(b, u32(R9 + at), may_skip=False)


@dataclass(frozen=True, slots=True)
class Cut:
    """Shorten the packet.  As the `first` step, it can still leave a packet that it cannot cut to userspace."""

    first: bool
    size: int = 4

    def emit(self, b: Builder, at: int) -> None:
        b.load(R2, u32(R9 + at))
        b.load(R1, skb.LENGTH)
        with b.when(R1 > R2):
            b.call(Helper.skb_change_tail, CONTEXT, R2, 0)
            b.jump_if(R0 != 0, "up" if self.first else "failed")


@dataclass(frozen=True, slots=True)
class Push:
    """Add a VLAN tag."""

    size: int = 8

    def emit(self, b: Builder, at: int) -> None:
        b.load(R2, u32(R9 + at))
        b.load(R3, u32(R9 + at + 4))
        b.call(Helper.skb_vlan_push, CONTEXT, R2, R3)
        b.jump_if(R0 != 0, "failed")


@dataclass(frozen=True, slots=True)
class Pop:
    """Remove a VLAN tag."""

    size: int = 0

    def emit(self, b: Builder, at: int) -> None:
        b.call(Helper.skb_vlan_pop, CONTEXT)
        b.jump_if(R0 != 0, "failed")


@dataclass(frozen=True, slots=True)
class Up:
    """Hand a copy to the daemon, for the action at `index` of the list."""

    index: int
    size: int = 0

    def emit(self, b: Builder, at: int) -> None:
        send_up(b, ACTION, skb.NOTE, self.index)


@dataclass(frozen=True, slots=True)
class ExecuteUp:
    """Let the daemon do all of it."""

    size: int = 0

    def emit(self, b: Builder, at: int) -> None:
        send_up(b, EXECUTE, skb.NOTE)


Shape = tuple[Step, ...]
UP: Shape = (ExecuteUp(),)


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of an action list."""

    shape: Shape
    parameters: bytes = b""


def plan_actions(actions: Sequence[DatapathAction], flow: Flow, mask: Mask) -> Plan:
    """How to run `actions` on the packets that agree with `flow` on `mask`."""
    try:
        steps, values = _lower(actions, flow, mask)
    except NotInEbpf:
        return Plan(UP)
    parameters = b"".join(values)
    return Plan(tuple(steps), parameters) if len(parameters) <= PARAMETERS_SIZE else Plan(UP)


def _lower(actions: Sequence[DatapathAction], flow: Flow, mask: Mask) -> tuple[list[Step], list[bytes]]:
    steps: list[Step] = []
    values: list[bytes] = []
    ports: list[int] = []

    def finish_outputs() -> None:
        if ports:
            steps.append(Outputs(len(ports)))
            values.append(struct.pack(f"={len(ports)}I", *ports))
            ports.clear()

    last = len(actions) - 1
    for i, action in enumerate(actions):
        if isinstance(action, Output):
            if i < last:
                ports.append(action.port)
                continue
            finish_outputs()
            steps.append(LastOutput())
            values.append(struct.pack("=I", action.port))
            continue
        finish_outputs()
        match action:
            case PushVlan(tci, tpid):
                steps.append(Push())
                values.append(struct.pack("=II", skb.be16(tpid), tci & ~0x1000))
            case PopVlan():
                steps.append(Pop())
            case Trunc(max_len) if i == last - 1 and isinstance(actions[last], Output):
                steps.append(Cut(first=not steps))
                values.append(struct.pack("=I", max_len))
            case Userspace():
                steps.append(Up(i))
            case Set():
                step, value = plan_rewrite(action, flow, mask)
                steps.append(step)
                values.append(value)
            case _:
                raise NotInEbpf
    finish_outputs()
    return steps, values


def shape_program(shape: Shape) -> ProgramSpec:
    """The program that runs lists of `shape`; the main program leaves the list's id in the packet's note."""
    b = Builder()
    b.mov(CONTEXT, R1)
    with b.scratch(4) as id:
        b.load(R1, skb.NOTE)
        b.store(u32(id), R1)
        b.call(Helper.map_lookup_elem, Map("lists"), id)
        b.jump_if(R0 == 0, "failed")
        b.mov(R9, R0)
    _check(b, shape)
    at = 0
    for step in shape:
        step.emit(b, at)
        at += step.size
    b.label("failed")
    b.exit(skb.DROP)
    b.label("up")
    send_up(b, EXECUTE, skb.NOTE)
    b.exit(skb.DROP)
    return b.build("actions")


def _check(b: Builder, shape: Shape) -> None:
    """Before anything happens to the packet: go `up` with one that a step could not rewrite."""
    for step in shape:
        if isinstance(step, Rewrite):
            step.check(b)
