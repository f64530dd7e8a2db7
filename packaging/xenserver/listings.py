"""Writes what the debuginfo package has besides symbols: the sources, and the eBPF programs as the kernel gets them.

    PYTHONPATH=src python3 packaging/xenserver/listings.py BUILDROOT VERSION

A program is made anew for every set of masks.  These are for one table that looks at everything, from a device to the
network and from one to the host, for a kernel with all features that the datapath can use and for one with none.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from vswitch.bpf.assembly import disassemble
from vswitch.bpf.spec import ProgramSpec
from vswitch.datapath.ebpf.compile import Target, main_programs
from vswitch.datapath.ebpf.features import Features
from vswitch.datapath.ebpf.keys import EVERYTHING
from vswitch.datapath.ebpf.subtable import Subtable

TOP = Path(__file__).resolve().parents[2]
SOURCES = ("src", "scripts", "packaging")
ENTRIES = 4096  # of the table: programs do not depend on it


def main() -> None:
    """Write them."""
    root, version = Path(sys.argv[1]), sys.argv[2]
    sources = root / f"usr/src/debug/openvswitch-{version}"
    for name in SOURCES:
        shutil.copytree(
            TOP / name, sources / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    listings = root / f"usr/lib/debug/openvswitch-{version}/bpf"
    listings.mkdir(parents=True)
    for name, program in programs():
        (listings / f"{name}.txt").write_text(
            "".join(f"{line}\n" for line in lines(program)), encoding="ascii"
        )


def programs() -> Iterator[tuple[str, ProgramSpec]]:
    """(name of its listing, program) of each."""
    kernels = {"all": Features(), "none": Features.all_but([field.name for field in fields(Features)])}
    for kernel, features in kernels.items():
        for side in ("network", "host"):
            target = Target(1, features)
            [program] = main_programs([Subtable(1, EVERYTHING, ENTRIES, 0)], side == "host", target)
            yield f"main-from-{side}-{kernel}-features", program


def lines(program: ProgramSpec) -> Iterator[str]:
    """The instructions, numbered as the verifier does, with the maps that they use."""
    slot = 0
    for instruction, text in zip(program.instructions, disassemble(program.instructions), strict=True):
        used = program.maps.get(slot)
        yield f"{slot:5}: {text}" + (f"  ; map {used}" if used else "")
        slot += instruction.slots


if __name__ == "__main__":
    main()
