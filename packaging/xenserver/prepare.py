"""Writes the eBPF programs that the package of one kernel brings, for the features of that kernel.

    PYTHONPATH=src python3 packaging/xenserver/prepare.py BUILDROOT KERNEL

KERNEL is what `uname -r` says on the host.  For one that cannot run them there are none.
"""

from __future__ import annotations

import sys
from pathlib import Path

from vswitch.datapath.ebpf.features import Features
from vswitch.datapath.ebpf.prepared import ABOUT, About, generator, program_file
from vswitch.datapath.ebpf.usual import programs


def main() -> None:
    """Write them."""
    root, kernel = Path(sys.argv[1]), sys.argv[2]
    if features := Features.of_kernel(kernel):
        prepare(root / f"lib/modules/{kernel}/extra/openvswitch/bpf", kernel, features)


def prepare(directory: Path, kernel: str, features: Features) -> None:
    """Write the programs into a new directory."""
    directory.mkdir(parents=True)
    for _, digest, program in programs(features):
        (directory / digest).write_bytes(program_file(digest, program))
    (directory / ABOUT).write_text(str(About(kernel, generator(), features.names)), encoding="ascii")


if __name__ == "__main__":
    main()
