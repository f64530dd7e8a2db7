"""Hooks: how programs are attached to the devices of ports, so that they go on when the daemon does not.

A hook is a tcx link that is pinned, or where the kernel has none, a filter of clsact, which needs no pin.  Either way
another program takes the place of the present one without a packet in between that meets none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from vswitch.base.errors import KernelError
from vswitch.dpif.ports import OdpPort
from vswitch.linux.bpf import Attach, Link, Program
from vswitch.linux.clsact import KIND, Clsact
from vswitch.linux.rtnetlink import Rtnetlink


class Hook(ABC):
    """A device's hook."""

    from_host: bool

    @abstractmethod
    def update(self, program: Program) -> None:
        """Put another program in the place of the present one.  KernelError: the device has gone."""

    @abstractmethod
    def holds(self, ifindex: int) -> bool:
        """Whether it is at the device `ifindex`, and that one is there."""

    @abstractmethod
    def detach(self) -> None:
        """Take the program away."""

    def leave(self) -> None:  # noqa: B027 - there may be nothing to do
        """Let the program go on without us."""


class Hooks(ABC):
    """The hooks of a datapath, by port."""

    @abstractmethod
    def attach(self, number: OdpPort, ifindex: int, from_host: bool, program: Program) -> Hook:
        """Hook into a device: where it receives, or where the host sends through it.  KernelError."""

    @abstractmethod
    def adopt(self, number: OdpPort, ifindex: int, from_host: bool) -> Hook:
        """The hook that an earlier daemon left for a port.  KernelError: there is none."""

    def close(self) -> None:  # noqa: B027 - there may be nothing to do
        """Close the door to the kernel."""


class _TcxHook(Hook):
    """A link, pinned at `pin`."""

    def __init__(self, link: Link, pin: Path, from_host: bool) -> None:
        self._link, self._pin, self.from_host = link, pin, from_host

    def update(self, program: Program) -> None:
        self._link.update(program)

    def holds(self, ifindex: int) -> bool:
        return self._link.ifindex() == ifindex

    def detach(self) -> None:
        self._pin.unlink(missing_ok=True)
        self._link.close()

    def leave(self) -> None:
        self._link.close()


class TcxHooks(Hooks):
    """Links, pinned in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def attach(self, number: OdpPort, ifindex: int, from_host: bool, program: Program) -> Hook:
        link = Link.attach(program, ifindex, Attach.TCX_EGRESS if from_host else Attach.TCX_INGRESS)
        pin = self._directory / str(number)
        pin.unlink(missing_ok=True)
        link.pin(str(pin))
        return _TcxHook(link, pin, from_host)

    def adopt(self, number: OdpPort, ifindex: int, from_host: bool) -> Hook:
        pin = self._directory / str(number)
        return _TcxHook(Link.open(str(pin)), pin, from_host)


class _ClsactHook(Hook):
    """A filter of a device."""

    def __init__(self, clsact: Clsact, name: str, ifindex: int, from_host: bool) -> None:
        self._clsact, self._name, self._ifindex, self.from_host = clsact, name, ifindex, from_host

    def update(self, program: Program) -> None:
        self._clsact.put(self._ifindex, self.from_host, program, self._name)

    def holds(self, ifindex: int) -> bool:
        return self._ifindex == ifindex and self._clsact.is_there(ifindex, self.from_host, self._name)

    def detach(self) -> None:
        try:
            self._clsact.remove(self._ifindex, self.from_host)
        except KernelError:  # the device has gone, and with it the hook
            return


class ClsactHooks(Hooks):
    """Filters, named after the datapath."""

    def __init__(self, datapath: str) -> None:
        self._name = f"vswitch {datapath}"
        self._rtnetlink = Rtnetlink()
        self._clsact = Clsact(self._rtnetlink)

    def attach(self, number: OdpPort, ifindex: int, from_host: bool, program: Program) -> Hook:
        hook = _ClsactHook(self._clsact, self._name, ifindex, from_host)
        hook.update(program)
        return hook

    def adopt(self, number: OdpPort, ifindex: int, from_host: bool) -> Hook:
        return _ClsactHook(self._clsact, self._name, ifindex, from_host)

    def close(self) -> None:
        self._rtnetlink.close()

    def sweep(self) -> None:
        """Take our filters away from all devices of this network namespace: nobody remembers which have any."""
        for ifindex in {qdisc.ifindex for qdisc in self._rtnetlink.qdiscs() if qdisc.kind == KIND}:
            for from_host in (False, True):
                hook = _ClsactHook(self._clsact, self._name, ifindex, from_host)
                if hook.holds(ifindex):
                    hook.detach()
