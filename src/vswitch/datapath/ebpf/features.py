"""What the datapath uses where the kernel has it, and does without where it has not; the probe finds out which.

What it cannot do without, the ring buffer above all, is in kernels from 5.8 on.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields

WITHOUT = "VSWITCH_EBPF_WITHOUT"  # in the environment: names of features not to use, for tests and in case of trouble


@dataclass(frozen=True, slots=True)
class Features:
    """Each is used if it is true."""

    tcx: bool = True  # Linux 6.6; before, programs are attached by clsact
    redirect_peer: bool = True  # 5.10; before, there are no shortcuts through veth pairs
    coarse_clock: bool = True  # 5.11; before, asking for the time costs more

    @classmethod
    def all_but(cls, names: Collection[str]) -> Features:
        """All features whose names are not in `names`."""
        return cls(**{field.name: field.name not in names for field in fields(cls)})

    def __str__(self) -> str:
        ways = ["attached by tcx links" if self.tcx else "attached by clsact"]
        ways += [] if self.redirect_peer else ["without shortcuts through veth pairs"]
        ways += [] if self.coarse_clock else ["with the exact clock"]
        return ", ".join(ways)
