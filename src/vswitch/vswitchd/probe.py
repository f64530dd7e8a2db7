"""Which datapath "system" is on this machine.

It takes 35 ms to find out, most of them for imports that a switch does without until it has a bridge: the daemons have it
found elsewhere while they start.
"""

from __future__ import annotations


def probe() -> str:
    """Why the kernel cannot forward, or "", and what it forwards with, in two lines."""
    from vswitch.datapath.ebpf.probe import find_features, why_not

    reason = why_not()
    return f"{reason}\n" if reason else f"\n{find_features()}"
