"""A run of interface-reconfigure as a value: the steps, in order.

Planners make plans from records and facts (vswitch_backend.py, bridge_backend.py, actions.py); `--dry-run` prints them;
tests compare them; perform.py carries them out.  A step's text is what `--dry-run` prints.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.base.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the log should say."""

    text: str

    def __str__(self) -> str:
        return f"# {self.text}"


@dataclass(frozen=True, slots=True)
class Stage:
    """Write a file beside the one that it is to replace."""

    path: str
    text: str

    def __str__(self) -> str:
        return "\n".join([f"write {self.path}:", *(f"  | {line}" for line in self.text.splitlines())])


@dataclass(frozen=True, slots=True)
class Apply:
    """Put the files staged so far into their places, keeping the old ones."""

    def __str__(self) -> str:
        return "put the files into place"


@dataclass(frozen=True, slots=True)
class Commit:
    """Forget the old files; until then, a failure brings them back."""

    def __str__(self) -> str:
        return "keep the files"


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a file."""

    path: str

    def __str__(self) -> str:
        return f"remove {self.path}"


@dataclass(frozen=True, slots=True)
class Run:
    """Run a command; should it fail, the log says so and the plan goes on."""

    argv: tuple[str, ...]

    def __str__(self) -> str:
        return "run " + " ".join(self.argv)


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Enable a device, which must exist."""

    device: str
    mtu: str = ""

    def __str__(self) -> str:
        return f"link up {self.device}" + (f" mtu {self.mtu}" if self.mtu else "")


@dataclass(frozen=True, slots=True)
class LinkDown:
    """Disable a device, if it exists."""

    device: str

    def __str__(self) -> str:
        return f"link down {self.device}"


@dataclass(frozen=True, slots=True)
class IfUp:
    """Let the distribution configure a device as its ifcfg file says."""

    device: str

    def __str__(self) -> str:
        return f"ifup {self.device}"


@dataclass(frozen=True, slots=True)
class IfDown:
    """Let the distribution unconfigure a device, if it exists."""

    device: str

    def __str__(self) -> str:
        return f"ifdown {self.device}"


@dataclass(frozen=True, slots=True)
class Transact:
    """Change the switch's database in one transaction, by these commands of ovs-vsctl, and wait for the switch."""

    commands: tuple[tuple[str, ...], ...]

    @property
    def argv(self) -> tuple[str, ...]:
        """The words for ovs-vsctl that have the same effect."""
        return tuple(word for command in self.commands for word in ("--", *command))

    def __str__(self) -> str:
        return "\n".join(["switch:", *(f"  -- {' '.join(command)}" for command in self.commands)])


@dataclass(frozen=True, slots=True)
class Protect:
    """Add the flows that keep the host reachable on `bridge` in secure mode, through these devices."""

    bridge: str
    mac: str
    devices: tuple[str, ...]
    is_bond: bool

    def __str__(self) -> str:
        return f"protect {self.mac} on {self.bridge} through {' '.join(self.devices)}"


@dataclass(frozen=True, slots=True)
class MakeBond:
    """Have the kernel's bonding driver make a bond."""

    name: str

    def __str__(self) -> str:
        return f"make bond {self.name}"


@dataclass(frozen=True, slots=True)
class RemoveBond:
    """Have the kernel's bonding driver remove a bond."""

    name: str

    def __str__(self) -> str:
        return f"remove bond {self.name}"


@dataclass(frozen=True, slots=True)
class SaveCache:
    """Replace the copy of XAPI's records."""

    text: str

    def __str__(self) -> str:
        return f"save the network cache ({len(self.text)} characters)"


Step = (
    Note | Stage | Apply | Commit | Remove | Run | LinkUp | LinkDown | IfUp | IfDown | Transact | Protect
    | MakeBond | RemoveBond | SaveCache
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a run does."""

    steps: tuple[Step, ...]

    def lines(self) -> Iterator[str]:
        """The plan for people."""
        for step in self.steps:
            yield from str(step).splitlines()
