"""What the datapath uses where the kernel has it, and does without where it has not; the probe finds out which.

What it cannot do without, the ring buffer above all, is in kernels from 5.8 on.  Since which version a kernel has a
feature, unless somebody has given it to an older one, serves to prepare programs for it (usual.py), never to decide.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from vswitch.base.dataclass import dataclass, field, fields

WITHOUT = "VSWITCH_EBPF_WITHOUT"  # in the environment: names of features not to use, for tests and in case of trouble


OLDEST = (5, 8)  # version of Linux that can run the datapath


def _since(major: int, minor: int) -> bool:
    """A feature that Linux has since that version."""
    return field(default=True, metadata={"since": (major, minor)})


@dataclass(frozen=True, slots=True)
class Features:
    """Each is used if it is true."""

    tcx: bool = _since(6, 6)  # before, programs are attached by clsact
    redirect_peer: bool = _since(5, 10)  # before, there are no shortcuts through veth pairs
    coarse_clock: bool = _since(5, 11)  # before, asking for the time costs more

    @classmethod
    def all_but(cls, names: Collection[str]) -> Features:
        """All features whose names are not in `names`."""
        return cls(**{field.name: field.name not in names for field in fields(cls)})

    @classmethod
    def of_kernel(cls, release: str) -> Features | None:
        """What a kernel of this version (`uname -r`) has by itself; None: it cannot run the datapath."""
        found = re.match(r"(\d+)\.(\d+)", release)
        version = (int(found[1]), int(found[2])) if found else (0, 0)
        if version < OLDEST:
            return None
        return cls.all_but([field.name for field in fields(cls) if version < field.metadata["since"]])

    @property
    def names(self) -> tuple[str, ...]:
        """Those that are used."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name))

    def __str__(self) -> str:
        ways = ["attached by tcx links" if self.tcx else "attached by clsact"]
        ways += [] if self.redirect_peer else ["without shortcuts through veth pairs"]
        ways += [] if self.coarse_clock else ["with the exact clock"]
        return ", ".join(ways)
